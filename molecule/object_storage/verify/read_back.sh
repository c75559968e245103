set -euo pipefail
# The key on standard input: no command line holds it.
ask() { local key=$1; shift; printf 'user = "%s"\n' "$key" | curl --silent --show-error --config - --cacert /etc/unde/tls/ca.crt --aws-sigv4 aws:amz:hel1:s3 "$@"; }
value() { grep -oP "(?<=<$1>)[^<]*" || echo -; }
for bucket in unde-images unde-user-media unde-shard-backups; do
    rules=$(ask "$ADMIN" "$ENDPOINT/$bucket?lifecycle=")
    versions=$(ask "$ADMIN" "$ENDPOINT/$bucket?versioning=" | value Status)
    echo "$bucket $(value DaysAfterInitiation <<<"$rules") $(value NoncurrentDays <<<"$rules") $versions"
done
status() { ask "$@" --output /dev/null --write-out '%{http_code}'; }
echo "policy $(status "$BACKUPS" --request DELETE "$ENDPOINT/unde-shard-backups?policy=")"
# A version that is deleted is gone; one that is only covered can be brought back.
ask "$BACKUPS" --request PUT --data kept "$ENDPOINT/unde-shard-backups/kept" > /dev/null
version=$(ask "$ADMIN" "$ENDPOINT/unde-shard-backups?prefix=kept&versions=" | value VersionId | head -1)
ask "$BACKUPS" --request DELETE "$ENDPOINT/unde-shard-backups/kept" > /dev/null
echo "version $(status "$BACKUPS" --request DELETE "$ENDPOINT/unde-shard-backups/kept?versionId=$version")"
echo "kept $(status "$ADMIN" "$ENDPOINT/unde-shard-backups/kept?versionId=$version")"
