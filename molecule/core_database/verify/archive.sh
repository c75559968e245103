set -euo pipefail
cd /
as_postgres() { runuser -u postgres -- "$@"; }
as_postgres pgbackrest --stanza=production check >&2
as_postgres pgbackrest --stanza=production --output=text verify >&2
as_postgres pgbackrest --stanza=production --output=json info |
    python3 -c 'import json, sys; found = json.load(sys.stdin)[0]; print(found["status"]["message"], found["backup"][0]["type"])'
as_postgres psql -XqAt -h /run/postgresql -p 6432 -U pgbouncer -d pgbouncer -c "SHOW USERS" | awk -F'|' '$1 == "embed_batch" { print $1, $2 + 0 }'
