set -euo pipefail
cd /
keys=$(cat)
test "$(wc -l <<< "$keys")" = 2
stat -c '%a %U' /etc/pgbackrest/pgbackrest.conf
# Outside of what is theirs to hold: the configuration, and the store's own list.
printf %s "$keys" | grep -rqsF -f - /var/log /var/lib/seaweed /run/systemd /etc/systemd && echo "a key is in a log, in a unit or in the bucket"
printf %s "$keys" | grep -qsF -f - /proc/[0-9]*/cmdline && echo "a key is on a command line"
runuser -u postgres -- pgbackrest --stanza=shard0 --repo=1 repo-get --raw archive/shard0/archive.info | head -qc 6
