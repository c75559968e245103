set -euo pipefail
cd /
runuser -u postgres -- pgbackrest --stanza=shard0 check
runuser -u postgres -- pgbackrest --stanza=shard0 --repo=1 --output=json info
