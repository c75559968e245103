"""Money: one price for one thing."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Finding
from ..model import Estate, HostView
from .rules import rule


@rule("price-differs", rows=(22,))
def prices(estate: Estate) -> Iterator[Finding]:
    """One machine type of one provider has one price."""
    first: dict[tuple[str, str], dict[float, HostView]] = {}
    for host in estate.hosts.values():
        site = estate.layout.sites.get(host.site)
        if site and host.kind.price_eur is not None:
            first.setdefault((site.provider, host.kind.type), {}).setdefault(host.kind.price_eur, host)
    for (provider, kind), by_price in first.items():
        if len(by_price) > 1:
            last = list(by_price.values())[-1]
            said = ", ".join(f"€{price:g} ('{host.name}')" for price, host in sorted(by_price.items()))
            yield estate.source.finding(
                (*last.path, "price_eur"), "price-differs", f"type {kind} of {provider} has {len(by_price)} prices: {said}",
                "look at the bill and correct them, or keep them if the contracts differ", warn=True,
            )
