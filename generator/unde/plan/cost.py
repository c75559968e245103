"""Monthly cost, from lines; and what the document's tables would be if they were added up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..model import Estate, HostView, resized, select
from ..model.schema import Component, Configuration, Range


@dataclass(frozen=True)
class Line:
    """One line of the bill; ``eur`` is None where the price is not known or paid already."""

    name: str
    where: str
    what: str
    eur: float | None


@dataclass(frozen=True)
class Sum:
    """A sum of money, EUR a month; ``low`` and ``high`` differ where a price is a range."""

    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: Sum) -> Sum:
        """Return both together."""
        return Sum(self.low + other.low, self.high + other.high)

    def times(self, factor: float) -> Sum:
        """Return so many times the sum."""
        return Sum(self.low * factor, self.high * factor)

    def meets(self, other: Sum, tolerance: float = 1.0) -> bool:
        """Return whether both ends are the same, to a euro: the document rounds."""
        return abs(self.low - other.low) <= tolerance and abs(self.high - other.high) <= tolerance

    def within(self, other: Sum, tolerance: float = 5.0) -> bool:
        """Return whether this lies in the other's range, to a few euros: the document says "about"."""
        return other.low - tolerance <= self.low and self.high <= other.high + tolerance

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"€{self.low:,.2f}" if round(self.low, 2) == round(self.high, 2) else f"€{self.low:,.0f}–{self.high:,.0f}"


@dataclass(frozen=True)
class Part:
    """A line of a bill.

    Attributes:
        eur: what it costs; hosts that are paid already, or whose price is not known, cost nothing here.
        document: what the document states, in EUR.
        offered: whether a provider's offer for the local site is in it.
        unpriced: hosts without a price.

    """

    name: str
    hosts: tuple[str, ...]
    eur: Sum
    document: Sum | None
    offered: bool = False
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bill:
    """What a size of the estate costs with one provider of the local site.

    Attributes:
        option: the provider; None where the layout has no offers.
        stated: the document's total.
        stated_parts: the sum of the document's own lines, each at its least and its most.

    """

    configuration: str
    title: str
    shards: int
    option: str | None
    parts: tuple[Part, ...]
    stated: Sum | None

    @property
    def name(self) -> str:
        """Its name in listings."""
        return self.configuration if self.option is None else f"{self.configuration}/{self.option}"

    @property
    def eur(self) -> Sum:
        """Everything together."""
        return sum((part.eur for part in self.parts), Sum())

    @property
    def comparable(self) -> Sum | None:
        """Everything that the document has a price for; None if that is everything."""
        return None if all(part.document for part in self.parts) else sum((part.eur for part in self.parts if part.document), Sum())

    @property
    def stated_parts(self) -> Sum | None:
        """The sum of the document's own lines; None if it states none."""
        said = [part.document for part in self.parts if part.document is not None]
        return sum(said, Sum()) if said else None


def lines(estate: Estate) -> list[Line]:
    """Return a line for every host and every other cost."""
    hosts = [Line(name, host.site, host.kind.type, host.kind.price_eur) for name, host in estate.hosts.items()]
    return hosts + [Line(name, "external", cost.note, cost.eur) for name, cost in estate.layout.costs.lines.items()]


def total(estate: Estate) -> float:
    """Return the sum of the known prices, EUR a month."""
    return round(sum(line.eur for line in lines(estate) if line.eur is not None), 2)


def in_eur(estate: Estate, price: Range) -> Sum:
    """Return a price in EUR, at the layout's rate."""
    rate = estate.layout.costs.usd_per_eur if price.currency == "USD" else 1.0
    return Sum(price.low, price.high).times(1 / rate)


def bills(estate: Estate) -> Iterator[Bill]:
    """Yield the bill of each configuration, for each provider of the local site.

    Raises:
        InvalidLayout: a configuration has more shards than the pools have room for.

    """
    for name, configuration in estate.layout.costs.configurations.items():
        for option in estate.layout.costs.local_site_options or [None]:
            yield bill(estate, name, configuration, option)


def bill(estate: Estate, name: str, configuration: Configuration, option: str | None) -> Bill:
    """Return the bill of one configuration with one provider of the local site.

    Raises:
        InvalidLayout: the configuration has more shards than the pools have room for.

    """
    size, least = resized(estate, configuration.shards), resized(estate, 1)
    left, parts = dict(size.hosts), []
    for part, component in configuration.components.items():
        taken = [host for host in select.hosts(size, component.hosts) if host.name in left and not (component.further and host.name in least.hosts)]
        for host in taken:
            del left[host.name]
        parts.append(_part(least, configuration, part, component, taken, option))
    if left:
        parts.append(_part(least, configuration, "the rest", Component(), list(left.values()), option))
    stated = in_eur(estate, configuration.document) if configuration.document else None
    return Bill(name, configuration.title, configuration.shards, option, tuple(parts), stated)


def _part(least: Estate, configuration: Configuration, name: str, component: Component, hosts: list[HostView], option: str | None) -> Part:
    """Return one line of a bill."""
    costs = least.layout.costs
    eur, offered, unpriced = Sum(), False, []
    for host in hosts:
        price = configuration.prices.get(host.name, host.kind.price_eur)
        if price is not None:
            eur += Sum(price, price)
        elif option is not None and host.site == costs.local_site:
            eur, offered = eur + _share(least, costs.local_site_options[option], host), True
        else:
            unpriced.append(host.name)
    for line in component.lines:
        eur += Sum(costs.lines[line].eur, costs.lines[line].eur)
    document = in_eur(least, component.document) if component.document else None
    return Part(name, tuple(host.name for host in hosts), eur, document, offered, tuple(unpriced))


def _share(least: Estate, offer: Range, host: HostView) -> Sum:
    """Return a host's share of the offer for the local site: the offer covers the hosts of the start, and is shared by vCPU.

    A size is not bought by vCPU alone, but both dearer sizes of the document's cloud types keep 2 GB to each: memory would give the same.
    """
    offered = sum(each.kind.vcpu for each in least.by_site[host.site] if each.kind.price_eur is None)
    price = in_eur(least, offer)
    return Sum(price.low * host.kind.vcpu / offered, price.high * host.kind.vcpu / offered)
