set -euo pipefail
systemctl start unde-pgbackrest@full.service
systemctl start unde-pgbackrest@diff.service
cd /; runuser -u postgres -- pgbackrest --stanza=shard0 --repo=1 --output=json info
systemctl is-active unde-pgbackrest@full.timer unde-pgbackrest@diff.timer unde-pgbackrest@ensure.timer >&2
