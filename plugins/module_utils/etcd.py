# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member of etcd: whose data it has, whether it may start, and its cluster, as the other members and ``etcdctl`` know it.

What is known of a member's data: a file beside the data names the member and the cluster it was made for (written before the first start), and whether the
member has ever been healthy. The other members say which members the cluster has had.
"""

from __future__ import annotations

import json
import shutil
import ssl
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import systemd

#: The options that the modules share; documented in plugins/doc_fragments/etcd_member.py.
MEMBER: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "members": {
        "type": "list", "elements": "dict", "required": True,
        "options": {"name": {"type": "str", "required": True}, "address": {"type": "str", "required": True}},
    },
    "cluster_token": {"type": "str", "required": True, "no_log": False},  # a name, by which clusters are told apart
    "client_port": {"type": "int", "default": 2379},
    "peer_port": {"type": "int", "default": 2380},
    "data_directory": {"type": "path", "default": "/var/lib/etcd/default"},
    "identity_file": {"type": "path", "default": "/var/lib/etcd/unde-member.env"},
    "configuration_file": {"type": "path", "default": "/etc/default/etcd"},
    "tls_directory": {"type": "path", "default": "/etc/unde/tls"},
}  # fmt: skip
UNIT = "etcd.service"
REPLACE = "ansible-playbook playbooks/operate/replace_etcd_member.yml -e member="


class Refused(Exception):
    """What stands in the way, in words that a person can act on."""


@dataclass(frozen=True)
class Entry:
    """A member as its cluster knows it; one that has never started has neither a name nor client URLs."""

    id: int
    name: str
    peer_urls: list[str]
    client_urls: list[str]

    @classmethod
    def read(cls, found: dict[str, Any]) -> Entry:
        """Take a member as the peers' port (``id``) or etcdctl (``ID``) gives it."""
        return cls(found.get("id") or found.get("ID") or 0, found.get("name", ""), found["peerURLs"], found.get("clientURLs", []))


@dataclass(frozen=True)
class Start:
    """What a member's first start needs: the cluster's members and whether it is new or existing; both empty for a member that has data."""

    cluster: str = ""
    state: str = ""


