"""Which way a packet takes from one host to another, as a set of what must work; sets are the bits of a number.

Routes are static (``unde.plan.routes``): a host has one way to another, and no second one when the first is down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ..model import Estate, select
from ..plan.routes import Routes

#: The bit that a way needs where there is none: it never works.
NOWHERE = 1


class Way(NamedTuple):
    """The way between two hosts and back.

    Attributes:
        needs: the bits of everything that must work: hosts (both ends included), tunnels, links; ``NOWHERE`` where no route leads.
        rtt_ms: round-trip time, milliseconds, the sum of the links'.

    """

    needs: int
    rtt_ms: float


@dataclass(frozen=True)
class Ways:
    """The ways between all hosts of an estate."""

    estate: Estate
    _known: dict[tuple[str, str], Way] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def _routes(self) -> Routes:
        return Routes(self.estate)

    @cached_property
    def bits(self) -> dict[str, int]:
        """``host:X``, ``tunnel:X`` and ``link:A:B`` → its bit."""
        names = [name for name in select.losable(self.estate) if not name.startswith("site:")]
        return {name: 1 << number for number, name in enumerate(names, 1)}

    @cached_property
    def _links(self) -> dict[frozenset[str], Way]:
        """Two sites → the link between them."""
        return {
            frozenset(link.between): Way(self.bits[":".join(("link", *link.between))], link.rtt_ms)
            for link in self.estate.layout.links.values()
        }

    def host(self, name: str) -> int:
        """Return the bit of a host."""
        return self.bits[f"host:{name}"]

    def between(self, one: str, other: str) -> Way:
        """Return the way between two hosts; it takes both directions."""
        ends = (one, other) if one <= other else (other, one)
        way = self._known.get(ends)
        if way is None:
            there, back = self._walk(*ends), self._walk(*reversed(ends))
            way = self._known[ends] = Way(there.needs | back.needs, (there.rtt_ms + back.rtt_ms) / 2)
        return way

    def works(self, one: str, other: str, lost: int) -> bool:
        """Return whether two hosts reach each other without what is lost."""
        return not self.between(one, other).needs & (lost | NOWHERE)

    def _walk(self, start: str, end: str) -> Way:
        """Return the way in one direction."""
        hops = self._routes.way(start, end)
        if hops is None:
            return Way(NOWHERE, 0.0)
        needs, rtt_ms, here = self.host(start), 0.0, start
        for hop in hops:
            if hop.tunnel:
                link = self._link(here, hop.to)
                needs, rtt_ms = needs | self.bits[f"tunnel:{hop.tunnel}"] | link.needs, rtt_ms + link.rtt_ms
            here = hop.to
            needs |= self.host(here)
        return Way(needs, rtt_ms)

    def _link(self, one: str, other: str) -> Way:
        """Return what a tunnel between two hosts crosses."""
        sites = frozenset((self.estate.hosts[one].site, self.estate.hosts[other].site))
        return Way(0, 0.0) if len(sites) == 1 else self._links.get(sites, Way(NOWHERE, 0.0))
