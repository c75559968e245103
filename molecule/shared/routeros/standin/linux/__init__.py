"""Linux as what is underneath the router: the network namespace in which this runs is brought into the state that the tables describe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .. import nft
from ..backend import Backend, Peer
from . import addresses, dhcp, wireguard
from .programs import program

if TYPE_CHECKING:
    from ..router import Router


class Linux(Backend):
    """Applies what differs from what was applied last; the namespace is new when the router starts."""

    def __init__(self) -> None:
        super().__init__()
        self._tunnels = wireguard.Tunnels()
        self._placed: object = None
        self._led: set[addresses.Route] = set()
        self._rules = ""
        self.clients = dhcp.Clients()

    def apply(self, router: Router) -> None:
        """Tunnels first, then addresses, then routes, then rules."""
        relinked = self._tunnels.apply(router)
        self.leases = self.clients.apply(router, self.leases)
        wanted = (addresses.wanted(router), addresses.routes(router))
        if relinked or wanted != self._placed:
            addresses.place(wanted[0])
            self._led = addresses.lead(wanted[1], self._led)
            self.inactive = {each.number for each in wanted[1]} - {each.number for each in self._led}
            self._placed = wanted
        rules = nft.ruleset(router, {})
        if rules != self._rules:
            # What comes between reading the counters and loading them again is not counted.
            program("nft", "-f", "-", stdin=nft.ruleset(router, self.counters()))
            self._rules = rules

    def peers(self) -> dict[tuple[str, str], Peer]:
        """Return what the tunnels know."""
        return self._tunnels.peers()

    def counters(self) -> dict[str, tuple[int, int]]:
        """Return what the rules have counted."""
        if not self._rules:
            return {}
        listed = json.loads(program("nft", "-j", "list", "counters", "table", "ip", nft.TABLE))["nftables"]
        return {each["counter"]["name"]: (each["counter"]["packets"], each["counter"]["bytes"]) for each in listed if "counter" in each}

    def reset(self, labels: list[str]) -> None:
        """Set counters to nought."""
        for label in labels:
            program("nft", "reset", "counter", "ip", nft.TABLE, label)
