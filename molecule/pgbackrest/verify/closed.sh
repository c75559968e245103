set -euo pipefail
stat -c '%a %U' /var/lib/pgbackrest /etc/pgbackrest/pgbackrest.conf
printf %s "$KEY" | grep -rqsF -f - /var/log /var/lib/pgbackrest && echo "the key is in a log or in the repository"
head -qc 6 /var/lib/pgbackrest/archive/shard0/archive.info
