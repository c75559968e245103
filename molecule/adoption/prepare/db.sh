# A database as a person makes one: configuration written by hand, rows in it, a firewall of their own.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -qy install postgresql-17 redis-tools nftables >/dev/null
cd /
cat >/etc/postgresql/17/main/postgresql.conf <<'CONF'
# by hand
data_directory = '/var/lib/postgresql/17/main'
hba_file = '/etc/postgresql/17/main/pg_hba.conf'
ident_file = '/etc/postgresql/17/main/pg_ident.conf'
external_pid_file = '/run/postgresql/17-main.pid'
unix_socket_directories = '/run/postgresql'
listen_addresses = '*'
port = 5432
work_mem = '7MB'
shared_buffers = '24MB'
CONF
cat >/etc/postgresql/17/main/pg_hba.conf <<'HBA'
# by hand
local all all peer
host shop shop 198.18.84.0/24 trust
host replication standby 198.18.84.13/32 trust
HBA
systemctl restart postgresql@17-main
runuser -u postgres -- psql -Xq -v ON_ERROR_STOP=1 <<'SQL'
CREATE ROLE shop LOGIN;
CREATE ROLE standby LOGIN REPLICATION;
CREATE DATABASE shop OWNER shop;
SELECT pg_create_physical_replication_slot('by_hand');
\connect shop
CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS what FROM generate_series(1, 5000) AS n;
ALTER TABLE orders OWNER TO shop;
SQL
printf 'APT::Periodic::Unattended-Upgrade "1";\n' >/etc/apt/apt.conf.d/20auto-upgrades
nft -f - <<'NFT'
table inet theirs {
  chain input {
    type filter hook input priority 5; policy accept;
    tcp dport 23 counter drop
  }
}
NFT
