# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network between a host and its MikroTik CHR guests: the loaded firewall, the bridge with its routes as systemd-networkd has it, forwarding.

What is loaded and what lives is compared with the files each time, so that a run that was killed after writing is mended by the next.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import systemd
from ansible_collections.unde.infra.plugins.module_utils.actions import Actions, Failed

FIREWALL, NETWORKD, ONLINE = "unde-chr-firewall.service", "systemd-networkd.service", "systemd-networkd-wait-online.service"
TABLE = "unde_chr"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
#: What networkd is told of others' routes and rules: it reads that at its start only.
SETTINGS = Path("/etc/systemd/networkd.conf.d/60-unde-chr.conf")
#: The bridge's files.
NETWORK, FILES = Path("/etc/systemd/network"), "10-unde-chr.*"
#: Its time is when networkd was last told to read them.
TOLD = Path("/run/unde-chr.told")
TIMEOUT_S = 15


def unit(actions: Actions, name: str) -> dict[str, str]:
    """Return how systemd has a unit."""
    return systemd.properties(actions.run, name, "UnitFileState", "ActiveState", "NeedDaemonReload")


# ── The firewall ──────────────────────────────────────────────────────────────────────────────────────────────────────
def loaded_rules(actions: Actions) -> str | None:
    """Return the identity of the loaded rules, which stands in the table's comment; None where there is no table."""
    found = re.search(r'comment "rules (\w+)"', actions.output("nft", "-t", "list", "table", "inet", TABLE))
    return found and found.group(1)


def load_firewall(actions: Actions, rules: str) -> None:
    """Load the table where another one is loaded, or none.

    Raises:
        Failed: systemd does not load it, or the loaded one is still another.

    """
    state = unit(actions, FIREWALL)
    if state.get("NeedDaemonReload") == "yes":
        actions.do("systemctl", "daemon-reload")
    if state.get("UnitFileState") != "enabled":
        actions.do("systemctl", "enable", FIREWALL)
    if state.get("ActiveState") != "active":
        actions.do("systemctl", "start", FIREWALL, journal=FIREWALL)
    elif loaded_rules(actions) != rules:
        actions.do("systemctl", "reload", FIREWALL, journal=FIREWALL)
    if not actions.check_mode and loaded_rules(actions) != rules:
        raise Failed(f"the table inet {TABLE} that is loaded is not the one that was written, although {FIREWALL} was loaded")


# ── The bridge ────────────────────────────────────────────────────────────────────────────────────────────────────────
class Bridge:
    """The bridge as it is wanted, and as systemd-networkd has it."""

    def __init__(self, name: str, address: str, routes: Iterable[str], gateway: str, actions: Actions) -> None:
        """Take its name, the host's address with its prefix length, and the networks that are routed by way of a gateway on it."""
        self.name, self.address, self.gateway, self.actions = name, address, gateway, actions
        self.routes = {str(ip_network(each)) for each in routes}

    def ask(self, *words: str) -> list[dict[str, Any]]:
        """Return what ``ip`` knows of it."""
        return list(json.loads(self.actions.output("ip", "-j", "-4", *words, "show", "dev", self.name) or "[]"))

    def missing(self) -> list[str]:
        """Return what it has not: its address, and the routes by way of the gateway."""
        have = {f"{each['local']}/{each['prefixlen']}" for link in self.ask("address") for each in link.get("addr_info", [])}
        if self.address not in have:
            return [f"address {self.address}"]
        found = {str(ip_network(route["dst"])): route["gateway"] for route in self.ask("route") if "gateway" in route and route["dst"] != "default"}
        return [
            *(f"route {network} via {self.gateway}" for network in sorted(self.routes) if found.get(network) != self.gateway),
            *(f"no route {network}" for network in sorted(set(found) - self.routes)),
        ]

    def bring_up(self, written: list[str], may_restart: bool) -> None:
        """Let networkd make it what its files say. Nothing is ever taken down: its ports, the guests, stay where they are.

        Raises:
            Failed: networkd fails, does not make it that in time, or would have to be restarted where nothing may be.

        """
        actions, state = self.actions, unit(self.actions, NETWORKD)
        if state.get("UnitFileState") != "enabled":
            actions.do("systemctl", "enable", NETWORKD)
        if state.get("ActiveState") != "active":
            actions.do("systemctl", "start", NETWORKD, journal=NETWORKD)
        elif takes_foreign_routes(actions, written):  # Whatever it manages stays in place: systemd sees to that.
            if not may_restart:
                raise Failed(
                    "networkd runs here, and has to be restarted once before it leaves others' rules alone, which needs an explicit yes: "
                    "-e unde_may_restart=true"
                )
            actions.do("systemctl", "restart", NETWORKD, journal=NETWORKD)
        elif unread(actions, written):
            actions.do("networkctl", "reload")
        elif self.missing():
            actions.do("networkctl", "reconfigure", self.name)
        if not actions.check_mode:
            self.wait()

    def wait(self) -> None:
        """Wait until it is what it should be, and note that networkd has read its files."""
        end = time.monotonic() + TIMEOUT_S
        while missing := self.missing():
            if time.monotonic() > end:
                status = self.actions.output("networkctl", "status", "--no-pager", self.name)
                raise Failed(f"networkd did not give {self.name} its {', '.join(missing)}\n{status}")
            time.sleep(0.1)
        TOLD.touch(0o644)
        os.utime(TOLD)


