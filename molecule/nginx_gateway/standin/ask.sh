# What the checks ask with.
die() { echo "FAILED: $*" >&2; exit 1; }
# user OPTION… PATH: one request.
user() { curl --silent --max-time 10 --cacert /etc/unde/tls/ca.crt --resolve api.unde.test:443:198.18.65.11 "${@:1:$#-1}" "$(sed 's,^/,https://api.unde.test/,' <<<"${@: -1}")"; }
# talking UNIT: messages come back.
talking() {
  local seen end=$((SECONDS + 5))
  seen=$(cat "/run/$1" 2>/dev/null || echo 0)
  until (( $(cat "/run/$1" 2>/dev/null || echo 0) > seen + 2 )); do
    (( SECONDS < end )) || die "$1 does not talk: $(journalctl --no-pager --quiet --unit "$1" | tail -n 2)"
    sleep 0.1
  done
}
