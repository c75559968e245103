# A broker as a person makes one, with work in its queues; and somebody's own exporter on the port that ours would have.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -qy install redis-server postgresql-client >/dev/null
cat >/etc/redis/redis.conf <<'CONF'
# by hand
bind 0.0.0.0
protected-mode no
port 6379
supervised systemd
dir /var/lib/redis
appendonly yes
maxmemory 40mb
maxmemory-policy noeviction
pidfile /run/redis/redis-server.pid
CONF
systemctl restart redis-server
for n in {1..40}; do echo "RPUSH celery task-$n"; done | redis-cli >/dev/null
for n in {1..7}; do echo "RPUSH mails mail-$n"; done | redis-cli >/dev/null
# As `apt-get clean` leaves it: whoever asks apt now would write its caches anew.
rm --force /var/cache/apt/*.bin
systemd-run --quiet --unit=their-exporter python3 -B -m http.server --directory /run 9100
