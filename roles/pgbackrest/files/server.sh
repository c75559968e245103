# Has systemd run the unit $2 with the files that follow, or not at all ($1 = stop); says "changed" when it had to, "waits" where it would have to be
# restarted and may not. With --check first, or --may-not-restart, accordingly.
set -eu
check=no may=yes
while :; do
    case "${1:-}" in
        --check) check=yes ;;
        --may-not-restart) may=no ;;
        *) break ;;
    esac
    shift
done
act() { echo "changed: $*"; [ "$check" = yes ] || "$@"; }
show() { systemctl show --value --timestamp=unix --property="$1" "$unit"; }

wanted=$1 unit=$2
shift 2
if [ "$wanted" = stop ]; then
    if systemctl is-active --quiet "$unit"; then act systemctl disable --quiet --now "$unit"; fi
    exit 0
fi
[ "$(show NeedDaemonReload)" = no ] || act systemctl daemon-reload
if ! systemctl is-enabled --quiet "$unit" 2>/dev/null || ! systemctl is-active --quiet "$unit"; then
    act systemctl enable --quiet --now "$unit"
    exit 0
fi
# It reads them when it starts; a run that was killed between writing and restarting is made good here.
since=$(show ActiveEnterTimestamp)
for file in "$@"; do
    if [ "$(stat --format=%Y "$file")" -gt "${since#@}" ]; then
        if [ "$may" = no ]; then echo "waits: $file"; exit 0; fi
        act systemctl restart "$unit"
        exit 0
    fi
done
