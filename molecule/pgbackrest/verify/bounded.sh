set -euo pipefail
cd /
sql() { runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d unde -c "$1"; }
mv /var/lib/pgbackrest /var/lib/pgbackrest.away
trap 'rm -rf /var/lib/pgbackrest; mv /var/lib/pgbackrest.away /var/lib/pgbackrest' EXIT
touch /var/lib/pgbackrest
switch() { sql "SELECT pg_logical_emit_message(false, 'fill', 'x'); SELECT pg_switch_wal()" > /dev/null; }
for n in $(seq 8); do switch; done
for try in $(seq 90); do
    waiting=$(sql "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
    test "$waiting" -le 4 && break
    # A new segment wakes the archiver, which otherwise rests for a minute after three failures.
    switch
    sleep 1
done
grep -h "dropped WAL file" /var/log/postgresql/*.log /var/log/pgbackrest/*.log | head -1
echo "waiting: $waiting"
sql "INSERT INTO public.kept VALUES (2)"