class Member:
    """The member that this host is, as it is wanted."""

    def __init__(self, parameters: dict[str, Any], run: systemd.Run) -> None:
        """Take a module's parameters, and what runs programs."""
        self.name: str = parameters["name"]
        self.address: str = parameters["address"]
        self.token: str = parameters["cluster_token"]
        self.client_port: int = parameters["client_port"]
        self.peer_port: int = parameters["peer_port"]
        self.wanted: dict[str, str] = {each["name"]: each["address"] for each in parameters["members"]}
        self.data = Path(parameters["data_directory"])
        self.identity_file = Path(parameters["identity_file"])
        self.configuration_file = Path(parameters["configuration_file"])
        self.tls = Path(parameters["tls_directory"])
        self.run = run

    def peer_url(self, address: str) -> str:
        """Return where the other members reach the member at an address."""
        return f"https://{address}:{self.peer_port}"

    def client_url(self, address: str) -> str:
        """Return where clients reach the member at an address."""
        return f"https://{address}:{self.client_port}"

    @property
    def others(self) -> dict[str, str]:
        """Return the members that are wanted beside this one."""
        return {name: address for name, address in self.wanted.items() if name != self.name}

    # ── What is here ──────────────────────────────────────────────────────────────────────────────────────────────────
    def has_data(self) -> bool:
        """Return whether there is anything in the data directory."""
        return self.data.is_dir() and any(self.data.iterdir())

    def identity(self) -> dict[str, str]:
        """Return what the file beside the data says."""
        return systemd.assignments(self.identity_file.read_text()) if self.identity_file.exists() else {}

    def owns_data(self) -> bool:
        """Return whether the file beside the data names this member of this cluster."""
        identity = self.identity()
        return identity.get("UNDE_MEMBER_NAME") == self.name and identity.get("ETCD_INITIAL_CLUSTER_TOKEN") == self.token

    def is_installed(self) -> bool:
        """Return whether etcd and etcdctl are there, and etcd may read the host's key."""
        groups = self.run(["id", "-nG", "etcd"])[1]
        return Path("/usr/bin/etcd").exists() and Path("/usr/bin/etcdctl").exists() and "unde-tls" in groups.split()

    def unit(self) -> dict[str, str]:
        """Return how systemd has the unit."""
        return systemd.properties(self.run, UNIT, "ActiveState", "MainPID", "NeedDaemonReload", "UnitFileState")

    def outdated_settings(self, configuration: str) -> list[str]:
        """Return the settings that the running process was started with otherwise; etcd's environment is its configuration."""
        pid = int(self.unit().get("MainPID") or 0)
        running = systemd.environment(pid) if pid else None
        if running is None:  # There is none, or it has just ended: the next one reads the file.
            return []
        return sorted(key for key, value in systemd.assignments(configuration).items() if running.get(key) != value)

    # ── What the other members say ────────────────────────────────────────────────────────────────────────────────────
    def ask(self, address: str) -> list[Entry]:
        """Return the members that one of them knows, asked through the peers' port, which answers without a quorum, too; empty where it does not."""
        context = ssl.create_default_context(cafile=str(self.tls / "ca.crt"))
        context.load_cert_chain(str(self.tls / "host.crt"), str(self.tls / "host.key"))
        try:
            with urllib.request.urlopen(self.peer_url(address) + "/members", timeout=4, context=context) as answer:
                return [Entry.read(each) for each in json.load(answer)]
        except (OSError, ValueError):
            return []

    def known(self, *more: str) -> list[Entry]:
        """Return the running cluster's members as the other members, and who else is asked, know them; empty when nobody answers."""
        addresses = [*self.others.values(), *more]
        if not addresses:
            return []
        with ThreadPoolExecutor() as pool:
            return max(pool.map(self.ask, addresses), key=len)

    # ── May it start ──────────────────────────────────────────────────────────────────────────────────────────────────
    def first_start(self, check_mode: bool = False) -> tuple[str, Start]:
        """Return why the member must not start (or nothing), and what its first start needs."""
        if self.has_data():
            return ("" if self.owns_data() else self.foreign_data()), Start()
        if not (self.tls / "host.crt").exists():
            return ("" if check_mode else f"{self.tls}/host.crt is missing: the role certificates comes first."), self.new_cluster()
        known = self.known()
        if not known:
            if self.identity().get("UNDE_MEMBER_JOINED") == "yes":
                return self.lost_data("no other member answers now"), Start()
            return "", self.new_cluster()
        if any(not each.name and self.peer_url(self.address) in each.peer_urls for each in known):
            return "", self.joining(known)
        named = next((each for each in known if each.name == self.name), None)
        if named and not named.client_urls and self.peer_url(self.address) in named.peer_urls:
            return "", self.new_cluster()
        where = f"which knows {self.name} at {', '.join(named.peer_urls)}" if named else f"which has no member {self.name}"
        return self.lost_data(f"there is a running cluster, {where}"), Start()

    def new_cluster(self) -> Start:
        """Return what the first start of a new cluster needs."""
        return Start(",".join(f"{name}={self.peer_url(address)}" for name, address in self.wanted.items()), "new")

    def joining(self, known: list[Entry]) -> Start:
        """Return what one that joins a running cluster needs; the entry without a name is this one."""
        return Start(",".join(f"{each.name or self.name}={url}" for each in known for url in each.peer_urls), "existing")

    def foreign_data(self) -> str:
        """Return whose data is in the way, and what to do."""
        identity = self.identity()
        whose = (
            f"of member {identity.get('UNDE_MEMBER_NAME')} of cluster {identity.get('ETCD_INITIAL_CLUSTER_TOKEN')}"
            if identity
            else f"that no run of this role has made (there is no {self.identity_file})"
        )
        return (
            f"{self.data} holds data {whose}; here belongs member {self.name} of cluster {self.token}. Nothing was started. If the data is not wanted, "
            f"stop etcd, move it away (mv {self.data} {self.data}.old; rm -f {self.identity_file}) and run again."
        )

    def lost_data(self, why: str) -> str:
        """Return that the member's data is gone, and what to do."""
        return (
            f"{self.data} is empty, but {why}: this machine has lost its data, is new, or has moved. It must not begin anew under its old name. "
            f"With the other members healthy, replace it: {REPLACE}<this host>"
        )

    def refused_changes(self, host: str) -> list[str]:
        """Return what is wanted of a member that has data and a run cannot change, each with the way to do it; ``host`` is its name in the inventory."""
        if not self.has_data() or not self.identity_file.exists():
            return []
        identity = self.identity()
        configuration = systemd.assignments(self.configuration_file.read_text()) if self.configuration_file.exists() else {}
        name, token = identity.get("UNDE_MEMBER_NAME", self.name), identity.get("ETCD_INITIAL_CLUSTER_TOKEN", self.token)
        wanted_url = self.peer_url(self.address)
        peer_url = configuration.get("ETCD_INITIAL_ADVERTISE_PEER_URLS", wanted_url)
        known = {each.name for each in self.known(self.address) if each.name} if self.owns_data() else set()
        added, removed = (sorted(set(self.wanted) - known) if known else []), sorted(known - set(self.wanted))
        refusals = {
            f"the data is of member {name} of cluster {token}, etcd_token is {self.token}: keep the token. A cluster that begins anew: stop etcd on every "
            f"member, move {self.data} away and remove {self.identity_file}, run again": token != self.token,
            f"the other members know this one at {peer_url}, asked for is {wanted_url} (etcd_address, etcd_peer_port). Stop etcd on this host, move "
            f"{self.data} away, then: {REPLACE}{host}; one member after the other": peer_url != wanted_url,
            f"etcd_members has {', '.join(added)}, which the running cluster has not, and none joins by a run of the role: "
            f"{REPLACE}{added[0] if added else ''}": bool(added),
            f"etcd_members has no {', '.join(removed)}, which keeps its vote in the running cluster: ansible-playbook "
            f"playbooks/operate/remove_host.yml -e host={removed[0] if removed else ''}, with the layout that still has it": bool(removed),
        }
        return [text for text, holds in refusals.items() if holds]

    # ── Through etcdctl ───────────────────────────────────────────────────────────────────────────────────────────────
    def etcdctl(self, endpoints: list[str], *words: str) -> tuple[int, str, str]:
        """Run etcdctl with this host's certificate."""
        tls = [f"--cacert={self.tls}/ca.crt", f"--cert={self.tls}/host.crt", f"--key={self.tls}/host.key"]
        limits = ["--dial-timeout=3s", "--command-timeout=6s", "--write-out=json"]
        return self.run(["/usr/bin/etcdctl", f"--endpoints={','.join(endpoints)}", *tls, *limits, *words])

    def members(self, endpoints: list[str]) -> list[Entry] | None:
        """Return the cluster's members, agreed by its quorum; None when there is none."""
        code, said, _complaint = self.etcdctl(endpoints, "member", "list")
        return [Entry.read(each) for each in json.loads(said)["members"]] if code == 0 else None

    def unhealthy(self, endpoints: list[str]) -> list[str]:
        """Return the endpoints that do not take part in the quorum."""
        said = self.etcdctl(endpoints, "endpoint", "health")[1]
        try:
            healthy = {each["endpoint"] for each in json.loads(said) if each["health"]}
        except ValueError:
            return endpoints
        return [each for each in endpoints if each not in healthy]

    def problems(self) -> tuple[str, str]:
        """Return what keeps this member from its work, and what keeps the cluster from being whole; empty when nothing does."""
        own = self.client_url(self.address)
        known = self.members([own])
        if known is None:
            return f"{own} has no quorum (journalctl -u etcd)", ""
        missing = sorted(set(self.wanted) - {each.name for each in known})
        if missing:
            return (f"the cluster has no member {self.name}" if self.name in missing else ""), f"the cluster has no member {', '.join(missing)}"
        bad = self.unhealthy([url for each in known for url in each.client_urls])
        return (f"{own} is not healthy" if own in bad else ""), (f"not healthy: {', '.join(bad)}" if bad else "")

    def wait(self, timeout_s: float) -> str:
        """Wait until all wanted members are in the cluster and healthy; return what keeps another one from that after so many seconds, or nothing.

        Another member that is away is no failure of this one: its own host's run says what is wrong.

        Raises:
            Refused: this member is not healthy in that time.

        """
        end = time.monotonic() + timeout_s
        while any(found := self.problems()):
            if time.monotonic() > end:
                break
            time.sleep(1)
        own, cluster = found
        if own:
            raise Refused(f"{self.name}: after {timeout_s:g} s {own}")
        return f"after {timeout_s:g} s {cluster}" if cluster else ""

    def has_joined(self) -> bool:
        """Return whether it is written down that this member has been healthy."""
        return self.identity().get("UNDE_MEMBER_JOINED") == "yes"

    def note_joined(self) -> None:
        """Write down that it is, whole or not at all."""
        beside = self.identity_file.with_suffix(".new")
        beside.write_text(self.identity_file.read_text().replace("UNDE_MEMBER_JOINED=no", "UNDE_MEMBER_JOINED=yes"))
        shutil.copymode(self.identity_file, beside)  # root's umask may be 077
        beside.rename(self.identity_file)

    def restart(self) -> None:
        """Restart the process, unless that would leave the cluster without a quorum.

        Raises:
            Refused: another member is not healthy, or systemd does not restart it.

        """
        serving = not self.unhealthy([self.client_url(self.address)])
        bad = self.unhealthy([self.client_url(address) for address in self.others.values()]) if serving and self.others else []
        if bad:
            raise Refused(f"{self.name} was not restarted: {', '.join(bad)} not healthy, a restart here could cost the quorum. Mend that first.")
        code, _said, complaint = self.run(["systemctl", "restart", UNIT])
        if code != 0:
            raise Refused(f"{self.name}: systemctl restart {UNIT}: {complaint.strip()}")

    # ── Replacement ───────────────────────────────────────────────────────────────────────────────────────────────────
    def replace(self, timeout_s: float, check_mode: bool = False) -> tuple[list[str], Start]:
        """Take the lost member of this name out of the cluster and this host in, from wherever a killed run stopped.

        Returns what was done, and what this host's first start needs.

        Raises:
            Refused: there is no quorum, another member is not healthy, or this host has data of a member that is in the cluster no more.

        """
        others = [self.client_url(address) for address in self.others.values()]
        own = self.peer_url(self.address)
        known = self.members(others)
        if known is None:
            raise Refused(
                f"{self.name}: no quorum among {', '.join(others)}, so no member can be replaced. Bring one of them back first; if their data is gone, the "
                "cluster begins anew (Patroni then takes its state from the running primary)."
            )
        entry = next((each for each in known if each.name == self.name), None)
        waiting = any(not each.name and own in each.peer_urls for each in known)
        if self.has_data():
            if waiting or (entry and own in entry.peer_urls):
                return [], Start()
            raise Refused(f"{self.name}: {self.data} is of a member that is no longer in the cluster. Stop etcd, move it away and run again.")
        if waiting:
            return [], self.joining(known)
        if bad := self.unhealthy([url for each in known if each is not entry for url in each.client_urls]):
            raise Refused(f"{self.name} was not replaced: {', '.join(bad)} not healthy, the quorum could be lost. Mend that first.")
        actions = [f"remove member {self.name}, at {', '.join(entry.peer_urls)}"] if entry else []
        actions.append(f"add member {self.name}, at {own}")
        if check_mode:
            return actions, Start()
        if entry:
            self.change_members(others, timeout_s, "member", "remove", format(entry.id, "x"))
        self.change_members(others, timeout_s, "member", "add", self.name, f"--peer-urls={own}")
        return actions, self.joining(self.members(others) or [])

    def remove(self, timeout_s: float, check_mode: bool = False) -> list[str]:
        """Take the member of this name out of the cluster, asking the others; return what was done. One that is not in it is left out already.

        Raises:
            Refused: the others have no quorum.

        """
        others = [self.client_url(address) for address in self.others.values()]
        known = self.members(others)
        if known is None:
            raise Refused(f"{self.name}: no quorum among {', '.join(others)}, so no member can be removed. Bring one of them back first.")
        entries = [each for each in known if each.name == self.name]
        for entry in [] if check_mode else entries:
            self.change_members(others, timeout_s, "member", "remove", format(entry.id, "x"))
        return [f"remove member {self.name}, at {', '.join(entry.peer_urls)}" for entry in entries]

    def change_members(self, endpoints: list[str], timeout_s: float, *words: str) -> None:
        """Change the cluster's members, again and again: etcd refuses for some seconds while its members reconnect.

        Raises:
            Refused: it still does after so many seconds.

        """
        end = time.monotonic() + timeout_s
        while (answer := self.etcdctl(endpoints, *words))[0] != 0:
            if time.monotonic() > end:
                raise Refused(f"{self.name}: etcdctl {' '.join(words)}: {answer[2].strip()}")
            time.sleep(1)
