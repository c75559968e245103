# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""This host's PostgreSQL: its own programs, its psql over the local socket, how it is started, and where Debian keeps what it has.

Programs are called by PostgreSQL's own path: what Debian has in /usr/bin under their names is a wrapper that first reads the cluster's configuration, and
fails while Patroni writes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import systemd

#: The options that the modules share; documented in plugins/doc_fragments/postgres.py.
SERVER: dict[str, Any] = {
    "version": {"type": "str", "required": True},
    "programs": {"type": "path"},
    "state_directory": {"type": "path", "required": True},
    "patroni_configuration": {"type": "path", "default": "/etc/patroni/config.yml"},
}
#: Below it <version>/<name>, as Debian lays clusters out.
DATA = Path("/var/lib/postgresql")
CONFIGURATION = Path("/etc/postgresql")
LOGS = Path("/var/log/postgresql")
SOCKETS = "/var/run/postgresql"
PORT = 5432
#: The migrations that a database has, each with its checksum.
LEDGER = "unde.schema_version"
#: What is made here is read by others, whatever root's umask is.
UMASK = 0o022
#: Seconds for a run whose connection was lost, and which goes on here.
OTHER_S = 120
#: Seconds for a server to answer after its start: it may have to replay.
START_S = 300
#: Seconds between two looks.
PAUSE_S = 0.2


class Refused(Exception):
    """What stands in the way, in words that a person can act on."""


def as_postgres(*words: str, **environment: str) -> list[str]:
    """Return the words by which root runs a program as the system user postgres, in that user's groups; nothing of the caller's environment is in its own."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env", "--"]
    return [*user, "env", "LC_ALL=C.UTF-8", *(f"{name}={value}" for name, value in environment.items()), *words]


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


class Server:
    """The one server of this host."""

    def __init__(self, parameters: dict[str, Any], run: systemd.Run) -> None:
        """Take a module's parameters, and what runs programs."""
        self.version: str = parameters["version"]
        self.programs = Path(parameters["programs"] or f"/usr/lib/postgresql/{self.version}/bin")
        self.data = DATA / self.version / "main"
        self.configuration = CONFIGURATION / self.version / "main"
        self.unit = f"postgresql@{self.version}-main.service"
        self.state = Path(parameters["state_directory"])
        #: Stands as long as a cluster is being made here; what lies here meanwhile is nobody's.
        self.initializing = self.state / "initializing"
        self.patroni_configuration = Path(parameters["patroni_configuration"])
        self._run = run
        #: What `exclusively` holds; whatever this run starts holds it too.
        self.held: tuple[int, ...] = ()

    # ── Programs ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def program(self, name: str) -> str:
        """Return the path of one of PostgreSQL's own programs."""
        return str(self.programs / name)

    def is_installed(self) -> bool:
        """Return whether its programs are there."""
        return Path(self.program("psql")).exists()

    def run(self, words: list[str], *, text: str = "", may_fail: bool = False, called: str = "") -> tuple[int, str, str]:
        """Run a program, with a text on its standard input; return its exit code, output and complaints.

        Raises:
            Refused: it failed, and must not; with the program's own words.

        """
        code, said, complaint = self._run(
            words, data=text or None, binary_data=True, cwd="/", umask=UMASK, expand_user_and_vars=False, pass_fds=self.held or None
        )
        if code != 0 and not may_fail:
            raise Refused(f"{called or Path(words[0]).name} ended with status {code}: {complaint.strip() or said.strip()}")
        return code, said, complaint

    def run_as_postgres(self, program: str, *words: str, text: str = "", may_fail: bool = False, **environment: str) -> tuple[int, str, str]:
        """Run one of PostgreSQL's programs, given by its path, as its system user."""
        line = as_postgres(program, *words, PGAPPNAME="unde", **environment)
        return self.run(line, text=text, may_fail=may_fail, called=Path(program).name)

    def sql(self, text: str, *, database: str = "postgres", variables: dict[str, Any] | None = None, transaction: bool = False) -> str:
        """Run SQL as the superuser, over the socket; it travels through standard input, so that nothing of it stands on a command line."""
        words = ["-XqAtw", "-v", "ON_ERROR_STOP=1", "-p", str(PORT), "-d", database]
        words += [word for name, value in (variables or {}).items() for word in ("-v", f"{name}={value}")]
        words += ["--single-transaction"] if transaction else []
        return self.run_as_postgres(self.program("psql"), *words, "-f", "-", text=text)[1].rstrip("\n")

    def rows(self, query: str, *, database: str = "postgres") -> list[dict[str, Any]]:
        """Return the rows of a query, by the names of its columns."""
        return list(json.loads(self.sql(f"SELECT coalesce(json_agg(rows), '[]') FROM ({query}) AS rows", database=database)))

    # ── The server ────────────────────────────────────────────────────────────────────────────────────────────────────
    def answers(self) -> bool:
        """Return whether it accepts connections."""
        if not self.is_installed():
            return False
        # Without a user it asks as root, and the server's log has an error of whom nobody has heard.
        return self.run([self.program("pg_isready"), "-q", "-h", SOCKETS, "-p", str(PORT), "-U", "postgres"], may_fail=True)[0] == 0

    def in_recovery(self) -> bool:
        """Return whether it is a standby now, whatever the layout called it at first."""
        return self.sql("SELECT pg_is_in_recovery()") == "t"

    def is_primary(self) -> bool:
        """Return whether roles and schema are to be kept here now."""
        return not self.initializing.exists() and self.answers() and not self.in_recovery()

    def is_managed_by_patroni(self) -> bool:
        """Return whether starting and stopping PostgreSQL has become Patroni's business on this host.

        Its package enables the unit at once; without this file the unit cannot run, and nobody else would start the server.
        """
        return self.patroni_configuration.exists()

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            Refused: it ended, or does not answer after ``START_S`` seconds; with the end of its log.

        """
        if self.run(["systemctl", "show", "--value", "--property=NeedDaemonReload", self.unit], may_fail=True)[1].strip() == "yes":
            self.run(["systemctl", "daemon-reload"])
        self.run(["systemctl", "start", self.unit], may_fail=True)
        deadline = time.monotonic() + START_S
        while not self.answers():
            if time.monotonic() > deadline or self.run(["systemctl", "is-active", "--quiet", self.unit], may_fail=True)[0] != 0:
                log = LOGS / f"postgresql-{self.version}-main.log"
                tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else ["(no log)"]
                raise Refused(f"{self.unit} does not answer; the end of {log}:\n" + "\n".join(tail))
            time.sleep(PAUSE_S)

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[None]:
        """Go on only when no other run makes a cluster here, and let no other begin before this one, and all that it starts, has ended.

        A run whose connection was lost is not killed by that: what it makes can be judged when it is done.

        Raises:
            Refused: another one still works after ``OTHER_S`` seconds.

        """
        if not self.state.is_dir():
            yield
            return
        handle, give_up = os.open(self.state, os.O_RDONLY), time.monotonic() + OTHER_S
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > give_up:
                        raise Refused(
                            f"another run still makes a cluster here (`fuser -v {self.state}` shows which processes): wait until it has ended, then run again"
                        ) from None
                    time.sleep(PAUSE_S)
            self.held = (handle,)
            yield
        finally:
            self.held = ()
            os.close(handle)
