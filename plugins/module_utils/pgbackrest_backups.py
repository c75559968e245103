# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make backups on the member whose business they are now: ``ensure`` (the stanza, and a first backup), ``full``, ``diff``.

The role's module uses it, and systemd's timers run it on every member, as postgres: the role puts this file on the host, so it uses Python alone. Who is the
primary, and whether a replica streams, is asked at each run, so that a standby that was promoted gets what it lacks with no hand moved. The stanza is the
primary's business. Backups are the primary's too, or with ``--from-replica`` the replica's as long as one streams: it reads its own files, and asks the
primary only for the beginning and the end.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What runs a program as postgres: its words → exit code, output and complaints.
Run = Callable[[list[str]], tuple[int, str, str]]
#: Locked while a member looks and acts; postgres' own, so that root and postgres alike may.
LOCK = Path("/var/spool/pgbackrest")
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
TIMEOUT_S = 60
#: Whether this is a standby, whether it streams, and how many stream from here; a base backup is no replica.
WHO = """SELECT json_build_object(
    'standby', pg_is_in_recovery(),
    'streams', EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'),
    'followed', EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND application_name <> 'pg_basebackup'))"""
#: What pgBackRest says of a stanza of which the repository has nothing.
NOTHING: dict[str, Any] = {"backup": [], "repo": [{"status": {"code": NO_STANZA[0]}}]}


class Failed(Exception):
    """A backup could not be made; the text is one readable sentence."""


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be, and why no more than that where another member does it; either may be empty."""

    actions: list[str]
    reason: str = ""


class Backups:
    """The backups of one stanza, as the member on this host has to make them."""

    def __init__(self, run: Run, stanza: str, data_directory: Path, from_replica: bool) -> None:
        """Take what runs programs as postgres, the stanza, and whether a replica makes the backups while one streams."""
        self.run = run
        self.stanza = stanza
        self.data = data_directory
        self.from_replica = from_replica

    def call(self, *words: str, timeout_s: float = 0, passing: int = LOCKED) -> str:
        """Run a program, again while it ends with the status that passes by itself, and return what it prints.

        Raises:
            Failed: it ended badly; the text is what it said.

        """
        end = time.monotonic() + timeout_s
        while True:
            code, said, complaint = self.run(list(words))
            if code != passing or time.monotonic() >= end:
                break
            time.sleep(0.2)
        if code != 0:
            waited = f" after {timeout_s:.0f} s" if timeout_s and code == passing else ""
            raise Failed(f"{words[0]} ended with status {code}{waited}: {(complaint + said).strip()}")
        return said.strip()

    def psql(self, statement: str, timeout_s: float = 0) -> str:
        """Ask PostgreSQL on this host.

        Raises:
            Failed: there is none, or it does not answer.

        """
        try:
            program = PSQL.format((self.data / "PG_VERSION").read_text().strip())
        except FileNotFoundError as error:
            raise Failed(f"{self.data} holds no PostgreSQL: nothing was backed up") from error
        return self.call(program, "-XqAt", "-d", "postgres", "-c", statement, timeout_s=timeout_s, passing=NO_SERVER)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other one of these is at work on this host. Where nothing was installed yet, there is none."""
        if not LOCK.is_dir():
            yield
            return
        handle = os.open(LOCK, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def make(self, what: str, check: bool = False, is_empty: bool = False) -> Outcome:
        """Make what this member has to; ``check``: only tell, ``is_empty``: without asking the repository, which has nothing yet.

        Raises:
            Failed: a program did.

        """
        who: dict[str, bool] = json.loads(self.psql(WHO, timeout_s=TIMEOUT_S))
        if who["standby"] and not (self.from_replica and who["streams"]):
            return Outcome([], f"this is a standby{' that does not stream' if self.from_replica else ''}")
        # Whoever meets a running backup waits for its end, and then finds nothing left to do.
        with self.locked():
            return self._make(what, who, check, is_empty)

    def _make(self, what: str, who: dict[str, bool], check: bool, is_empty: bool) -> Outcome:
        """Make it, as the only one on this host."""
        pgbackrest = ["pgbackrest", f"--stanza={self.stanza}", *([REPLICA] if who["standby"] else [])]
        found = NOTHING if is_empty else json.loads(self.call(*pgbackrest, "--output=json", "info"))[0]
        # Those of the repository in use: a former one, which a promoted standby has not either, gets its stanza and no backups.
        backups = [backup for backup in found["backup"] if backup["database"]["repo-key"] == 1]
        actions = []
        if any(repo["status"]["code"] in NO_STANZA for repo in found["repo"]):
            if who["standby"]:
                return Outcome([], "the primary has not made the stanza yet")
            actions.append(f"create the stanza {self.stanza}")
            if not check:
                self.call(*pgbackrest, "stanza-create", timeout_s=TIMEOUT_S)
        if self.from_replica and who["followed"]:
            return Outcome(actions, "the replica makes the backups")
        kind = "full" if not backups else None if what == "ensure" else what
        if kind:
            actions.append(f"make a {'full' if kind == 'full' else 'differential'} backup of {self.stanza}")
        if kind and not check:
            if not who["standby"]:
                # Who was promoted has its new timeline on the disk, where pgBackRest looks for it, only after its first checkpoint, minutes later.
                self.psql("CHECKPOINT")
            if kind == "full":
                # Proves that a segment really arrives, before a backup relies on it.
                self.call(*pgbackrest, "check")
            self.call(*pgbackrest, "--repo=1", f"--type={kind}", "backup")
        return Outcome(actions)


def run_here(words: list[str]) -> tuple[int, str, str]:
    """Run a program as who one is."""
    done = subprocess.run(words, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL, cwd="/")
    return done.returncode, done.stdout, done.stderr


def main() -> None:
    """Run the command that the timers call."""
    # Root's umask may be 077: what is made here is read by others.
    os.umask(0o022)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["ensure", "full", "diff"])
    parser.add_argument("--stanza", required=True)
    parser.add_argument("--data", required=True, type=Path, help="the data directory, which knows its version")
    parser.add_argument("--from-replica", action="store_true", help="backups are the replica's business while one streams")
    words = parser.parse_args()
    try:
        outcome = Backups(run_here, words.stanza, words.data, words.from_replica).make(words.what)
    except Failed as reason:
        sys.exit(str(reason))
    print("; ".join([*outcome.actions, *([f"no backup: {outcome.reason}"] if outcome.reason else [])]) or "nothing to do")


if __name__ == "__main__":
    main()
