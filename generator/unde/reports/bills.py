"""The bills as rows: one for each line of each size and provider, and one for each total."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ..model import Estate
from ..plan import capacity, cost
from ..plan.cost import Bill, Part, Sum

Row = dict[str, Any]
COMPARABLE = "total of what the document prices"


def rows(estate: Estate) -> list[Row]:
    """Return every line of every bill, and its total, for programs.

    Raises:
        InvalidLayout: a configuration has more shards than the pools have room for.

    """
    return [*(row for bill in cost.bills(estate) for row in _of(estate, bill)), *compared(estate)]


def _of(estate: Estate, bill: Bill) -> Iterator[Row]:
    """Yield the lines of one bill, what the document has a price for where that is not all of it, and the total."""
    yield from (_line(bill, part) for part in bill.parts)
    if bill.comparable:
        yield _line(bill, Part(COMPARABLE, tuple(host for part in bill.parts if part.document for host in part.hosts), bill.comparable, bill.stated))
    yield _total(estate, bill)


def _line(bill: Bill, part: Part) -> Row:
    """Return one line."""
    return {
        "name": f"{bill.name}/{part.name}", "configuration": bill.configuration, "provider": bill.option, "line": part.name,
        "hosts": list(part.hosts), "unpriced": list(part.unpriced), **_money(part.eur, part.document), "why": [],
    }


def _total(estate: Estate, bill: Bill) -> Row:
    """Return the total of a bill, and why the document's is another one."""
    return {
        "name": f"{bill.name}/total", "configuration": bill.configuration, "provider": bill.option, "line": "total",
        "hosts": [host for part in bill.parts for host in part.hosts], "unpriced": [host for part in bill.parts for host in part.unpriced],
        **_money(bill.eur, None if bill.comparable else bill.stated), "why": why(estate, bill),
    }


def _money(eur: Sum, document: Sum | None) -> Row:
    """Return what is computed and what the document states."""
    return {
        "low_eur": round(eur.low, 2), "high_eur": round(eur.high, 2),
        "document_low_eur": round(document.low, 2) if document else None, "document_high_eur": round(document.high, 2) if document else None,
    }


def why(estate: Estate, bill: Bill) -> list[str]:
    """Return why the document's total is another one, a sentence for each reason; the provider of the local site plays no part here."""
    reasons = [
        f"{part.name}: {part.eur} for its {len(part.hosts)} hosts and other lines, the document states {part.document}"
        for part in bill.parts if part.document and not part.offered and not part.eur.within(part.document)
    ]
    if bill.stated and bill.stated_parts and not bill.stated.meets(bill.stated_parts):
        reasons.append(f"the document's own lines add up to {bill.stated_parts}, it states {bill.stated} in all")
    decision = estate.layout.costs.configurations[bill.configuration].decision
    return reasons + ([f"row {decision}: {estate.layout.decisions[decision]}"] if decision in estate.layout.decisions else [])


def compared(estate: Estate) -> Iterator[Row]:
    """Yield, for each of the document's numbers of users and each provider, the layout's way beside the document's; none where it states no users per shard."""
    for users in capacity.SIZES:
        document, ours = capacity.in_document(estate, users), capacity.size(estate, users, estate.layout.shards.users_per_shard)
        if document is None:
            continue
        for own, other in zip(ours.bills, document.bills, strict=False):
            yield {
                "name": f"users-{users}" + (f"/{own.option}" if own.option else ""), "configuration": f"users-{users}", "provider": own.option,
                "line": "as the layout keeps vectors", "users": users, "shards": ours.shards, "document_shards": document.shards, **_money(own.eur, other.eur),
                "saved_low_eur": round(other.eur.low - own.eur.low, 2), "saved_high_eur": round(other.eur.high - own.eur.high, 2),
            }


def ways_table(estate: Estate) -> list[Row]:
    """Return for people what the layout's way to keep and find vectors saves against the document's."""
    return [
        {
            "users": row["users"], "provider": row["provider"] or "", "shards": row["shards"], "a month": str(Sum(row["low_eur"], row["high_eur"])),
            "the document's shards": row["document_shards"], "the document's way": str(Sum(row["document_low_eur"], row["document_high_eur"])),
            "less": str(Sum(row["saved_low_eur"], row["saved_high_eur"])),
        }
        for row in compared(estate)
    ]


def tables(estate: Estate) -> Iterator[tuple[str, list[Row], list[str]]]:
    """Yield for people, for each configuration: a title, the lines, and why the document has other sums.

    Lines that are the same with every provider are there once.

    Raises:
        InvalidLayout: a configuration has more shards than the pools have room for.

    """
    for name, same in groupby(cost.bills(estate), key=lambda bill: bill.configuration):
        bills = list(same)
        lines: dict[str, Row] = {}
        for number in range(len(bills[0].parts)):
            parts = [bill.parts[number] for bill in bills]
            alike = all(part == parts[0] for part in parts)
            for bill, part in zip(bills[:1] if alike else bills, parts, strict=False):
                title = part.name if alike or bill.option is None else f"{part.name}, {bill.option}"
                note = f"{len(part.unpriced)} without a price" if part.unpriced else ""
                lines[title] = _row(title, len(part.hosts), part.eur, part.document, note)
        if bills[0].comparable:
            priced = sum(len(part.hosts) for part in bills[0].parts if part.document)
            lines[COMPARABLE] = _row(COMPARABLE, priced, bills[0].comparable, bills[0].stated, "")
        for bill in bills:
            title = "total" if bill.option is None else f"total, {bill.option}"
            lines[title] = _row(title, sum(len(part.hosts) for part in bill.parts), bill.eur, None if bill.comparable else bill.stated, "")
        yield f"{name}: {bills[0].title}", list(lines.values()), why(estate, bills[0])


def _row(title: str, hosts: int, eur: Sum, document: Sum | None, note: str) -> Row:
    """Return one line for people."""
    return {"line": title, "hosts": hosts, "a month": str(eur), "the document": str(document) if document else "", "": note}
