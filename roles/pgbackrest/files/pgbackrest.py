"""Make backups on the member whose business they are now: `ensure` (the stanza, and a first backup), `full`, `diff`.

Run as postgres by systemd's timers and by the role, on every member; who is the primary, and whether a replica streams, is asked at each run, so that a
standby that was promoted gets what it lacks with no hand moved. The stanza is the primary's business. Backups are the primary's too, or with
`--from-replica` the replica's as long as one streams: it reads its own files, and asks the primary only for the beginning and the end.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

LOCK = Path("/var/spool/pgbackrest/unde.lock")
#: PostgreSQL's own psql, by version; Debian's in /usr/bin reads the cluster's configuration first, and fails while Patroni writes it.
PSQL = "/usr/lib/postgresql/{}/bin/psql"
#: What a replica reads in place of conf.d: where its primary may be, and nothing of a former repository, which is the primary's alone.
REPLICA = "--config-include-path=/etc/pgbackrest/replica.d"
# pgBackRest's own status codes: no path of the stanza yet; no data of the stanza yet.
NO_STANZA = (1, 3)
#: Exit status of pgBackRest where another one has the stanza's lock: the archiver, which tries each second to put its WAL where no stanza is yet.
LOCKED = 50
#: Exit status of psql where no server answers, or one that is still starting.
NO_SERVER = 2
PATIENCE_S = 60
#: Whether this is a standby, whether it streams, and how many stream from here; a base backup is no replica.
WHO = """SELECT json_build_object(
    'standby', pg_is_in_recovery(),
    'streams', EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'),
    'followed', EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND application_name <> 'pg_basebackup'))"""


def call(*argv: str, patience_s: float = 0, passing: int = LOCKED) -> str:
    """Run a command, again while it ends with the status that passes by itself; when it fails, end with its own words."""
    end = time.monotonic() + patience_s
    while True:
        done = subprocess.run(argv, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL, cwd="/")
        if done.returncode != passing or time.monotonic() >= end:
            break
        time.sleep(0.2)
    if done.returncode != 0:
        waited = f" after {patience_s:.0f} s" if patience_s and done.returncode == passing else ""
        print(f"{argv[0]} ended with status {done.returncode}{waited}: {(done.stderr + done.stdout).strip()}", file=sys.stderr)
        sys.exit(1)
    return done.stdout.strip()


def finish(changed: bool, *did: str) -> None:
    """Say what was done, and end."""
    print(json.dumps({"changed": changed, "did": list(did)}))
    sys.exit(0)


def main() -> None:
    """Run the command."""
    # Root's umask may be 077: what is made here is read by others.
    os.umask(0o022)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["ensure", "full", "diff"])
    parser.add_argument("--stanza", required=True)
    parser.add_argument("--data", required=True, type=Path, help="the data directory, which knows its version")
    parser.add_argument("--from-replica", action="store_true", help="backups are the replica's business while one streams")
    parser.add_argument("--check", action="store_true", help="only say what would be done")
    order = parser.parse_args()

    try:
        psql = PSQL.format((order.data / "PG_VERSION").read_text().strip())
    except FileNotFoundError:
        sys.exit(f"{order.data} holds no PostgreSQL: nothing was backed up")
    who = json.loads(call(psql, "-XqAt", "-d", "postgres", "-c", WHO, patience_s=PATIENCE_S, passing=NO_SERVER))
    if who["standby"] and not (order.from_replica and who["streams"]):
        finish(False, "nothing: this is a standby" + (" that does not stream" if order.from_replica else ""))
    pgbackrest = ["pgbackrest", f"--stanza={order.stanza}", *([REPLICA] if who["standby"] else [])]

    with LOCK.open("w") as lock:
        # A timer that meets a running backup waits for its end, and then finds nothing left to do.
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = json.loads(call(*pgbackrest, "--output=json", "info"))[0]
        # Those of the repository in use: a former one, which a promoted standby has not either, gets its stanza and no backups.
        backups = [backup for backup in found["backup"] if backup["database"]["repo-key"] == 1]
        did = []
        if any(repo["status"]["code"] in NO_STANZA for repo in found["repo"]):
            if who["standby"]:
                finish(False, "nothing: the primary has not made the stanza yet")
            did.append("made the stanza")
            if not order.check:
                call(*pgbackrest, "stanza-create", patience_s=PATIENCE_S)
        if order.from_replica and who["followed"]:
            finish(bool(did), *did, "no backup: the replica makes it")
        kind = "full" if not backups else None if order.what == "ensure" else order.what
        if kind:
            did.append(f"made a {'full' if kind == 'full' else 'differential'} backup")
        if kind and not order.check:
            if not who["standby"]:
                # Who was promoted has its new timeline on the disk, where pgBackRest looks for it, only after its first checkpoint, minutes later.
                call(psql, "-XqAt", "-d", "postgres", "-c", "CHECKPOINT")
            if kind == "full":
                # Proves that a segment really arrives, before a backup relies on it.
                call(*pgbackrest, "check")
            call(*pgbackrest, "--repo=1", f"--type={kind}", "backup")
    finish(bool(did), *did)


if __name__ == "__main__":
    main()
