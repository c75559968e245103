# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""WireGuard on a host: its key pairs, the tunnels that are configured, and the interfaces as they run.

A private key goes from ``wg genkey`` into its file and into the standard input of ``wg pubkey``: never onto a command line, never into what a module returns.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import systemd

#: Who owns the keys, and the group: root.
OWNER = (0, 0)
#: The endpoint that was last set for each interface, forgotten at a reboot: a peer may roam, and that is no reason to set it back.
RECORDS = Path("/run/unde-wireguard")
#: The kernel's settings of each interface, ``all`` and ``default`` among them.
KERNEL = Path("/proc/sys/net/ipv4/conf")
#: The kernel's own WireGuard, loaded or built in.
MODULE = Path("/sys/module/wireguard")


class Refused(Exception):
    """What stands in the way, in words that a person can act on."""


# ── Keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def kernel_has_wireguard(run: systemd.Run, check_mode: bool) -> bool:
    """Try it: a module list says nothing about a built-in, and a package says nothing about the running kernel."""
    if MODULE.exists():
        return True
    if check_mode:
        # Without kmod nothing can be loaded: what is not there already will not come.
        return shutil.which("modprobe") is not None and run(["modprobe", "-n", "-q", "wireguard"])[0] == 0
    if run(["ip", "link", "add", "unde-probe", "type", "wireguard"])[0] != 0:
        return False
    run(["ip", "link", "del", "unde-probe"])
    return True


def missing_packages(run: systemd.Run, check_mode: bool) -> list[str]:
    """Return the packages without which no tunnel can come up."""
    missing = [] if shutil.which("wg") else ["wireguard-tools"]
    if not shutil.which("wireguard-go") and not kernel_has_wireguard(run, check_mode):
        missing.append("wireguard-go")
    return missing


