# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the one cluster of a host comes into being, once: by initdb on a first primary, by base backup everywhere else; or it is there, and its own.

A data directory that is not known is never touched. Known is one whose system identifier is recorded in the state directory, or that may be adopted. A
run that was killed half way leaves the mark ``initializing``, and only what such a run left behind is ever removed.
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import atomic, postgresql, systemd
from ansible_collections.unde.infra.plugins.module_utils.postgresql import PORT, Refused

#: The user that members replicate and ask each other as.
REPLICATOR = "replicator"
#: Seconds for a member that is just starting, and for a primary to be found.
WAIT_S = 60
CONFIGURATION = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")
INCLUDES = re.compile(r"^\s*include_dir\s*=?\s*'?conf\.d/?'?\s*(#.*)?$", re.MULTILINE)
#: pg_createcluster accepts none that is there already.
ACCESS_FILES = ("pg_hba.conf", "pg_ident.conf")
SAMPLES = Path("/usr/share/postgresql")


@dataclass(frozen=True)
class Upstream:
    """Another member that answers."""

    name: str
    address: str
    identifier: str
    standby: bool


@dataclass(frozen=True)
class Outcome:
    """How the cluster stands after a run, or would: ``created``, ``joined``, ``ready``, ``absent`` or ``patroni``; and what was done for it."""

    state: str
    actions: list[str] = field(default_factory=list)


