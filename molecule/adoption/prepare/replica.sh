# A standby of the database, on a mount of its own. What stands for the encrypted disk is named in molecule.yml.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
printf 'pg_by_hand /dev/disk/by-id/their-disk none luks,noauto\n' >/etc/crypttab
cat >/etc/systemd/system/var-lib-postgresql.mount <<'UNIT'
[Mount]
What=tmpfs
Where=/var/lib/postgresql
Type=tmpfs
Options=size=512m
UNIT
mkdir -p /var/lib/postgresql
systemctl daemon-reload
systemctl start var-lib-postgresql.mount
apt-get -q update >/dev/null
apt-get -qy install postgresql-17 >/dev/null
cd /
systemctl stop postgresql@17-main
rm -rf /var/lib/postgresql/17/main
# The database is made at the same time.
for n in {1..240}; do [ "$(psql -XqAt 'host=198.18.84.11 user=shop dbname=shop' -c "SELECT count(*) FROM orders" 2>/dev/null)" != 5000 ] || break; sleep 0.5; done
runuser -u postgres -- pg_basebackup --pgdata=/var/lib/postgresql/17/main --host=198.18.84.11 --username=standby --slot=by_hand --write-recovery-conf --checkpoint=fast
systemctl start postgresql@17-main