class Keys:
    """The key pairs of a host: ``<interface>.key`` and ``<interface>.pub`` in one directory, root's alone."""

    def __init__(self, directory: Path, run: systemd.Run, check_mode: bool) -> None:
        """Take where they are, what runs programs, and whether nothing may be changed."""
        self.directory, self.run, self.check_mode = directory, run, check_mode
        self.actions: list[str] = []

    def refusals(self, interfaces: list[str]) -> list[str]:
        """Return what is no key although it stands in a key's place, and whose key would be passed over."""
        refusals = []
        for interface in interfaces:
            key = self.directory / f"{interface}.key"
            if os.path.lexists(key):
                if fault := self.fault(key):
                    refusals.append(
                        f"{key} {fault}. A key is never overwritten: look at it, move it away if it is of no use, and run again; "
                        "a new key will then be made and the other end must be run too."
                    )
            elif self.is_foreign(interface):
                refusals.append(
                    f"{self.directory}/{interface}.conf already carries a PrivateKey for {interface} and was not written by this collection. Move that key to "
                    f"{key} (mode 0600), move the file away, and run again."
                )
        return refusals

    def fault(self, key: Path) -> str:
        """Return what is wrong with an existing file of a key; empty when nothing is."""
        if not stat.S_ISREG(key.lstat().st_mode):
            return "is not a regular file"
        try:
            length = len(base64.b64decode(key.read_bytes().strip(), validate=True))
        except (OSError, binascii.Error) as error:
            return f"cannot be read as a key ({error})"
        return "" if length == 32 else "does not hold the 32 bytes of a WireGuard key"

    def is_foreign(self, interface: str) -> bool:
        """Return whether a configuration that is not ours carries a private key for the interface already."""
        configuration = self.directory / f"{interface}.conf"
        if not configuration.exists():
            return False
        return re.search(r"^\s*PrivateKey\s*=", configuration.read_text(errors="replace"), re.MULTILINE | re.IGNORECASE) is not None

    def make(self, interfaces: list[str]) -> dict[str, str]:
        """Make the keys that are not there, and the files of the public ones; return those that are known: in check mode those of new keys are not.

        Raises:
            Refused: ``wg`` fails.

        """
        public: dict[str, str] = {}
        if self.directory.is_dir():
            self.settle(self.directory, 0o700)
        else:
            self.actions.append(f"create {self.directory}")
            if not self.check_mode:
                self.directory.mkdir(0o700)
        for interface in interfaces:
            key, beside = self.directory / f"{interface}.key", self.directory / f"{interface}.pub"
            if key.exists():
                self.settle(key, 0o600)
            else:
                self.actions.append(f"make {key}")
                if not self.check_mode:
                    self.make_key(key)
            written = beside.read_text().strip() if beside.exists() else ""
            if not key.exists():
                self.actions.append(f"write {beside}")  # what is there is of a key that is gone
            elif self.check_mode and not shutil.which("wg"):
                public |= {interface: written} if written else {}
            else:
                public[interface] = self.public_key(key)
                if public[interface] != written:
                    self.write(beside, public[interface])
        return public

    def make_key(self, key: Path) -> None:
        """Put a fresh key in place; link() fails where a file exists, so that no key can ever be overwritten."""
        code, fresh, complaint = self.run(["wg", "genkey"])
        if code != 0:
            raise Refused(f"wg genkey: {complaint.strip()}")
        handle, beside = tempfile.mkstemp(dir=self.directory, prefix=".key-")  # mode 0600 from the start
        try:
            with os.fdopen(handle, "w") as out:
                out.write(fresh)
                out.flush()
                os.fsync(out.fileno())
            os.link(beside, key)
        except FileExistsError as error:
            raise Refused(f"{key} has just been made by somebody else, and was kept. Run again.") from error
        finally:
            os.unlink(beside)

    def public_key(self, key: Path) -> str:
        """Return the public key of a private one."""
        code, public, complaint = self.run(["wg", "pubkey"], data=key.read_text(), binary_data=True)
        if code != 0:
            raise Refused(f"wg pubkey < {key}: {complaint.strip()}")
        return public.strip()

    def settle(self, path: Path, mode: int) -> None:
        """Give a path to root with exactly this mode."""
        found = path.lstat()
        if (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (mode, *OWNER):
            return
        self.actions.append(f"give {path} to root with mode {mode:04o}")
        if not self.check_mode:
            os.chown(path, *OWNER)
            path.chmod(mode)

    def write(self, path: Path, key: str) -> None:
        """Write a public key, whole or not at all."""
        self.actions.append(f"write {path}")
        if not self.check_mode:
            fresh = path.with_name(f"{path.name}.new")
            fresh.touch(0o600)
            fresh.write_text(f"{key}\n")
            fresh.rename(path)


# ── Configuration ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class Configured:
    """The tunnels that a role has written here, and what it would overwrite."""

    owned: list[str] = field(default_factory=list)
    peers: dict[str, str] = field(default_factory=dict)
    public_keys: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def configured(directory: Path, owner: str, interfaces: list[str], keys_are_made: bool) -> Configured:
    """Tell the owner's interfaces from those of others; where the keys are made already, each interface has to have one."""
    found = Configured(public_keys=[path.read_text(errors="replace").strip() for path in sorted(directory.glob("*.pub"))])
    for path in sorted(directory.glob("*.conf")):
        interface, text = path.stem, path.read_text(errors="replace")
        mark = re.match(r"# unde\.infra (\S+) ", text)
        if mark and mark[1] == owner:
            found.owned.append(interface)
            if peer := re.search(r"^PublicKey = (\S+)$", text, re.MULTILINE):
                found.peers[interface] = peer[1]
        elif interface in interfaces:
            found.refusals.append(
                f"{path} was written by {'the role ' + mark[1] if mark else 'somebody else'} and is not overwritten by {owner}. Take that tunnel down "
                f"(systemctl disable --now wg-quick@{interface}), keep its private key as {directory}/{interface}.key (mode 0600), move the file away, and run "
                "again."
            )
    found.refusals += [
        f"{directory}/{interface}.key does not exist: the role wireguard_keys makes it and goes first "
        "(on a host that is adopted it must be in the adopt list too)."
        for interface in interfaces
        if keys_are_made and not (directory / f"{interface}.key").exists()
    ]
    return found


# ── Interfaces as they run ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Peer:
    """A peer of a running interface."""

    endpoint: str = "(none)"
    allowed: frozenset[str] | None = None
    keepalive: str = "off"


@dataclass
class Running:
    """A running interface."""

    public_key: str
    port: int
    peers: dict[str, Peer] = field(default_factory=dict)


def networks(items: Iterable[str]) -> frozenset[str]:
    """Return networks in their canonical form."""
    return frozenset(str(ipaddress.ip_network(item, strict=False)) for item in items)


def unit(interface: str) -> str:
    """Return the unit of an interface."""
    return f"wg-quick@{interface}.service"


def recorded(interface: str) -> str:
    """Return the endpoint that was set last; empty where none was."""
    path = RECORDS / f"{interface}.endpoint"
    return path.read_text() if path.exists() else ""


def record(interface: str, endpoint: str) -> None:
    """Remember the endpoint that was set."""
    path = RECORDS / f"{interface}.endpoint"
    RECORDS.mkdir(exist_ok=True)
    path.write_text(endpoint)
    # Root's umask may be 077.
    RECORDS.chmod(0o755)
    path.chmod(0o644)


class Interfaces:
    """The interfaces of a host. Each time what runs is compared with what is wanted, so that a run that died half-way is mended by the next one."""

    def __init__(self, directory: Path, run: systemd.Run, check_mode: bool) -> None:
        """Take where keys and configurations are, what runs programs, and whether nothing may be changed."""
        self.directory, self.run, self.check_mode = directory, run, check_mode
        self.actions: list[str] = []
        self.has_tools = shutil.which("wg") is not None

    # ── Questions ──
    def ask(self, *words: str) -> str:
        """Return what a program says.

        Raises:
            Refused: it fails, in its own words.

        """
        code, said, complaint = self.run(list(words))
        if code != 0:
            raise Refused(f"{' '.join(words)}: {complaint.strip()}")
        return said

    def links(self) -> dict[str, dict[str, Any]]:
        """Return the interfaces with their addresses and MTU, as ``ip`` lists them."""
        return {link["ifname"]: link for link in json.loads(self.ask("ip", "-j", "address", "show"))}

    def routes(self) -> dict[str, dict[str, str | None]]:
        """Return the IPv4 routes of the main table: interface → network → source."""
        found: dict[str, dict[str, str | None]] = {}
        for route in json.loads(self.ask("ip", "-j", "-4", "route", "show", "table", "main") or "[]"):
            if route.get("protocol") != "kernel" and "dev" in route and route["dst"] != "default":
                found.setdefault(route["dev"], {})[str(ipaddress.ip_network(route["dst"]))] = route.get("prefsrc")
        return found

    def running(self) -> dict[str, Running]:
        """Return the interfaces of WireGuard that run."""
        found: dict[str, Running] = {}
        for line in (self.ask("wg", "show", "all", "dump") if self.has_tools else "").splitlines():
            fields = line.split("\t")
            if len(fields) == 5:  # interface, private key, public key, port, mark
                found[fields[0]] = Running(fields[2], int(fields[3]))
            else:  # interface, public key, preshared key, endpoint, allowed networks, handshake, received, sent, keepalive
                allowed = networks([] if fields[4] == "(none)" else fields[4].split(","))
                found[fields[0]].peers[fields[1]] = Peer(fields[3], allowed, fields[8])
        return found

    # ── Changes ──
    def do(self, *words: str) -> None:
        """Run a program that changes something; in check mode only note it."""
        self.actions.append(" ".join(words))
        if not self.check_mode:
            self.ask(*words)

    def apply(self, wanted: list[dict[str, Any]], absent: list[str], daemon_reload: bool = False) -> None:
        """Bring the running interfaces to what is wanted, and take away those that are no longer; nothing that is wanted is ever taken down.

        Raises:
            Refused: an interface does not come up, or a program fails.

        """
        before = self.links()
        if self.has_tools or not self.check_mode:
            self.start(wanted, before, daemon_reload)
        elif wanted:  # On a new host: the packages are not there, nor are the units.
            self.actions.append(f"systemctl enable --now {' '.join(unit(each['name']) for each in wanted)}")
        links = before if self.check_mode else self.links()
        state = self.running()
        for each in wanted:
            if each["name"] in links and each["name"] in state:
                self.set_link(each, links[each["name"]])
                self.loosen_reverse_path_check(each["name"])
                self.set_peer(each, state[each["name"]])
            elif self.check_mode and each["name"] not in links:
                self.loosen_reverse_path_check(each["name"])
        self.set_routes(wanted, links)
        for name in absent:
            self.remove(name, links)

    def start(self, wanted: list[dict[str, Any]], links: dict[str, dict[str, Any]], daemon_reload: bool) -> None:
        """Enable all units, and start those whose interface does not exist (also after a crash of a user-space WireGuard)."""
        units = systemd.properties_of(self.run, [unit(each["name"]) for each in wanted], "UnitFileState", "ActiveState", "NeedDaemonReload")
        if daemon_reload or any(each.get("NeedDaemonReload") == "yes" for each in units.values()):
            self.do("systemctl", "daemon-reload")
        if disabled := [name for name, each in units.items() if each.get("UnitFileState") != "enabled"]:
            self.do("systemctl", "enable", *disabled)
        down = [each for each in wanted if each["name"] not in links]
        if not down:
            return
        stopped = [unit(each["name"]) for each in down]
        # A unit that believes to be up while its interface is gone must be told to start anew.
        verb = "restart" if any(units.get(name, {}).get("ActiveState") == "active" for name in stopped) else "start"
        self.actions.append(f"systemctl {verb} {' '.join(stopped)}")
        if self.check_mode:
            return
        self.run(["systemctl", "reset-failed", *stopped])
        if self.run(["systemctl", verb, *stopped])[0] != 0:
            said = self.run(["journalctl", "--no-pager", "-o", "cat", "-n", "30", *(f"-u{name}" for name in stopped)])[1]
            raise Refused(f"{', '.join(each['name'] for each in down)} did not come up; the journal says:\n{said}")
        for each in down:
            if each["endpoint"] and each["public_key"]:
                record(each["name"], each["endpoint"])

    def set_link(self, wanted: dict[str, Any], link: dict[str, Any]) -> None:
        """Set address and MTU; the new address comes before the old one goes."""
        name, address = wanted["name"], str(ipaddress.ip_interface(wanted["address"]))
        present = {f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"] if each.get("scope") == "global"}
        if address not in present:
            self.do("ip", "address", "add", address, "dev", name)
        for other in sorted(present - {address}):
            self.do("ip", "address", "del", other, "dev", name)
        if link["mtu"] != wanted["mtu"]:
            self.do("ip", "link", "set", "dev", name, "mtu", str(wanted["mtu"]))

    def loosen_reverse_path_check(self, name: str) -> None:
        """Let what another interface may answer pass this one; an interface that does not exist yet begins with the default."""
        own = name if (KERNEL / name).exists() else "default"
        strict = [int((KERNEL / scope / "rp_filter").read_text()) for scope in (own, "all")]
        if max(strict) == 1:  # The kernel takes the larger of the two: 2, loose, wins over 1, strict.
            self.do("sysctl", "-q", "-w", f"net.ipv4.conf.{name.replace('.', '/')}.rp_filter=2")

    def set_peer(self, wanted: dict[str, Any], running: Running) -> None:
        """Set key, port and the one peer; a peer whose key changed is replaced, the others' sessions go on."""
        name, peer, endpoint = wanted["name"], wanted["public_key"], wanted["endpoint"]
        if (self.directory / f"{name}.pub").read_text().strip() != running.public_key:
            self.do("wg", "set", name, "private-key", f"{self.directory}/{name}.key")
        if wanted["listen_port"] and wanted["listen_port"] != running.port:
            self.do("wg", "set", name, "listen-port", str(wanted["listen_port"]))
        if not peer:
            return
        for other in sorted(set(running.peers) - {peer}):
            self.do("wg", "set", name, "peer", other, "remove")
        now, changes = running.peers.get(peer, Peer()), []
        if now.allowed != networks(wanted["allowed_ips"]):
            changes += ["allowed-ips", ",".join(wanted["allowed_ips"])]
        if now.keepalive != str(wanted["persistent_keepalive"] or "off"):
            changes += ["persistent-keepalive", str(wanted["persistent_keepalive"] or "off")]
        if endpoint and endpoint != now.endpoint and (now.endpoint == "(none)" or endpoint != recorded(name)):
            changes += ["endpoint", endpoint]
        if changes:
            self.do("wg", "set", name, "peer", peer, *changes)
        if endpoint and not self.check_mode:
            record(name, endpoint)

    def set_routes(self, wanted: list[dict[str, Any]], links: dict[str, dict[str, Any]]) -> None:
        """Put the wanted routes in place first, then take away the others: a network that moves between tunnels is never without."""
        found = self.routes()
        extra: list[tuple[str, str]] = []
        for each in wanted:
            name = each["name"]
            if name not in links:
                continue
            present: dict[str, str | None] = found.get(name, {})
            routes: dict[str, str | None] = dict.fromkeys(networks(each["routes"]), each["source"])
            routes.setdefault(f"{each['far_address']}/32", None)
            for network, source in sorted(routes.items()):
                if network not in present or present[network] != source:
                    self.do("ip", "route", "replace", network, "dev", name, *(["src", source] if source else []))
            extra += [(network, name) for network in sorted(set(present) - set(routes))]
        for network, name in extra:
            self.actions.append(f"ip route del {network} dev {name}")
            if not self.check_mode:  # Gone already where another tunnel's route has just replaced it.
                self.run(["ip", "route", "del", network, "dev", name])

    def remove(self, name: str, links: dict[str, dict[str, Any]]) -> None:
        """Take a tunnel away: interface, key, and last the configuration, by which the next run knows that this one was not through."""
        self.do("systemctl", "disable", "--now", unit(name))
        if name in links and not self.check_mode and name in self.links():
            self.do("ip", "link", "del", name)
        files = [self.directory / f"{name}.key", self.directory / f"{name}.pub", RECORDS / f"{name}.endpoint", self.directory / f"{name}.conf"]
        for path in files:
            if path.exists():
                self.actions.append(f"remove {path}")
                if not self.check_mode:
                    path.unlink()
