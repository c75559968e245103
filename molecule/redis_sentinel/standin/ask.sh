# What the checks ask with. PASSWORD_OF is how passwords are named here: molecule-<instance>-<user>.
die() { echo "FAILED: $*" >&2; exit 1; }
# say HOST PORT INSTANCE USER COMMAND…: one command as a user.
say() { REDISCLI_AUTH=molecule-$3-$4 timeout 2 redis-cli -h "$1" -p "$2" --user "$4" "${@:5}" 2>/dev/null; }
# leads INSTANCE: its master, as the first sentinel says that answers.
leads() {
  local host answer
  for host in 198.18.45.13 198.18.45.12 198.18.45.11; do
    answer=$(say $host 26379 sentinel client SENTINEL GET-MASTER-ADDR-BY-NAME "$1" | head -n 1) || true
    if [[ $answer == 198.* ]]; then echo "$answer"; return; fi
  done
}
# role HOST PORT INSTANCE: master, or whom it follows and how.
role() { say "$1" "$2" "$3" admin ROLE | head -n 4 | paste -sd' ' | sed 's/^master.*/master/'; }
# until_is SECONDS WANTED COMMAND…: wait for an answer.
until_is() {
  local end=$((SECONDS + $1)) got
  until got=$("${@:3}") && [[ $got == $2 ]]; do
    (( SECONDS < end )) || die "${*:3}: wanted $2, got $got"
    sleep 0.1
  done
}
