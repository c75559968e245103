"""A member of etcd: look at it, restart it without costing the quorum, wait for the cluster, replace a lost member.

Runs on the member's host, fed through standard input; its one argument is a JSON object.

What it knows of a member's data: a file beside the data names the member and the cluster it was made for (written before
the first start), and whether the member has ever been healthy. The other members say which members the cluster has had.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

REPLACE = "ansible-playbook playbooks/operate/replace_etcd_member.yml -e member=<this host>"


def refuse(message: str) -> NoReturn:
    """Leave with a message that a person can act on."""
    sys.exit(message)


class Member:
    """The member that this host is, as the layout has it."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Take what the role says."""
        self.name: str = told["name"]
        self.address: str = told["address"]
        self.token: str = told["token"]
        self.client_port: int = told["client_port"]
        self.peer_port: int = told["peer_port"]
        self.layout: dict[str, str] = {each["name"]: each["address"] for each in told["members"]}
        self.wait_s: int = told["wait_s"]
        self.data = Path(told["data_directory"])
        self.file = Path(told["member_file"])
        self.config = Path(told["config_file"])
        self.tls = Path(told["tls_directory"])
        self.check: bool = told["check"]

    def peer_url(self, address: str) -> str:
        """Where the other members reach the member at an address."""
        return f"https://{address}:{self.peer_port}"

    def client_url(self, address: str) -> str:
        """Where clients reach the member at an address."""
        return f"https://{address}:{self.client_port}"

    @property
    def others(self) -> dict[str, str]:
        """The members that the layout has beside this one."""
        return {name: address for name, address in self.layout.items() if name != self.name}

    # --- what is here -------------------------------------------------------------------------------------------------

    def has_data(self) -> bool:
        """Tell whether there is anything in the data directory."""
        return self.data.is_dir() and any(self.data.iterdir())

    def written(self) -> dict[str, str]:
        """Return what the file beside the data says."""
        return assignments(self.file.read_text()) if self.file.exists() else {}

    def mine(self) -> bool:
        """Tell whether the file beside the data names this member of this cluster."""
        written = self.written()
        return written.get("UNDE_MEMBER_NAME") == self.name and written.get("ETCD_INITIAL_CLUSTER_TOKEN") == self.token

    def unit(self) -> dict[str, str]:
        """Ask systemd how the unit is."""
        words = ["systemctl", "show", "etcd.service", "--property=ActiveState,MainPID,NeedDaemonReload,UnitFileState"]
        return assignments(subprocess.run(words, capture_output=True, text=True, check=False).stdout)

    def stale(self, pid: int) -> list[str]:
        """Name the settings that the running process has otherwise than its file; etcd's environment is its configuration."""
        if pid == 0 or not self.config.exists():
            return []
        try:
            running = assignments(Path(f"/proc/{pid}/environ").read_text().replace("\0", "\n"))
        except OSError:  # It has just ended; the next one reads the file.
            return []
        wanted = assignments(self.config.read_text())
        return sorted(key for key, value in wanted.items() if running.get(key) != value)

    # --- what the others say ------------------------------------------------------------------------------------------

    def ask(self, address: str) -> list[dict[str, Any]]:
        """Ask one member for the list of members, through the peers' port: it answers without a quorum, too."""
        context = ssl.create_default_context(cafile=str(self.tls / "ca.crt"))
        context.load_cert_chain(str(self.tls / "host.crt"), str(self.tls / "host.key"))
        try:
            with urllib.request.urlopen(self.peer_url(address) + "/members", timeout=4, context=context) as answer:
                return [plain(each) for each in json.load(answer)]
        except (OSError, ValueError):
            return []

    def cluster(self, *more: str) -> list[dict[str, Any]]:
        """Return the members of the running cluster as the other members, and who else is asked, know them; empty when nobody answers."""
        addresses = [*self.others.values(), *more]
        if not addresses:
            return []
        with ThreadPoolExecutor() as pool:
            return max(pool.map(self.ask, addresses), key=len)

    def stands(self) -> dict[str, Any]:
        """Return what this member's data and its cluster are; empty where there is no data, so that everything is still open."""
        if not self.has_data() or not self.file.exists():
            return {}
        written, config = self.written(), assignments(self.config.read_text()) if self.config.exists() else {}
        known = {each["name"] for each in self.cluster(self.address) if each["name"]} if self.mine() else set()
        return {
            "name": written.get("UNDE_MEMBER_NAME", self.name),
            "token": written.get("ETCD_INITIAL_CLUSTER_TOKEN", self.token),
            "peer_url": config.get("ETCD_INITIAL_ADVERTISE_PEER_URLS", self.peer_url(self.address)),
            "wanted_peer_url": self.peer_url(self.address),
            "added": sorted(set(self.layout) - known) if known else [],
            "removed": sorted(known - set(self.layout)),
        }

    # --- may it start -------------------------------------------------------------------------------------------------

    def judge(self) -> tuple[str, dict[str, str]]:
        """Return a reason not to start (or nothing), and what the member's first start needs (empty when it has data)."""
        nothing = {"cluster": "", "state": ""}
        if self.has_data():
            return ("" if self.mine() else self.foreign()), nothing
        if not (self.tls / "host.crt").exists():
            problem = "" if self.check else f"{self.tls}/host.crt is missing: the role certificates comes first."
            return problem, self.first()
        known = self.cluster()
        if not known:
            if self.written().get("UNDE_MEMBER_JOINED") == "yes":
                return self.lost("no other member answers now"), nothing
            return "", self.first()
        if any(not each["name"] and self.peer_url(self.address) in each["peerURLs"] for each in known):
            return "", {"cluster": self.initial(known), "state": "existing"}
        named = [each for each in known if each["name"] == self.name]
        if named and not named[0]["clientURLs"] and self.peer_url(self.address) in named[0]["peerURLs"]:
            return "", self.first()
        where = f"which knows {self.name} at {', '.join(named[0]['peerURLs'])}" if named else f"which has no member {self.name}"
        return self.lost(f"there is a running cluster, {where}"), nothing

    def first(self) -> dict[str, str]:
        """Write what the first start of a new cluster needs."""
        return {"cluster": ",".join(f"{name}={self.peer_url(address)}" for name, address in self.layout.items()), "state": "new"}

    def initial(self, known: list[dict[str, Any]]) -> str:
        """Write a running cluster's members for one that joins; the one without a name is this one."""
        return ",".join(f"{each['name'] or self.name}={url}" for each in known for url in each["peerURLs"])

    def foreign(self) -> str:
        """Say whose data is in the way."""
        written = self.written()
        whose = (
            f"of member {written.get('UNDE_MEMBER_NAME')} of cluster {written.get('ETCD_INITIAL_CLUSTER_TOKEN')}"
            if written
            else f"that no run of this role has made (there is no {self.file})"
        )
        return (
            f"{self.data} holds data {whose}; here belongs member {self.name} of cluster {self.token}. Nothing was started. If the data "
            f"is not wanted, stop etcd, move it away (mv {self.data} {self.data}.old; rm -f {self.file}) and run again."
        )

    def lost(self, why: str) -> str:
        """Say that the member's data is gone."""
        return (
            f"{self.data} is empty, but {why}: this machine has lost its data, is new, or has moved. It must not begin anew under its "
            f"old name. With the other members healthy, replace it: {REPLACE}"
        )

    def status(self) -> dict[str, Any]:
        """Say all that the role decides by."""
        unit = self.unit()
        problem, initial = self.judge()
        return {
            "installed": Path("/usr/bin/etcd").exists() and Path("/usr/bin/etcdctl").exists() and in_group("etcd", "unde-tls"),
            "running": unit.get("ActiveState") in ("active", "activating") and unit.get("UnitFileState") == "enabled",
            "reload": unit.get("NeedDaemonReload") == "yes",
            "stale": self.stale(int(unit.get("MainPID") or 0)),
            "problem": problem,
            "foreign": self.has_data() and not self.mine(),
            "initial": initial,
            "stands": self.stands(),
        }

    # --- through etcdctl ----------------------------------------------------------------------------------------------

    def etcdctl(self, endpoints: list[str], *words: str) -> subprocess.CompletedProcess[str]:
        """Run etcdctl with this host's certificate."""
        tls = [f"--cacert={self.tls}/ca.crt", f"--cert={self.tls}/host.crt", f"--key={self.tls}/host.key"]
        limits = ["--dial-timeout=3s", "--command-timeout=6s", "--write-out=json"]
        command = ["/usr/bin/etcdctl", f"--endpoints={','.join(endpoints)}", *tls, *limits, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def members(self, endpoints: list[str]) -> list[dict[str, Any]] | None:
        """Return the cluster's members, agreed by its quorum; None when there is none."""
        done = self.etcdctl(endpoints, "member", "list")
        return [plain(each) for each in json.loads(done.stdout)["members"]] if done.returncode == 0 else None

    def unhealthy(self, endpoints: list[str]) -> list[str]:
        """Name the endpoints that do not take part in the quorum."""
        done = self.etcdctl(endpoints, "endpoint", "health")
        try:
            answers = json.loads(done.stdout)
        except ValueError:
            return endpoints
        well = {each["endpoint"] for each in answers if each["health"]}
        return [each for each in endpoints if each not in well]

    def lacks(self) -> tuple[str, str]:
        """Say what keeps this member from its work, and what keeps the cluster from being whole; the empty string when nothing does."""
        own = self.client_url(self.address)
        known = self.members([own])
        if known is None:
            return f"{own} has no quorum (journalctl -u etcd)", ""
        missing = sorted(set(self.layout) - {each["name"] for each in known})
        if missing:
            return (f"the cluster has no member {self.name}" if self.name in missing else ""), f"the cluster has no member {', '.join(missing)}"
        bad = self.unhealthy([url for each in known for url in each["clientURLs"]])
        return (f"{own} is not healthy" if own in bad else ""), (f"not healthy: {', '.join(bad)}" if bad else "")

    def wait(self) -> dict[str, Any]:
        """Wait until all members of the layout are in the cluster and healthy; note the first time that this one is.

        Another member that is away longer than that is told, and is no failure of this one: its host's own run says what it lacks.
        """
        end = time.monotonic() + self.wait_s
        while any(lack := self.lacks()):
            if time.monotonic() > end:
                break
            time.sleep(1)
        if lack[0]:
            refuse(f"{self.name}: after {self.wait_s} s {lack[0]}")
        text = self.file.read_text()
        joined = text.replace("UNDE_MEMBER_JOINED=no", "UNDE_MEMBER_JOINED=yes")
        if joined != text:
            beside = self.file.with_suffix(".new")
            beside.write_text(joined)
            beside.rename(self.file)
        return {"joined": joined != text, "lacking": f"after {self.wait_s} s {lack[1]}" if lack[1] else ""}

    def restart(self) -> dict[str, bool]:
        """Restart the process, unless that would leave the cluster without a quorum; return when all are healthy."""
        own = self.client_url(self.address)
        serving = not self.unhealthy([own])
        bad = self.unhealthy([self.client_url(address) for address in self.others.values()]) if serving and self.others else []
        if bad:
            refuse(f"{self.name} was not restarted: {', '.join(bad)} not healthy, a restart here could cost the quorum. Mend that first.")
        subprocess.run(["systemctl", "restart", "etcd.service"], check=True)
        self.wait()
        return {"restarted": True}

    # --- replacement --------------------------------------------------------------------------------------------------

    def replace(self) -> dict[str, Any]:
        """Take the lost member of this name out of the cluster, and this host in; continue where a killed run stopped."""
        others = [self.client_url(address) for address in self.others.values()]
        mine = self.peer_url(self.address)
        known = self.members(others)
        if known is None:
            refuse(
                f"{self.name}: no quorum among {', '.join(others)}, so no member can be replaced. Bring one of them back first; "
                "if their data is gone, the cluster begins anew (Patroni then takes its state from the running primary)."
            )
        entry = next((each for each in known if each["name"] == self.name), None)
        waiting = next((each for each in known if not each["name"] and mine in each["peerURLs"]), None)
        if self.has_data():
            if waiting or (entry and mine in entry["peerURLs"]):
                return {"changed": False, "initial": {"cluster": "", "state": ""}}
            refuse(f"{self.name}: {self.data} is of a member that is no longer in the cluster. Stop etcd, move it away and run again.")
        if waiting:
            return {"changed": False, "initial": {"cluster": self.initial(known), "state": "existing"}}
        rest = [url for each in known if each is not entry for url in each["clientURLs"]]
        if bad := self.unhealthy(rest):
            refuse(f"{self.name} was not replaced: {', '.join(bad)} not healthy, the quorum could be lost. Mend that first.")
        if entry:
            self.insist(others, "member", "remove", format(entry["id"], "x"))
        self.insist(others, "member", "add", self.name, f"--peer-urls={mine}")
        return {"changed": True, "initial": {"cluster": self.initial(self.members(others) or []), "state": "existing"}}

    def insist(self, endpoints: list[str], *words: str) -> None:
        """Change the members; etcd refuses for some seconds while its members reconnect."""
        end = time.monotonic() + self.wait_s
        while (done := self.etcdctl(endpoints, *words)).returncode != 0:
            if time.monotonic() > end:
                refuse(f"{self.name}: etcdctl {' '.join(words)}: {done.stderr.strip()}")
            time.sleep(1)


def plain(member: dict[str, Any]) -> dict[str, Any]:
    """Bring a member as the peers' port or etcdctl gives it to one shape; one that has never started has neither name nor client URLs."""
    return {
        "id": member.get("id") or member.get("ID"),
        "name": member.get("name", ""),
        "peerURLs": member["peerURLs"],
        "clientURLs": member.get("clientURLs", []),
    }


def assignments(text: str) -> dict[str, str]:
    """Read lines of the form KEY=value."""
    lines = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key: value for key, _, value in lines}


def in_group(user: str, group: str) -> bool:
    """Tell whether a user is in a group."""
    done = subprocess.run(["id", "-nG", user], capture_output=True, text=True, check=False)
    return done.returncode == 0 and group in done.stdout.split()


def main() -> None:
    """Do what the argument says and print the answer as JSON."""
    os.umask(0o022)
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    told: dict[str, Any] = json.loads(sys.argv[1])
    member = Member(told)
    answer = {"status": member.status, "wait": member.wait, "restart": member.restart, "replace": member.replace}[told["action"]]()
    print(json.dumps(answer))


main()
