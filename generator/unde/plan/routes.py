"""The static routes between an estate's hosts: what each host is told, and the way that a packet takes by them.

Within a site its own network; a tunnel's other end by that tunnel, whose host route is the more specific; every other site by a tunnel to a
gateway, or by the gateway of the own site. A host has one way to another, and no second one when the first is down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from netaddr import IPNetwork

from ..model import Estate, TunnelView


def other_sites(estate: Estate, site: str) -> list[IPNetwork]:
    """Return the private networks of every other site, in the order of the layout."""
    return [network for name, other in estate.layout.sites.items() if name != site for network in other.networks.values()]


def through(estate: Estate, tunnel: TunnelView, host: str) -> list[str]:
    """Return the networks that one end of a tunnel routes into it.

    A host behind a gateway reaches every other site through it. A gateway reaches the one host at the other end; so do the ends of a direct tunnel.
    """
    other = tunnel.other(host)
    if other in estate.gateways:
        return [str(network) for network in other_sites(estate, estate.hosts[host].site)]
    return [f"{estate.hosts[other].address}/32"]


def of_site(estate: Estate, site: str) -> list[dict[str, str]]:
    """Return the routes that hosts of a site with a gateway need to the other sites: ``{to, via}``."""
    gateway = estate.layout.sites[site].gateway
    if gateway is None:
        return []
    via = str(gateway.next_hop or estate.hosts[gateway.host].address)
    networks = [*other_sites(estate, site), estate.layout.tunnels.network]
    return [{"to": str(network), "via": via} for network in networks]


class Hop(NamedTuple):
    """One step of a way: the host that it leads to, and the tunnel that it takes, None within a site."""

    to: str
    tunnel: str | None


@dataclass(frozen=True)
class Routes:
    """The ways between the hosts of an estate by their routes."""

    estate: Estate
    _known: dict[tuple[str, str], tuple[Hop, ...] | None] = field(default_factory=dict, compare=False, repr=False)

    def carry(self, one: str, other: str) -> bool:
        """Return whether two hosts reach one another by their private addresses: there, and back."""
        return self.way(one, other) is not None and self.way(other, one) is not None

    def way(self, start: str, end: str) -> tuple[Hop, ...] | None:
        """Return the steps from one host to another; None where no route leads."""
        if (start, end) not in self._known:
            self._known[start, end] = self._walk(start, end)
        return self._known[start, end]

    def _walk(self, start: str, end: str) -> tuple[Hop, ...] | None:
        here, passed = start, {start}
        hops: list[Hop] = []
        while here != end:
            hop = self._next(here, end)
            if hop is None or hop.to in passed:
                return None
            hops.append(hop)
            here = hop.to
            passed.add(here)
        return tuple(hops)

    def _next(self, here: str, end: str) -> Hop | None:
        """Return the next step from a host towards another."""
        estate = self.estate
        site, far_site = estate.hosts[here].site, estate.hosts[end].site
        if site == far_site:
            return Hop(end, None)
        ends = {tunnel.other(here): tunnel.name for tunnel in estate.tunnels_of[here]}
        if end in ends:
            return Hop(end, ends[end])
        gateways = [far for far in ends if far in estate.gateways]
        if gateways:
            chosen = next((far for far in gateways if estate.gateways[far] == far_site), gateways[0])
            return Hop(chosen, ends[chosen])
        gateway = estate.layout.sites[site].gateway
        return Hop(gateway.host, None) if gateway and gateway.host != here else None
