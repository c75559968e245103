# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member of a PostgreSQL shard under Patroni: what runs here, what Patroni's REST API and PostgreSQL say of it, and the shard's configuration in the store.

What Patroni answers is read over TLS with the host's own certificate; what PostgreSQL answers, over its socket as the user postgres. No password is needed.
"""

from __future__ import annotations

import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.unde.infra.plugins.module_utils import debian, systemd

#: The options that the modules for a member share; documented in plugins/doc_fragments/patroni_member.py.
MEMBER: dict[str, Any] = {
    "scope": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "members": {
        "type": "list", "elements": "dict", "required": True,
        "options": {"name": {"type": "str", "required": True}, "address": {"type": "str", "required": True}},
    },
    "dynamic_configuration": {"type": "dict", "required": True},
    "postgresql_version": {"type": "str", "required": True},
    "data_directory": {"type": "path", "required": True},
    "postgresql_port": {"type": "int", "default": 5432},
    "api_port": {"type": "int", "default": 8008},
    "maximum_lag": {"type": "int", "default": 1048576},
    "configuration_file": {"type": "path", "default": "/etc/patroni/config.yml"},
    "adoption_file": {"type": "path", "default": "/etc/patroni/adopted"},
    "tls_directory": {"type": "path", "default": "/etc/unde/tls"},
}  # fmt: skip
UNIT = "patroni.service"
PACKAGES = ("patroni", "python3-etcd", "nftables")
PATRONICTL = "/usr/bin/patronictl"
SOCKET = "/var/run/postgresql"
#: Where Debian has PostgreSQL's programs, by major version.
PROGRAMS = Path("/usr/lib/postgresql")
#: Seconds that one question to Patroni or to PostgreSQL may take until it is connected.
TIMEOUT_S = 4
#: What a member may still need to be under Patroni: a running server is taken over, a stopped one is started, an empty directory gets a copy of the leader.
ADOPTIONS = ("adopt-primary", "adopt-standby", "start-primary", "start-standby", "clone")
#: Those that lead: the others of the shard begin when somebody does.
PRIMARIES = ("adopt-primary", "start-primary")
ADOPTED = "This member was handed over to Patroni by Ansible (role patroni).\n"

SERVER = """
SELECT json_build_object(
  'in_recovery', pg_is_in_recovery(),
  'receiver', (SELECT json_build_object('status', status, 'sender', sender_host) FROM pg_stat_wal_receiver),
  'standbys', coalesce((SELECT json_agg(json_build_object('address', host(client_addr), 'state', state,
      'lag', CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) END)) FROM pg_stat_replication), '[]'))
