set -euo pipefail
cd /
runuser -u postgres -- psql -XqAt -d postgres -c "SELECT pg_promote()" > /dev/null
# It has no stanza in a former repository of its own yet: that is made too, so that its WAL gets anywhere.
systemctl start unde-pgbackrest@full.service || { journalctl --quiet --no-pager --output=cat --unit=unde-pgbackrest@full.service --lines=20 >&2; exit 1; }
runuser -u postgres -- pgbackrest --stanza=shard0 --repo=1 --output=json info | python3 -c '
import json, sys
last = json.load(sys.stdin)[0]["backup"][-1]
print(last["type"], last["archive"]["stop"][:8])'
