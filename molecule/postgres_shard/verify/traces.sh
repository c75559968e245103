set -euo pipefail
cd /
runuser -u postgres -- psql -XqAt -d unde -c CHECKPOINT
! printf %s "$KEY" | grep -rqsF -f - /var/lib/postgresql /var/log /etc /tmp /root || { echo "the key is on the disk"; exit 1; }
! grep -rqsF -e "forty-three and a half" /var/lib/postgresql/17/main/base /var/lib/postgresql/17/main/pg_wal /var/log || { echo "the plain text is on the disk"; exit 1; }
stat -c '%a %U' /run/unde/master.key