"""
NEEDS_RESTART = "SELECT json_agg(name) FROM pg_settings WHERE context = 'postmaster'"
LOADED = "SELECT to_json(pg_conf_load_time())"

T = TypeVar("T")


class Refused(Exception):
    """What stands in the way, in words that a person can act on."""


@dataclass(frozen=True)
class Unit:
    """A unit that is judged strictly: one that dies and is started again and again (``activating``) is not active."""

    known: bool
    active: bool
    enabled: bool
    masked: bool


@dataclass(frozen=True)
class Server:
    """What a running PostgreSQL says of itself: whether it is a standby and receives from whom, and who streams from it."""

    in_recovery: bool
    receiver: dict[str, str]
    standbys: list[dict[str, Any]]


def difference(wanted: dict[str, Any], present: dict[str, Any], purge: bool = True) -> dict[str, Any]:
    """Return the patch that makes ``present`` hold what is wanted; None removes a key.

    What is not named stays (``pause``, ``standby_cluster``), except PostgreSQL's parameters where ``purge`` says so.
    """
    patch: dict[str, Any] = {}
    for key, value in wanted.items():
        if isinstance(value, dict):
            there = present.get(key) or {}
            inner = difference(value, there, purge)
            if key == "parameters" and purge:
                inner |= {name: None for name in there if name not in value}
            if inner:
                patch[key] = inner
        elif present.get(key) != value:
            patch[key] = value
    return patch


def described(patch: dict[str, Any], present: dict[str, Any], under: str = "") -> list[str]:
    """Return what a patch changes, one key a line."""
    lines: list[str] = []
    for key, value in patch.items():
        if isinstance(value, dict):
            lines += described(value, present.get(key) or {}, f"{under}{key}.")
        elif value is None:
            lines.append(f"remove {under}{key}, which is {json.dumps(present.get(key))}")
        else:
            lines.append(f"set {under}{key} to {json.dumps(value)}" + (f", which is {json.dumps(present[key])}" if key in present else ""))
    return lines


class Member:
    """The member that this host is, as it is wanted."""

    def __init__(self, parameters: dict[str, Any], run: systemd.Run) -> None:
        """Take a module's parameters, and what runs programs."""
        self.scope: str = parameters["scope"]
        self.name: str = parameters["name"]
        self.address: str = parameters["address"]
        self.members: dict[str, str] = {each["name"]: each["address"] for each in parameters["members"]}
        self.wanted: dict[str, Any] = parameters["dynamic_configuration"]
        self.version: str = parameters["postgresql_version"]
        self.data = Path(parameters["data_directory"])
        self.postgresql_port: int = parameters["postgresql_port"]
        self.api_port: int = parameters["api_port"]
        self.maximum_lag: int = parameters["maximum_lag"]
        self.configuration_file = Path(parameters["configuration_file"])
        self.adoption_file = Path(parameters["adoption_file"])
        self.tls = Path(parameters["tls_directory"])
        self.bin = PROGRAMS / self.version / "bin"
        self.postgresql_unit = f"postgresql@{self.version}-main.service"
        self.run = run

    @property
    def others(self) -> dict[str, str]:
        """Return the members that are wanted beside this one."""
        return {name: address for name, address in self.members.items() if name != self.name}

    # ── What is here ──────────────────────────────────────────────────────────────────────────────────────────────────
    def unit(self, name: str) -> Unit:
        """Return what systemd knows of a unit."""
        shown = systemd.properties(self.run, name, "LoadState", "ActiveState", "UnitFileState")
        return Unit(
            known=shown.get("LoadState") not in (None, "", "not-found"),
            active=shown.get("ActiveState") in ("active", "reloading"),
            enabled=shown.get("UnitFileState", "").startswith("enabled"),
            masked=shown.get("UnitFileState") == "masked",
        )

    def is_installed(self) -> bool:
        """Return whether all packages are there."""
        return set(debian.installed(self.run, PACKAGES)) == set(PACKAGES)

    def has_data(self) -> bool:
        """Return whether there is anything in the data directory."""
        return self.data.is_dir() and any(self.data.iterdir())

    def system_identifier(self) -> str:
        """Return the database's system identifier, read from the files: the server need not run; empty where there is none."""
        tool = self.bin / "pg_controldata"
        if not tool.exists():
            return ""
        lines = self.run([str(tool), "-D", str(self.data)])[1].splitlines()
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("Database system identifier")), "")

    def query(self, sql: str) -> Any:
        """Return what the local PostgreSQL answers, which is JSON; None when it does not answer."""
        psql = [str(self.bin / "psql"), "-XqAt", "-h", SOCKET, "-p", str(self.postgresql_port), "-d", "postgres", "-c", sql]
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        client = {"PGCONNECT_TIMEOUT": str(TIMEOUT_S), "PGAPPNAME": "unde-patroni"}
        code, said, _complaint = self.run(["timeout", "60", *as_postgres, *psql], environ_update=client, cwd="/")
        return json.loads(said) if code == 0 and said.strip() else None

    def server(self) -> Server | None:
        """Return what the local PostgreSQL says of itself; None when it does not answer."""
        found = self.query(SERVER)
        return Server(found["in_recovery"], found["receiver"] or {"status": "absent", "sender": "nobody"}, found["standbys"]) if found else None

    def needs_restart(self, patch: dict[str, Any]) -> list[str]:
        """Return the parameters of a patch that PostgreSQL takes up only by a restart."""
        parameters = (patch.get("postgresql") or {}).get("parameters") or {}
        return sorted(set(parameters) & set(self.query(NEEDS_RESTART) or [])) if parameters else []

    # ── What Patroni says ─────────────────────────────────────────────────────────────────────────────────────────────
    def ask(self, address: str, path: str) -> dict[str, Any] | None:
        """Return the answer of a member's REST API, whatever its status; None when none comes."""
        try:
            context = ssl.create_default_context(cafile=str(self.tls / "ca.crt"))
            context.load_cert_chain(str(self.tls / "host.crt"), str(self.tls / "host.key"))
            with urllib.request.urlopen(f"https://{address}:{self.api_port}{path}", context=context, timeout=TIMEOUT_S) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            # A Patroni that has just begun answers some questions with a page of text.
            try:
                return dict(json.loads(error.read()))
            except (ValueError, TypeError):
                return {}
        except (OSError, ValueError, TypeError):
            return None

    def status(self) -> dict[str, Any] | None:
        """Return what this member's Patroni says of it; None when it does not answer."""
        return self.ask(self.address, "/patroni")

    def stored(self) -> dict[str, Any]:
        """Return the shard's configuration as this member knows it from the store; empty when there is none (yet), or nobody says."""
        return self.ask(self.address, "/config") or {}

    def leader(self) -> str:
        """Return the name of the member that leads, asked of every member; empty when none says so."""
        return next((name for name, address in self.members.items() if leads(self.ask(address, "/patroni") or {})), "")

    # ── When it is what it should be ──────────────────────────────────────────────────────────────────────────────────
    def is_member(self) -> bool:
        """Return whether it leads or streams."""
        status = self.status() or {}
        return leads(status) or streams(status)

    def is_copied(self) -> bool:
        """Return whether it streams, or the leader is being copied: a large shard takes hours, and the copy ends by itself."""
        status = self.status() or {}
        return streams(status) or status.get("state") == "creating replica"

    def has_store(self) -> bool:
        """Return whether it leads and the shard's configuration is stored: Patroni takes the lock first and writes that in its next cycle."""
        return leads(self.status() or {}) and bool(self.stored())

    def runs_without_former_unit(self) -> bool:
        """Return whether it leads or streams, and PostgreSQL is no longer a process of its former unit."""
        return self.is_member() and not self.unit(self.postgresql_unit).active

    def has_taken_up(self) -> bool:
        """Return whether it knows the wanted configuration, and has had the time to ask PostgreSQL what could not be taken up."""
        present = self.stored()
        if not present or difference(self.wanted, present):
            return False
        # Patroni wakes at once when the store changes; then PostgreSQL has to be asked.
        time.sleep(self.wanted["loop_wait"] + 1)
        return True

    def wait(self, until: Callable[[], bool], timeout_s: float, problem: str) -> None:
        """Wait for something.

        Raises:
            Refused: it is not so after that time.

        """
        end = time.monotonic() + timeout_s
        while not until():
            if time.monotonic() > end:
                journal = self.run(["journalctl", f"--unit={UNIT}", "--lines=12", "--no-pager", "--output=cat"])[1]
                answers = f"Patroni answers: {json.dumps(self.status())}. The end of its journal:\n{journal}"
                raise Refused(f"{self.name}: after {timeout_s:g} s {problem}. {answers}")
            time.sleep(0.5)

    # ── What a run does ───────────────────────────────────────────────────────────────────────────────────────────────
    def systemctl(self, *words: str) -> None:
        """Have systemd do something.

        Raises:
            Refused: it does not.

        """
        code, _output, complaint = self.run(["systemctl", *words])
        if code != 0:
            raise Refused(f"{self.name}: systemctl {' '.join(words)}: {complaint.strip()}")

    def note_adoption(self) -> None:
        """Write that Patroni may start here, whole or not at all."""
        beside = self.adoption_file.with_suffix(".new")
        beside.write_text(ADOPTED)
        beside.chmod(0o644)  # root's umask may be 077
        beside.rename(self.adoption_file)

    def start(self, adoption: str, timeout_s: float, check_mode: bool = False) -> list[str]:
        """Hand the member over to Patroni and wait until it leads, streams or is being copied; return what was done.

        Without the file nothing starts Patroni, not even a reboot: of two members that come up at the same moment, the former standby could lead. So a
        standby gets it when somebody leads.

        Raises:
            Refused: nobody leads, systemd starts nothing, or the member is not what it should be in that time.

        """
        primary = adoption in PRIMARIES
        if not primary and not check_mode:
            self.wait(lambda: self.leader() != "", timeout_s, f"nobody leads {self.scope}")
        unit = self.unit(UNIT)
        steps: list[tuple[str, bool, Callable[[], None]]] = [
            (f"write {self.adoption_file}", not self.adoption_file.exists(), self.note_adoption),
            (f"enable {UNIT}", not unit.enabled, lambda: self.systemctl("enable", UNIT)),
            (f"start {UNIT}", not unit.active, lambda: self.systemctl("start", UNIT)),
        ]
        actions = [words for words, due, _act in steps if due]
        if check_mode:
            return actions
        self.systemctl("daemon-reload")
        for _words, due, act in steps:
            if due:
                act()
        if adoption == "adopt-primary":
            self.wait(self.has_store, timeout_s, f"it does not lead {self.scope}, or has not stored its configuration")
        elif primary:
            self.wait(lambda: self.leader() != "", timeout_s, f"nobody leads {self.scope}")
        else:
            self.wait_until_healthy(adoption, timeout_s, former_unit_may_run=True)
        return actions

    def wait_until_healthy(self, adoption: str | None, timeout_s: float, former_unit_may_run: bool = False) -> None:
        """Wait until it leads or streams, unless ``former_unit_may_run`` without its former unit; one that is being copied is as it should be.

        Raises:
            Refused: it is not in that time.

        """
        if adoption == "clone":
            self.wait(self.is_copied, timeout_s, "it neither streams nor is being copied")
        elif not former_unit_may_run:
            self.wait(self.runs_without_former_unit, timeout_s, f"it neither leads nor streams, or PostgreSQL still runs as {self.postgresql_unit}")
        else:
            self.wait(self.is_member, timeout_s, "it neither leads nor streams")

    def restart(self, timeout_s: float) -> None:
        """Have Patroni restart PostgreSQL in place; it keeps the leader's lock meanwhile: no election, no new timeline.

        A Patroni that found its standby running would start it again with the parameters it found; told to reload, it takes those of the store, and writes
        PostgreSQL's files anew. A restart that came between would find them half there, so it waits until PostgreSQL has read them.

        Raises:
            Refused: PostgreSQL does not answer or read its files, Patroni does not restart it, or the member is not healthy afterwards, each in that time.

        """
        end = time.monotonic() + timeout_s

        def until(attempt: Callable[[], T | None], problem: Callable[[], str]) -> T:
            while (found := attempt()) is None:
                if time.monotonic() >= end:
                    raise Refused(f"{self.name}: after {timeout_s:g} s {problem()}")
                time.sleep(0.5)
            return found

        def loaded_since(before: str) -> str | None:
            now = self.query(LOADED)
            return now if now and now != before else None

        answers: list[str] = []

        def restarted() -> str | None:
            # Refused while Patroni has another business with this member, or etcd no leader; its status tells neither.
            _code, said, complaint = self.run([PATRONICTL, f"--config-file={self.configuration_file}", "restart", "--force", self.scope, self.name], cwd="/")
            answers[:] = [(said + complaint).strip()]
            return said if "Success: restart on member" in said else None

        before = until(lambda: loaded_since(""), lambda: "PostgreSQL does not answer")
        self.systemctl("reload", UNIT)
        until(lambda: loaded_since(before), lambda: "Patroni has not had PostgreSQL read its configuration anew")
        until(restarted, lambda: f"Patroni does not restart PostgreSQL: {''.join(answers)}")
        self.wait(self.is_member, timeout_s, "it neither leads nor streams again")


