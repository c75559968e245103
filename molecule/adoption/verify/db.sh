set -euxo pipefail
cd /
[ "$(runuser -u postgres -- psql -XqAt -d shop -c "SELECT count(*), sum(id) FROM orders")" = '5000|12502500' ]
[ "$(runuser -u postgres -- psql -XqAt -c 'SHOW work_mem')" = 7MB ]
# The standby never let go of its connection, and is where the database is.
diff /run/standby <(runuser -u postgres -- psql -XqAt -c "SELECT pid, backend_start FROM pg_stat_replication WHERE state = 'streaming'")
# Their own firewall is there.
grep -q 'tcp dport 23' <<<"$(nft list table inet theirs)"
# The worker waits yet, and its connection is the one that it began with: what is pushed reaches it.
[ "$(systemctl is-active worker)" = active ]
redis-cli -h 198.18.84.12 RPUSH urgent now >/dev/null
for n in {1..50}; do [ "$(systemctl is-active worker)" = active ] || break; sleep 0.1; done
[ "$(</run/worker.log)" = $'urgent\nnow' ]
