set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -qy install postgresql-17 postgresql-17-pgvector >/dev/null
config=/etc/postgresql/17/main
printf "work_mem = '7MB'\nshared_buffers = '24MB'\n" >> $config/postgresql.conf
systemctl restart postgresql@17-main
cd /
runuser -u postgres -- psql -Xq -v ON_ERROR_STOP=1 <<'SQL'
CREATE ROLE shop LOGIN PASSWORD 'by-hand';
CREATE DATABASE unde OWNER shop;
\connect unde
CREATE TABLE public.routing_table (user_id int PRIMARY KEY, shard text);
INSERT INTO public.routing_table SELECT n, 'somewhere' FROM generate_series(1, 100) AS n;
ALTER TABLE public.routing_table OWNER TO shop;
SQL
