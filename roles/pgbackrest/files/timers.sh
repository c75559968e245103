# Has systemd take up the timers named as arguments; says "changed" when it had to. With --check first, only says it.
set -eu
check=no
if [ "${1:-}" = --check ]; then check=yes; shift; fi
act() { echo "changed: $*"; [ "$check" = yes ] || "$@"; }

stale=no
for unit in "$@"; do
    if [ "$(systemctl show --value --property=NeedDaemonReload "$unit")" = yes ]; then stale=yes; fi
done
if [ "$stale" = yes ]; then
    act systemctl daemon-reload
    act systemctl try-restart "$@"
fi
for unit in "$@"; do
    if ! systemctl is-enabled --quiet "$unit" 2>/dev/null || ! systemctl is-active --quiet "$unit"; then
        act systemctl enable --quiet --now "$unit"
    fi
done
