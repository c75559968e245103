set -euo pipefail
cd /
diff <(sed -n '2,3p' /root/state) <(systemctl show --property MainPID,ActiveEnterTimestampMonotonic postgresql@17-main.service)
grep -q "work_mem = '7MB'" /var/lib/unde/core_database/before/postgresql.conf
runuser -u postgres -- psql -XqAt -d unde -c "SELECT count(*), (SELECT tableowner FROM pg_tables WHERE tablename = 'routing_table') FROM public.routing_table"
psql -XqAt -d "host=127.0.0.1 dbname=unde user=app sslmode=require" -c "SELECT current_user"
