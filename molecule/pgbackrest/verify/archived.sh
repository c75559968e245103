set -euo pipefail
cd /
sql() { runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d unde -c "$1"; }
sql "CREATE TABLE IF NOT EXISTS public.kept (n int)"
sql "TRUNCATE public.kept; INSERT INTO public.kept VALUES (1)"
segment=$(sql "SELECT pg_walfile_name(pg_current_wal_lsn())")
sql "SELECT pg_switch_wal()" > /dev/null
for try in $(seq 60); do
    test "$(sql "SELECT last_archived_wal >= '$segment' FROM pg_stat_archiver")" = t && break
    sleep 0.5
done
runuser -u postgres -- pgbackrest --stanza=shard0 --repo=1 repo-ls --recurse archive/shard0 | grep "$segment-" || { echo "$segment did not arrive in the bucket"; exit 1; }
find /var/lib/pgbackrest/archive/shard0 -name "$segment-*" | grep . || { echo "$segment did not arrive where it went before"; exit 1; }
