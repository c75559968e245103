set -euxo pipefail
cd /
[ "$(runuser -u postgres -- psql -XqAt -d shop -c 'SELECT pg_is_in_recovery(), count(*) FROM orders')" = 't|5000' ]
[ "$(systemctl is-active var-lib-postgresql.mount)" = active ]
[ "$(findmnt --noheadings --output FSTYPE /var/lib/postgresql)" = tmpfs ]
# It follows, and did not begin anew.
[ "$(runuser -u postgres -- psql -XqAt -c "SELECT status FROM pg_stat_wal_receiver")" = streaming ]
