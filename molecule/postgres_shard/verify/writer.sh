# A user of its own: inserts, edits of every third, deletes of every fifth message; each line of the log is a statement that was acknowledged.
sql() { psql -XqAt -v ON_ERROR_STOP=1 -d "host=$ADDRESS user=unde_app dbname=unde sslmode=require" -c "$1"; }
user=00000000-0000-4000-8000-000000000003
for n in $(seq 1 100000); do
  if sql "INSERT INTO unde.messages (user_id, role, content, client, seq, embedding) VALUES ('$user', 'user', 'while it changes $n', 'writer', $n, NULL)"; then echo "insert $n"; fi
  if ((n % 3 == 0)) && sql "UPDATE unde.messages SET content = content || ', edited' WHERE user_id = '$user' AND seq = $n"; then echo "edit $n"; fi
  if ((n % 5 == 0)) && sql "DELETE FROM unde.messages WHERE user_id = '$user' AND seq = $n"; then echo "delete $n"; fi
done >/root/acknowledged 2>/root/writer-complaints
