set -euo pipefail
cd /
grep -oh 'replay on the standby reached' /var/log/pgbackrest/shard0-backup.log | tail -1
# Of another stanza than the one they share, and with a certificate that is nobody's.
ask() {
    runuser -u postgres -- pgbackrest --config=/dev/null --pg1-host=198.18.22.11 --pg1-host-type=tls --pg1-path=/var/lib/postgresql/17/main --repo1-path=/tmp \
        --pg1-host-ca-file=/etc/unde/tls/ca.crt --pg1-host-cert-file="$2" --pg1-host-key-file="$3" --stanza="$1" --io-timeout=5 stanza-create 2>&1
}
answer=$(ask shard1 /etc/unde/tls/host.crt /etc/unde/tls/host.key || true)
grep -o 'access denied' <<< "$answer"
runuser -u postgres -- openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=pg-b -days 2 -keyout /tmp/own.key -out /tmp/own.crt 2> /dev/null
trap 'rm -f /tmp/own.key /tmp/own.crt' EXIT
answer=$(ask shard0 /tmp/own.crt /tmp/own.key || true)
grep -o 'unknown ca' <<< "$answer"
