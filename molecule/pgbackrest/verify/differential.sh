set -euo pipefail
systemctl start unde-pgbackrest@diff.service
cd /; runuser -u postgres -- pgbackrest --stanza=shard0 --output=json info
systemctl is-active unde-pgbackrest@full.timer unde-pgbackrest@diff.timer unde-pgbackrest@ensure.timer >&2