def leads(status: dict[str, Any]) -> bool:
    """Return whether Patroni says that the member leads."""
    return status.get("role") in ("primary", "master") and status.get("state") == "running"


def streams(status: dict[str, Any]) -> bool:
    """Return whether Patroni says that the member follows the leader."""
    return status.get("role") == "replica" and status.get("state") in ("running", "streaming") and status.get("replication_state") == "streaming"


class Found:
    """What is seen of a member before anything is written, and what stands against touching it."""

    def __init__(self, member: Member) -> None:
        """Look at the host."""
        self.member = member
        self.patroni = member.unit(UNIT)
        self.postgresql = member.unit(member.postgresql_unit)
        self.has_data = member.has_data()
        self.system_identifier = member.system_identifier()
        self.server = member.server()
        self.status = member.status()

    @property
    def begun(self) -> bool:
        """Return whether the adoption has begun: the same rule by which the role postgres_shard lets go of the unit."""
        return self.member.configuration_file.exists() or self.patroni.enabled

    @cached_property
    def adoption(self) -> str:
        """Return what the member still needs to be under Patroni, one of ADOPTIONS; empty when it is."""
        ours = self.patroni.active and self.patroni.enabled and self.postgresql.masked
        if ours and not self.postgresql.active and self.member.adoption_file.exists():
            return ""
        if self.server:
            return "adopt-standby" if self.server.in_recovery else "adopt-primary"
        if not self.has_data:
            return "clone"
        # Nobody runs: who carries the standby's mark waits, so that it cannot overtake the former primary.
        return "start-standby" if (self.member.data / "standby.signal").exists() else "start-primary"

    def problem(self) -> str:
        """Return why the member must not be touched, and what to do; empty when it may be."""
        member = self.member
        if self.patroni.active:
            return ""
        if self.adoption.startswith("start") and not self.begun:
            return (
                f"{member.data} holds system {self.system_identifier or '(unreadable)'}, but PostgreSQL does not run, so its role and its lag are unknown. "
                f"Start it (systemctl start {member.postgresql_unit}), see that it streams, and run again."
            )
        if self.adoption == "adopt-primary" and (leader := member.leader()) not in ("", member.name):
            return (
                f"PostgreSQL runs here as a primary of its own while {leader} leads {member.scope}: two primaries. "
                f"Nothing was touched. Decide which one holds the truth; stop the other and empty its {member.data}."
            )
        if self.adoption == "adopt-standby" and not self.begun and self.server:
            status, sender = self.server.receiver["status"], self.server.receiver["sender"]
            if status != "streaming":
                return f"PostgreSQL runs here as a standby but does not stream (receiver {status}). Mend the replication first, then run again."
            if sender not in member.others.values():
                return f"PostgreSQL streams here from {sender}, which is no member of {member.scope}. Correct the layout or primary_conninfo."
        return ""

    def lagging(self) -> dict[str, str]:
        """Return the members that do not stream from this primary, each with what is seen of it."""
        if self.adoption != "adopt-primary" or self.begun or not self.server:
            return {}
        standbys = {each["address"]: each for each in self.server.standbys}
        found = {}
        for name, address in self.member.others.items():
            standby = standbys.get(address)
            if not standby:
                found[name] = "does not stream from here"
            elif standby["state"] != "streaming" or standby["lag"] is None or int(standby["lag"]) > self.member.maximum_lag:
                found[name] = f"is {standby['state']}, {standby['lag']} bytes behind"
        return found

    def runs_as(self) -> dict[str, str]:
        """Return as whom, on which data and where a running Patroni was told to run; empty where none runs."""
        if not self.patroni.active or not self.member.configuration_file.exists() or not self.member.adoption_file.exists():
            return {}
        text = self.member.configuration_file.read_text()
        lines = {
            "scope": r"^scope: (.+)$", "name": r"^name: (.+)$", "data_directory": r"^  data_dir: (.+)$",
            "address": r"^postgresql:\n(?:  .*\n)*?  connect_address: (.+):\d+\"?$",
        }  # fmt: skip
        return {key: found[1].strip('"') for key, line in lines.items() if (found := re.search(line, text, re.MULTILINE))}

    def refusals(self) -> list[str]:
        """Return what is wanted of a running member and a run cannot change, each with the way to do it."""
        member = self.member
        runs = {"scope": member.scope, "name": member.name, "data_directory": str(member.data), "address": member.address, **self.runs_as()}
        refusals = {
            f"Patroni runs here as {runs['name']} of {runs['scope']}, asked for is {member.name} of {member.scope} (patroni_name, patroni_scope), which etcd "
            "knows nothing of: keep the name; a member that shall have another one is removed (playbooks/operate/remove_host.yml) and comes anew":
                (runs["scope"], runs["name"]) != (member.scope, member.name),
            f"the data is in {runs['data_directory']}, asked for is PostgreSQL {member.version} in {member.data} (patroni_postgresql_version, "
            "patroni_data_directory): docs/operate.md, Another major version of PostgreSQL": Path(runs["data_directory"]) != member.data,
            f"the member runs at {runs['address']}, patroni_address is {member.address}, and the shard, its clients and its backups know it by the former one. "
            "One member after the other, a standby first: systemctl stop patroni here, give the machine its new address, run again":
                runs["address"] != member.address,
        }  # fmt: skip
        return [text for text, holds in refusals.items() if holds]

    def dynamic_changes(self) -> dict[str, Any]:
        """Return the patch that the shard's configuration in the store still needs; empty where nobody says what it is."""
        present = self.member.stored() if self.patroni.active and self.status is not None else {}
        return difference(self.member.wanted, present) if present else {}
