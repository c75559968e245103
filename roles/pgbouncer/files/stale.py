"""Tell whether the running PgBouncer has yet to be told of a file. Prints one JSON object; changes nothing."""

import json
import os
import subprocess
from pathlib import Path

RESTART = ("/etc/pgbouncer/listen.ini", "/etc/systemd/system/pgbouncer.service.d/unde.conf")
RELOAD = ("/etc/pgbouncer/pgbouncer.ini", "/etc/pgbouncer/pg_hba.conf", "/etc/pgbouncer/userlist.txt", "/etc/unde/tls/host.crt", "/etc/unde/tls/ca.crt")


def younger(names: tuple[str, ...], since: float) -> bool:
    """Tell whether one of the files was changed after that moment."""
    return any(Path(name).exists() and Path(name).stat().st_ctime > since + 1 for name in names)


def main() -> None:
    """Run the program."""
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    wanted = "--property=LoadState,ActiveState,ActiveEnterTimestamp,StateChangeTimestamp"
    done = subprocess.run(["systemctl", "show", "--timestamp=unix", wanted, "pgbouncer.service"], text=True, capture_output=True, check=True)
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines())
    running = shown["ActiveState"] == "active"
    started, told = (float(shown[name].removeprefix("@") or 0) for name in ("ActiveEnterTimestamp", "StateChangeTimestamp"))
    print(json.dumps({"known": shown["LoadState"] == "loaded", "reload": running and younger(RELOAD, told), "restart": running and younger(RESTART, started)}))


if __name__ == "__main__":
    main()
