set -euo pipefail
ask() { local key=$1; shift; printf 'user = "%s"\n' "$key" | curl --silent --show-error --fail --config - --cacert /etc/unde/tls/ca.crt --aws-sigv4 aws:amz:hel1:s3 "$@" > /dev/null; }
ask "$ADMIN" --request DELETE "$ENDPOINT/unde-images?policy="
ask "$ADMIN" --request DELETE "$ENDPOINT/unde-shard-backups?lifecycle="
ask "$ADMIN" --request PUT "$ENDPOINT/somebody-elses"
ask "$ADMIN" --request PUT --data theirs "$ENDPOINT/somebody-elses/thing"
