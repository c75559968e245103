"""Which host reaches which by its private address: inside a site, by a direct tunnel, or by way of a gateway."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..model import Estate


@dataclass(frozen=True)
class Routes:
    """The ways between the hosts of an estate."""

    estate: Estate

    @cached_property
    def _gateways_of(self) -> dict[str, frozenset[str]]:
        """Host → the gateways that it reaches and that reach it: its site's own, and those at the other end of its tunnels."""
        gateways = self.estate.gateways
        found = {}
        for name, host in self.estate.hosts.items():
            ends = {tunnel.other(name) for tunnel in self.estate.tunnels_of[name]} & gateways.keys()
            found[name] = frozenset(ends | {gateway for gateway, site in gateways.items() if site == host.site})
        return found

    @cached_property
    def _direct(self) -> frozenset[frozenset[str]]:
        return frozenset(frozenset((tunnel.near, tunnel.far)) for tunnel in self.estate.tunnels.values())

    def carry(self, one: str, other: str) -> bool:
        """Return whether two hosts reach one another by their private addresses."""
        return (
            self.estate.hosts[one].site == self.estate.hosts[other].site
            or frozenset((one, other)) in self._direct
            or not self._gateways_of[one].isdisjoint(self._gateways_of[other])
        )
