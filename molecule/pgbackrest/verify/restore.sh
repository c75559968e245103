set -euo pipefail
cd /
here=/var/lib/postgresql/restored
rm -rf $here && install -d -o postgres -g postgres -m 0700 $here
runuser -u postgres -- pgbackrest --stanza=shard0 --repo=1 --pg1-path=$here --archive-mode=off --type=immediate --target-action=promote restore
printf "data_directory = '%s'\nport = 5999\nlisten_addresses = ''\nunix_socket_directories = '/tmp'\nhba_file = '/etc/postgresql/17/main/pg_hba.conf'\nident_file = '/etc/postgresql/17/main/pg_ident.conf'\nshared_preload_libraries = 'pg_stat_statements'\n" $here > $here/postgresql.conf
runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_ctl -D $here -w -t 60 -l $here/log start > /dev/null
trap 'runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_ctl -D $here -m immediate stop > /dev/null; rm -rf $here' EXIT
for try in $(seq 60); do
    test "$(runuser -u postgres -- psql -XqAt -h /tmp -p 5999 -d unde -c 'SELECT pg_is_in_recovery()')" = f && break
    sleep 0.5
done
runuser -u postgres -- psql -XqAt -h /tmp -p 5999 -d unde -c "SELECT count(*), (SELECT count(*) FROM pg_inherits WHERE inhparent = 'unde.messages'::regclass) FROM public.kept"
