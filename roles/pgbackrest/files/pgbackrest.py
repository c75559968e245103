"""Make backups where the primary is now: `ensure` (the stanza, and a first backup), `full`, `diff`.

Run as postgres by systemd's timers and by the role. On a standby it does nothing: it is asked at each run, so that the timers
may stand on every member, and a standby that was promoted gets its stanza and its first backup with no hand moved.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import subprocess
import sys
from pathlib import Path

LOCK = Path("/var/spool/pgbackrest/unde.lock")
# pgBackRest's own status codes: no path of the stanza yet; no data of the stanza yet.
NO_STANZA = (1, 3)


def call(*argv: str) -> str:
    """Run a command; when it fails, end with its own words."""
    done = subprocess.run(argv, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL, cwd="/")
    if done.returncode != 0:
        print(f"{argv[0]} ended with status {done.returncode}: {(done.stderr + done.stdout).strip()}", file=sys.stderr)
        sys.exit(1)
    return done.stdout.strip()


def finish(changed: bool, *did: str) -> None:
    """Say what was done, and end."""
    print(json.dumps({"changed": changed, "did": list(did)}))
    sys.exit(0)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["ensure", "full", "diff"])
    parser.add_argument("--stanza", required=True)
    parser.add_argument("--check", action="store_true", help="only say what would be done")
    order = parser.parse_args()
    stanza = f"--stanza={order.stanza}"

    if call("psql", "-XqAt", "-d", "postgres", "-c", "SELECT pg_is_in_recovery()") == "t":
        finish(False, "nothing: this is a standby")
    with LOCK.open("w") as lock:
        # A timer that meets a running backup waits for its end, and then finds nothing left to do.
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = json.loads(call("pgbackrest", stanza, "--output=json", "info"))[0]
        did = []
        if found["status"]["code"] in NO_STANZA:
            did.append("made the stanza")
            if not order.check:
                call("pgbackrest", stanza, "stanza-create")
        if not found["backup"] or order.what == "full":
            did.append("made a full backup")
            if not order.check:
                # Proves that a segment really arrives, before a backup relies on it.
                call("pgbackrest", stanza, "check")
                call("pgbackrest", stanza, "--type=full", "backup")
        elif order.what == "diff":
            did.append("made a differential backup")
            if not order.check:
                call("pgbackrest", stanza, "--type=diff", "backup")
    finish(bool(did), *did)


if __name__ == "__main__":
    main()
