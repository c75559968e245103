# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gates of what carries packets: firewalls, the gateway, tunnels, and the way to a neighbour."""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils import ports
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, NotYet, Red

#: Whether the kernel forwards IPv4.
FORWARDS = Path("/proc/sys/net/ipv4/ip_forward")
#: Seconds that a neighbour has to be reached in, and between two knocks at one that refuses.
KNOCK_S, PAUSE_S = 5.0, 1.0


def base(host: Host, *, firewall: bool) -> str:
    """Return what the host's firewall does, where it is ours: filter, or observe alone."""
    if not firewall:
        return "answers"
    return "observes, drops nothing yet" if "would drop" in host.ask("nft", "-t", "list", "table", "inet", "unde_firewall") else "filters"


def forwarding(host: Host, *, table: str, router: bool) -> str:
    """Return by which engine a gateway that is a host of ours forwards: with a router as its guest, or by itself."""
    if FORWARDS.read_text().strip() != "1":
        raise Red("the kernel does not forward IPv4")
    host.ask("nft", "-t", "list", "table", "inet", table)
    if not router:
        return "by Linux"
    host.ask("/usr/local/sbin/unde-chr-counters")
    return "by a MikroTik CHR that answers"


def tunnels(host: Host, *, tunnels: list[dict[str, Any]]) -> str:
    """Return how long the longest way to the far end of a tunnel is."""
    return f"{max(host.each(tunnels, partial(_reach, host), 10, 2), default=0)} ms"


def _reach(host: Host, tunnel: dict[str, Any]) -> int:
    """Return the round trip to the far end of a tunnel, on the average of three, milliseconds."""
    code, said, complaint = host.run("ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "2", tunnel["far_address"])
    if code != 0:
        lost = next((line for line in said.splitlines() if "packet loss" in line), "no answer")
        raise NotYet(f"{tunnel['interface']} to {tunnel['far_host']} ({tunnel['far_address']}): {complaint or lost}")
    found = re.search(r"mdev = [0-9.]+/([0-9]+)", said)
    return int(found[1]) if found else 0


def pipeline(host: Host, *, neighbours: list[str]) -> str:
    """Return how many neighbours (``address:port``) the host's services call; each of them is reached."""
    end = time.monotonic() + KNOCK_S
    left: list[dict[str, Any]] = [{"address": address, "port": int(port)} for address, port in (each.rsplit(":", 1) for each in neighbours)]
    while True:
        answers = [(target, said) for target, said in ports.probe(left, max(PAUSE_S, end - time.monotonic())) if said != "open"]
        if not answers:
            return f"{len(neighbours)} neighbours"
        if time.monotonic() + PAUSE_S > end:
            raise Red("; ".join(f"{target['address']}:{target['port']}: {said}" for target, said in answers))
        left = [target for target, _said in answers]
        time.sleep(PAUSE_S)
