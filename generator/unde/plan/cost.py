"""Monthly cost, from lines."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate


@dataclass(frozen=True)
class Line:
    """One line of the bill; ``eur`` is None where the price is not known or paid already."""

    name: str
    where: str
    what: str
    eur: float | None


def lines(estate: Estate) -> list[Line]:
    """Return a line for every host and every other cost."""
    hosts = [Line(name, host.site, host.kind.type, host.kind.price_eur) for name, host in estate.hosts.items()]
    return hosts + [Line(name, "external", cost.note, cost.eur) for name, cost in estate.layout.costs.lines.items()]


def total(estate: Estate) -> float:
    """Return the sum of the known prices, EUR a month."""
    return round(sum(line.eur for line in lines(estate) if line.eur is not None), 2)
