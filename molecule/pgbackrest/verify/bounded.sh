set -euo pipefail
cd /
sql() { runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d unde -c "$1"; }
switch() { sql "SELECT pg_logical_emit_message(false, 'fill', 'x'); SELECT pg_switch_wal()" > /dev/null; }
# An attempt at a store that is away lasts minutes, and the bound is looked at when one begins: so what waits piles up before the first.
trap 'sql "ALTER SYSTEM RESET archive_command" && sql "SELECT pg_reload_conf()" > /dev/null' EXIT
sql "ALTER SYSTEM SET archive_command = 'false'" && sql "SELECT pg_reload_conf()" > /dev/null
for n in $(seq 8); do switch; done
sql "ALTER SYSTEM RESET archive_command" && sql "SELECT pg_reload_conf()" > /dev/null
for try in $(seq 60); do
    # A new segment wakes the archiver, which otherwise rests for a minute after three failures.
    switch
    waiting=$(sql "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
    test "$waiting" -le 4 && break
    sleep 1
done
grep -h "dropped WAL file" /var/log/postgresql/*.log /var/log/pgbackrest/*.log | head -1
echo "waiting: $waiting"
sql "INSERT INTO public.kept VALUES (2)"