class Cluster(postgresql.Server):
    """The cluster that this host is to have."""

    def __init__(self, parameters: dict[str, Any], run: systemd.Run, check_mode: bool = False) -> None:
        """Take a module's parameters, and what runs programs."""
        super().__init__(parameters, run)
        self.name: str = parameters["name"] or ""
        self.members: dict[str, str] = {each["name"]: each["address"] for each in parameters["members"]}
        self.initial_role: str = parameters["initial_role"]
        self.may_initialize: bool = parameters["may_initialize"]
        self.adopt: str = parameters["adopt"]
        self.database: str = parameters["database"]
        self.password_file: str = parameters["replication_password_file"]
        self.ca_file: str = parameters["ca_file"]
        self.check_mode = check_mode
        self.identifier_file = self.state / "system_identifier"
        self.former_configuration = self.state / "before"
        #: Where a base backup is received, before it is complete.
        self.incoming = self.data.with_name("main.incoming")

    # ── What is here ──────────────────────────────────────────────────────────────────────────────────────────────────
    def is_empty(self) -> bool:
        """Return whether there is nothing at all in the data directory, or only what a killed run has left."""
        return self.initializing.exists() or not self.data.is_dir() or not any(self.data.iterdir())

    def recorded(self) -> str:
        """Return the system that is recorded to live here; empty where none is."""
        return self.identifier_file.read_text().strip() if self.identifier_file.exists() else ""

    def identifier(self) -> str:
        """Return the system identifier, read from the files: the server need not run."""
        if not (self.data / "global" / "pg_control").exists():
            return ""
        said = self.run(["env", "LC_ALL=C.UTF-8", "LANGUAGE=", self.program("pg_controldata"), "-D", str(self.data)], called="pg_controldata")[1]
        found = re.search(r"^Database system identifier: +(\d+)$", said, re.MULTILINE)
        return found[1] if found else ""

    # ── The other members ─────────────────────────────────────────────────────────────────────────────────────────────
    def conninfo(self, address: str, **more: str) -> str:
        """Return how the replication user reaches a member: TLS, the member's name checked, the password from its file."""
        parts = {"host": address, "port": PORT, "user": REPLICATOR, "sslmode": "verify-full", "sslrootcert": self.ca_file, "connect_timeout": 10, **more}
        return " ".join(f"{name}={value}" for name, value in parts.items())

    def replication(self, program: str, *words: str, text: str = "", may_fail: bool = False) -> tuple[int, str, str]:
        """Run a program that comes in as the replication user."""
        return self.run_as_postgres(program, *words, text=text, may_fail=may_fail, PGPASSFILE=self.password_file)

    def ask(self, name: str, address: str) -> Upstream | None:
        """Ask another member who it is; None when nobody answers there.

        Raises:
            Refused: it is there, and does not let the replication user in.

        """
        words = ["-XqAtw", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo(address, replication="true"), "-f", "-"]
        deadline, ready = time.monotonic() + WAIT_S, -1
        while True:
            code, said, complaint = self.replication(self.program("psql"), *words, text="IDENTIFY_SYSTEM;\nSHOW in_hot_standby;\n", may_fail=True)
            if code == 0:
                break
            # Not by the words of its refusal: they are in the language of its lc_messages. 0: it takes connections, 1: not yet, 2: nobody is there.
            ready, before = self.run([self.program("pg_isready"), "-q", "-h", address, "-p", str(PORT), "-t", "10"], may_fail=True)[0], ready
            # One that is just starting is there: taking it for absent could make a second system.
            if ready not in (0, 1) or ready == before == 0 or time.monotonic() > deadline:
                break
            time.sleep(1)
        lines = said.split()
        if code == 0 and len(lines) == 2:
            return Upstream(name, address, lines[0].split("|")[0], lines[1] == "on")
        if ready == 2:
            return None
        raise Refused(f"{name} ({address}) has PostgreSQL but does not let the user {REPLICATOR} in: {complaint.strip()}")

    def can_ask(self) -> bool:
        """Return whether there is what the members are asked with: in check mode the packages and the password may only be foretold."""
        return self.is_installed() and (not self.members or Path(self.password_file).exists())

    def others(self) -> list[Upstream]:
        """Return the other members that answer."""
        found = [self.ask(name, address) for name, address in self.members.items() if name != self.name]
        return [upstream for upstream in found if upstream]

    def primary(self) -> Upstream:
        """Return the member to copy from.

        Raises:
            Refused: there is none, or there are two.

        """
        deadline = time.monotonic() + WAIT_S
        while not (primaries := [upstream for upstream in self.others() if not upstream.standby]):
            if time.monotonic() > deadline:
                names = ", ".join(name for name in self.members if name != self.name)
                raise Refused(f"no primary to copy from: none of {names} answered as one within {WAIT_S} s; run the role on the primary first")
            time.sleep(1)
        if len(primaries) > 1:
            raise Refused(f"two members say that they are primary: {primaries[0].name} and {primaries[1].name}; settle that first")
        return primaries[0]

    # ── Whose it is ───────────────────────────────────────────────────────────────────────────────────────────────────
    def recognize(self) -> list[str]:
        """Accept a data directory that is ours, or is to become it; return what was done for that.

        Raises:
            Refused: it is a stranger's.

        """
        found, recorded = self.identifier(), self.recorded()
        if not found or not (self.configuration / "postgresql.conf").exists():
            raise Refused(
                f"{self.data} holds data that this role did not make (system {found or 'unreadable'}). "
                "Nothing was touched. Move it away, or empty it, and run again."
            )
        if recorded == found:
            return []
        if recorded:
            raise Refused(
                f"{self.data} holds system {found}, but the system that belongs here is {recorded}. Nothing was touched. "
                f"Move the foreign data away; or, if the former one really was replaced, remove {self.identifier_file} and run again."
            )
        if self.adopt == "never":
            raise Refused(
                f"{self.data} holds system {found}, which this role did not make. Nothing was touched. If it is to be kept, "
                "the host is not `create`: say `state: running` and add the role to its `adopt` in the layout."
            )
        actions = self.save_configuration() if self.adopt == "any" else self.check_is_ours(found)
        if not self.check_mode:
            self.record(found)
        return [*actions, f"record system {found} in {self.identifier_file}"]

    def check_is_ours(self, found: str) -> list[str]:
        """Refuse a system that no other member shares, and that has no schema of ours."""
        known = f"SELECT to_regclass('{postgresql.LEDGER}') IS NOT NULL"
        if not any(upstream.identifier == found for upstream in self.others()) and not self.is_true(known):
            raise Refused(
                f"{self.data} holds system {found}, which no other member shares and which has no schema of ours. Nothing was touched. "
                f"If it is to become this shard, write {found} into {self.identifier_file} and run again."
            )
        return []

    def is_true(self, question: str) -> bool:
        """Return whether the server answers a question of the database with yes; it may be down, or have no such database."""
        try:
            return self.sql(question, database=self.database) == "t"
        except Refused:
            return False

    def save_configuration(self) -> list[str]:
        """Keep the configuration of a cluster that something else made, as it was."""
        if not INCLUDES.search((self.configuration / "postgresql.conf").read_text()):
            raise Refused(
                f"{self.configuration / 'postgresql.conf'} does not include conf.d, so that no setting of this role would hold. "
                "Nothing was touched. Add the line include_dir = 'conf.d' at its end, and run again."
            )
        if not self.check_mode:
            self.former_configuration.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in CONFIGURATION:
                if (self.configuration / name).exists():
                    shutil.copy2(self.configuration / name, self.former_configuration / name)
        return [f"keep the configuration of {self.configuration} in {self.former_configuration}"]

    # ── Coming into being ─────────────────────────────────────────────────────────────────────────────────────────────
    def prepare(self) -> None:
        """Make the state directory, which is what runs exclude each other by."""
        if not self.state.is_dir():
            self.state.mkdir(parents=True)
            self.state.chmod(0o755)

    def record(self, found: str) -> None:
        """Write down who lives here."""
        atomic.write(self.identifier_file, f"{found}\n", mode=0o644)

    def check_permission(self) -> None:
        """Refuse to make a cluster where none may be made."""
        if not self.may_initialize:
            raise Refused(
                f"{self.data} is empty and this host may not be initialized (its state is not `create`). "
                "If a new cluster or copy is really wanted here, run again with -e unde_may_initialize=true."
            )

    def begin(self) -> None:
        """Leave the mark before anything is made; then remove what a killed run left, which the mark proves that nobody has used yet."""
        atomic.write(self.initializing, "a cluster is being made here; if you can read this and nothing runs, the run was killed\n", mode=0o644)
        self.run(["systemctl", "stop", self.unit], may_fail=True)
        for directory in (self.data, self.incoming):
            shutil.rmtree(directory, ignore_errors=True)
        for name in ("postgresql.conf", "start.conf", "pg_ctl.conf", "environment"):
            (self.configuration / name).unlink(missing_ok=True)

    def run_createcluster(self, *options: str) -> None:
        """Run Debian's own tool; it accepts no pg_hba.conf that is already there, so ours is put back afterwards."""
        ours = {name: (self.configuration / name).read_bytes() for name in ACCESS_FILES if (self.configuration / name).exists()}
        for name in ours:
            (self.configuration / name).unlink()
        base = ["pg_createcluster", "--quiet", "--no-status", "--locale=C.UTF-8", "--encoding=UTF8", f"--port={PORT}", "--start-conf=auto"]
        self.run([*base, self.version, "main", *options])
        for name, content in ours.items():
            (self.configuration / name).write_bytes(content)

    def finish(self) -> None:
        """Record who lives here, then take the mark away."""
        self.record(self.identifier())
        self.initializing.unlink()

    def create(self) -> list[str]:
        """Make the first primary; return what was done."""
        self.check_permission()
        if not self.check_mode:
            self.begin()
            self.run_createcluster("--", "--data-checksums")
            self.finish()
        return [f"create the cluster in {self.data} by initdb", f"record its system in {self.identifier_file}"]

    def join(self) -> list[str]:
        """Copy the primary into an empty data directory and follow it through a slot of this host's own; return what was done.

        Raises:
            Refused: there is no one primary, it is of another system than was here, or the copy does not follow it.

        """
        self.check_permission()
        actions = [f"copy the primary into {self.data} by base backup", f"record its system in {self.identifier_file}", f"start {self.unit}"]
        if self.check_mode:
            return actions
        primary = self.primary()
        recorded = self.recorded()
        if recorded and recorded != primary.identifier:
            raise Refused(
                f"{primary.name} belongs to system {primary.identifier}, but this host held system {recorded} before; "
                f"if that one is given up, remove {self.identifier_file} and run again"
            )
        self.begin()
        self.copy(primary)
        for name in ("postgresql.conf", *ACCESS_FILES):
            (self.incoming / name).touch()
            (self.incoming / name).chmod(0o644)
        shutil.copyfile(SAMPLES / self.version / "postgresql.conf.sample", self.incoming / "postgresql.conf")
        self.incoming.rename(self.data)
        self.run_createcluster()
        self.finish()
        self.start()
        if not self.in_recovery():
            self.run(["systemctl", "stop", self.unit])
            raise Refused(f"the copy on {self.name} came up as a primary of its own, and was stopped")
        return [actions[0].replace("the primary", primary.name), *actions[1:]]

    def copy(self, primary: Upstream) -> None:
        """Take a base backup through this host's slot. A killed run may have made that already; it is ours by its name, and Patroni will use the same."""
        slot = self.name.lower().replace("-", "_")
        command = ["-XqAtw", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo(primary.address, replication="true"), "-c"]
        if not self.replication(self.program("psql"), *command, f"READ_REPLICATION_SLOT {slot};")[1].startswith("physical"):
            self.replication(self.program("psql"), *command, f"CREATE_REPLICATION_SLOT {slot} PHYSICAL RESERVE_WAL;")
        source = self.conninfo(primary.address, application_name=self.name)
        options = ["--slot", slot, "--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--no-password"]
        self.replication(self.program("pg_basebackup"), "--pgdata", str(self.incoming), "--dbname", source, *options)

    # ── The whole ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def ensure(self, joins: bool) -> Outcome:
        """Create the cluster where this host is the first primary, or recognize what is there; with ``joins``, copy the primary where there is none.

        Raises:
            Refused: what is there is a stranger's, or what belongs there is lost, or none may be made.

        """
        if self.is_managed_by_patroni():
            return Outcome("patroni")
        if self.check_mode and not self.can_ask():
            return self.predict(joins)
        if not self.check_mode:
            self.prepare()
        with self.exclusively():
            if not self.is_empty():
                return Outcome("ready", self.recognize())
            if joins:
                return Outcome("joined", self.join())
            # A first primary whose machine was lost comes back as a copy of whoever took over, not as a second system.
            if self.initial_role != "primary" or self.others():
                return Outcome("absent")
            self.check_nothing_lost()
            return Outcome("created", self.create())

    def predict(self, joins: bool) -> Outcome:
        """Return what a run would do that first installs the packages, or is first given the password."""
        if not self.is_empty():
            return Outcome("ready")
        if joins:
            return Outcome("joined", self.join())
        return Outcome("created", self.create()) if self.initial_role == "primary" else Outcome("absent")

    def check_nothing_lost(self) -> None:
        """Refuse to begin anew where a system lived, or where one lives elsewhere."""
        if self.initializing.exists():
            return
        if recorded := self.recorded():
            alone = " and no other member answers" if self.members else ""
            raise Refused(
                f"{self.data} is empty, but system {recorded} lived here{alone}: starting anew would lose it. "
                f"Restore it from the backup; or, if it is given up, remove {self.identifier_file} and run again."
            )
        if self.answers():
            raise Refused(f"{self.data} is empty, but a PostgreSQL answers on port {PORT}: its data lies elsewhere. Nothing was touched.")
