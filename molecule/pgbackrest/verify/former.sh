set -euo pipefail
cd /
ls /etc/pgbackrest/conf.d/former.conf 2> /dev/null || echo gone
test -s /var/lib/pgbackrest/backup/shard0/backup.info && echo there
# Still to be read: with the key, and where it is.
pass=$(sed -n 's/^repo1-cipher-pass=//p' /etc/pgbackrest/pgbackrest.conf)
PGBACKREST_REPO1_CIPHER_PASS=$pass runuser -u postgres -- pgbackrest --config=/dev/null --stanza=shard0 --repo1-path=/var/lib/pgbackrest --repo1-cipher-type=aes-256-cbc \
    --output=json info | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["backup"][0]["type"])'