def started(actions: Actions) -> int:
    """Return when networkd was started, in whole seconds since 1970; 0 where it was not."""
    found = re.search(r"@(\d+)", actions.output("systemctl", "show", "--timestamp=unix", "--property", "ActiveEnterTimestamp", NETWORKD))
    return int(found.group(1)) if found else 0


def unread(actions: Actions, written: list[str]) -> bool:
    """Return whether the bridge's files are newer than what networkd has read: it reads when it starts, and when it is told to."""
    if any(Path(path).is_relative_to(NETWORK) for path in written):
        return True
    told = TOLD.stat().st_mtime if TOLD.exists() else 0
    return max((file.stat().st_mtime for file in NETWORK.glob(FILES)), default=0) > max(started(actions), told)


def takes_foreign_routes(actions: Actions, written: list[str]) -> bool:
    """Return whether networkd was started before it was told to leave others' rules alone: it would take them away with the next reload."""
    return str(SETTINGS) in written or int(SETTINGS.stat().st_mtime) > started(actions)


def managed_links(actions: Actions) -> set[str]:
    """Return the interfaces that networkd manages, once it has made up its mind about each."""
    end = time.monotonic() + TIMEOUT_S
    while True:
        listed = json.loads(actions.output("networkctl", "list", "--json=short", "--no-pager") or '{"Interfaces": []}')["Interfaces"]
        states = {link["Name"]: link["AdministrativeState"] for link in listed}
        if not {"pending", "initialized"} & set(states.values()) or time.monotonic() > end:
            return {name for name, state in states.items() if state != "unmanaged"}
        time.sleep(0.1)


def spare_boot(actions: Actions, bridge: str) -> None:
    """Let nobody wait at boot for networkd to be online where it has no interface but the bridge: that would be two minutes for nothing."""
    # It is enabled together with networkd, which in check mode has not been.
    enabled = unit(actions, ONLINE).get("UnitFileState") == "enabled" or (actions.check_mode and f"systemctl enable {NETWORKD}" in actions.done)
    if enabled and not managed_links(actions) - {bridge}:
        actions.do("systemctl", "disable", ONLINE)


# ── Forwarding ────────────────────────────────────────────────────────────────────────────────────────────────────────
def forward(actions: Actions) -> None:
    """Let the kernel forward: last of all, when the rules are loaded.

    Raises:
        Failed: the kernel's setting cannot be written.

    """
    if FORWARDING.read_text(encoding="ascii").strip() == "1" or not actions.note("ip_forward = 1"):
        return
    try:
        FORWARDING.write_text("1", encoding="ascii")
    except OSError as error:
        raise Failed(
            f"the kernel does not forward and {FORWARDING} cannot be written ({os.strerror(error.errno or 0)}): start the container with "
            "--sysctl net.ipv4.ip_forward=1"
        ) from error


# ── Without guests ────────────────────────────────────────────────────────────────────────────────────────────────────
def remove(actions: Actions, bridge: str) -> None:
    """Unload the firewall, and remove the bridge with the routes by it. Their files are for others to remove."""
    state = unit(actions, FIREWALL)
    if state.get("UnitFileState") == "enabled":
        actions.do("systemctl", "disable", FIREWALL)
    if state.get("ActiveState") == "active":
        actions.do("systemctl", "stop", FIREWALL)
    if actions.output("nft", "-t", "list", "table", "inet", TABLE):
        actions.do("nft", "delete", "table", "inet", TABLE)
    if actions.output("ip", "link", "show", bridge):
        actions.do("ip", "link", "delete", bridge)
