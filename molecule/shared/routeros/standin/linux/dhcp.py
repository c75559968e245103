"""DHCP clients: udhcpc asks, and tells the router what it got by a line on its output."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..backend import Lease

if TYPE_CHECKING:
    from ..router import Router

#: What udhcpc calls at each event; it prints one line.
SCRIPT = Path(__file__).with_name("dhcp-event")
MARK = "dhcp-event"


class Clients:
    """One running client for each interface that wants one.

    Attributes:
        started: called with each new client's interface and output, so that somebody listens to it.

    """

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.started: Callable[[str, int], None] = lambda interface, output: None

    def apply(self, router: Router, leases: dict[str, Lease]) -> dict[str, Lease]:
        """Start and stop clients; return the leases that are still held."""
        wanted = {row["interface"] for row in router.table("ip dhcp-client").enabled()}
        for interface in self._running.keys() - wanted:
            client = self._running.pop(interface)
            client.terminate()
            client.wait()
        for interface in sorted(wanted - self._running.keys()):
            name = router.single("system identity")["name"]
            client = subprocess.Popen(
                ["udhcpc", "-f", "-i", interface, "-s", str(SCRIPT), "-x", f"hostname:{name}", "-t", "4", "-T", "1", "-A", "1"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            self._running[interface] = client
            if client.stdout:
                self.started(interface, client.stdout.fileno())
        return {interface: lease for interface, lease in leases.items() if interface in wanted}


def lease(line: str) -> Lease | None:
    """Return what a line of the script says: a lease, or none (any more)."""
    _, event, address, length, router, server, dns, seconds = line.split("|")
    if event not in ("bound", "renew"):
        return None
    return Lease(f"{address}/{length or 32}", router.partition(" ")[0], server, dns.replace(" ", ","), int(seconds or 0))
