"""Let the running server take up its files: start it where it is down, reload what can be reloaded, say what needs a restart."""

from __future__ import annotations

import grp
from pathlib import Path

from common import INITIALIZING, answers, patroni_manages, psql, read_order, refuse, report, run, start

FILES = ("conf.d/unde.conf", "pg_hba.conf", "pg_ident.conf")
KEY_GROUP = "unde-tls"
CERTIFICATES = ("/etc/unde/tls/ca.crt", "/etc/unde/tls/host.crt", "/etc/unde/tls/host.key")


def stale(config: Path) -> bool:
    """Tell whether a file is younger than the server's last look at it; so a run killed before its reload is made good."""
    loaded = float(psql("SELECT extract(epoch FROM pg_conf_load_time())"))
    paths = [config / name for name in FILES] + [Path(name) for name in CERTIFICATES]
    return any(path.stat().st_ctime > loaded for path in paths if path.exists())


def check_files() -> None:
    """Refuse before the reload what the server would ignore after it."""
    errors = psql(
        "SELECT sourcefile || ':' || sourceline || ': ' || name || ': ' || error FROM pg_file_settings "
        "WHERE error IS NOT NULL AND error <> 'setting could not be applied' "
        "UNION ALL SELECT 'pg_hba.conf:' || line_number || ': ' || error FROM pg_hba_file_rules WHERE error IS NOT NULL"
    )
    if errors:
        refuse(f"PostgreSQL refuses its new configuration; it keeps running with the old one:\n{errors}")


def joined_late() -> bool:
    """Tell whether the server was started before it was let into the group that reads the host's key: till then it keeps its former certificate."""
    postmaster = psql("SELECT pg_read_file('postmaster.pid')").split()[0]
    status = Path(f"/proc/{postmaster}/status").read_text().splitlines()
    held = next(line for line in status if line.startswith("Groups:")).split()[1:]
    return str(grp.getgrnam(KEY_GROUP).gr_gid) not in held


def overridden() -> list[str]:
    """Return our settings that a later line elsewhere decides."""
    return psql("SELECT name FROM pg_file_settings WHERE sourcefile LIKE '%/conf.d/unde.conf' AND NOT applied AND error IS NULL ORDER BY name").split()


def main() -> None:
    """Run the command."""
    order = read_order()
    config = Path("/etc/postgresql") / order["version"] / "main"
    unit = f"postgresql@{order['version']}-main.service"
    patroni, changed, done = patroni_manages(), False, []
    if INITIALIZING.exists() or not (config / "postgresql.conf").exists():
        report(False, done=[], pending=[], state="absent")
    if not answers():
        if patroni:
            report(False, done=[], pending=[], state="down: left to Patroni")
        changed, done = True, ["started"]
        if order["check"]:
            report(changed, done=done, pending=[])
        start(unit)
    elif stale(config):
        check_files()
        changed, done = True, ["reloaded"]
        if not order["check"]:
            psql("SELECT pg_reload_conf()")
            # A session sees the reload only after the postmaster has read the files.
            psql("SELECT pg_sleep(0.3)")
    pending = psql("SELECT name FROM pg_settings WHERE pending_restart ORDER BY name").split()
    if joined_late():
        pending.append("access to the host's key")
    if pending and order["may_restart"] and not patroni:
        changed, done = True, [*done, "restarted"]
        if not order["check"]:
            run(["systemctl", "restart", unit])
            start(unit)
            pending = []
    way = "patronictl restart" if patroni else "-e unde_may_restart=true"
    report(changed, done=done, pending=pending, overridden=overridden(), way=way)


if __name__ == "__main__":
    main()
