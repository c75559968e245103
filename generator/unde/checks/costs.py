"""Money: one price for one thing."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import InvalidLayout, nearest
from ..model import Estate, HostView, resized, select
from ..model.source import DataPath
from ..plan import cost
from .rules import Violation, rule


@rule("price-differs", rows=(22,))
def prices(estate: Estate) -> Iterator[Violation]:
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
            yield Violation(
                (*last.path, "price_eur"), f"type {kind} of {provider} has {len(by_price)} prices: {said}",
                "look at the bill and correct them, or keep them if the contracts differ", warn=True,
            )


@rule("cost-reference")
def references(estate: Estate) -> Iterator[Violation]:
    """Every host, line, site and decision that a bill names exists at its size."""
    costs = estate.layout.costs
    if costs.local_site_options and costs.local_site not in estate.layout.sites:
        yield Violation(("costs", "local_site_options"), "the offers are for no site of this layout", f"local_site: one of {', '.join(estate.layout.sites)}")
    for name, configuration in costs.configurations.items():
        path = ("costs", "configurations", name)
        try:
            size = resized(estate, configuration.shards)
        except InvalidLayout as error:
            yield Violation((*path, "shards"), error.findings[0].message, error.findings[0].fix)
            continue
        named: list[tuple[DataPath, str, str, list[str]]] = [((*path, "prices", host), "host", host, list(size.hosts)) for host in configuration.prices]
        for part, component in configuration.components.items():
            named += [((*path, "components", part, "hosts", number), "host", host, select.known(size)) for number, host in enumerate(component.hosts)]
            named += [((*path, "components", part, "lines", number), "line", line, list(costs.lines)) for number, line in enumerate(component.lines)]
        for where, what, word, known in named:
            if word not in known:
                yield Violation(where, f"{what} '{word}' is not defined", nearest(word, known))
        if configuration.decision is not None and configuration.decision not in estate.layout.decisions:
            yield Violation((*path, "decision"), f"decision {configuration.decision} is not in decisions", "write it there, or leave it out")


def _bills(estate: Estate) -> Iterator[cost.Bill]:
    """Yield the bill of each configuration whose differences no decision explains, with the first provider."""
    if next(references(estate), None) is None:
        option = next(iter(estate.layout.costs.local_site_options), None)
        for name, configuration in estate.layout.costs.configurations.items():
            if configuration.decision is None:
                yield cost.bill(estate, name, configuration, option)


@rule("cost-total", rows=(9, 10))
def totals(estate: Estate) -> Iterator[Violation]:
    """What the document states for a size is the sum of its own lines, and what the hosts cost."""
    for bill in _bills(estate):
        path = ("costs", "configurations", bill.configuration)
        for part in bill.parts:
            if part.document and not part.offered and not part.eur.within(part.document):
                yield Violation(
                    (*path, "components", part.name, "document"),
                    f"the document states {part.document} for '{part.name}', but its hosts and lines cost {part.eur}",
                    "correct the prices of the hosts or which of them are meant, or name the decision that explains it", warn=True,
                )
        if bill.stated and bill.stated_parts and not bill.stated.meets(bill.stated_parts):
            yield Violation(
                (*path, "document"), f"the document's lines add up to {bill.stated_parts}, but it states {bill.stated} in all",
                "a total is computed (`unde cost`), never typed; name the decision that explains it", warn=True,
            )


@rule("cost-currency", rows=(10,))
def currencies(estate: Estate) -> Iterator[Violation]:
    """The lines of a document's total are in one currency."""
    for name, configuration in estate.layout.costs.configurations.items():
        said = {part: component.document.currency for part, component in configuration.components.items() if component.document}
        if configuration.decision is None and configuration.document and len(set(said.values())) > 1:
            by_currency = [f"{currency}: {', '.join(part for part in said if said[part] == currency)}" for currency in sorted(set(said.values()))]
            yield Violation(
                ("costs", "configurations", name, "document"), f"the document adds up two currencies ({'; '.join(by_currency)})",
                f"one currency; {estate.layout.costs.usd_per_eur:g} USD are a euro here", warn=True,
            )
