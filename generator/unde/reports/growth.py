"""What a number of users needs, as rows: one for each figure, with a stable name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ..plan import capacity
from ..plan.bounds import DISK_SHARE
from ..plan.capacity import Need, Size
from ..plan.cost import Sum
from ..plan.ways import Outlook, Way

Row = dict[str, Any]


def rows(need: Need) -> list[Row]:
    """Return every figure: name, value, unit, where it comes from."""
    return [
        *_sizes(need), *_bounds(need), *_document(need), *(row for outlook in need.outlooks for row in _way(outlook, need.by_way[outlook.way])),
        *({"name": f"pool/{room.pool}", "value": room.left, "unit": "places left", "from": f"{room.size} in the pool"} for room in need.rooms),
        *_steps(need), *_cost(need),
    ]


def said(way: Way) -> str:
    """Return a way in words, as the layout's values say it."""
    return f"index: {way.kind}, storage: {way.storage}, in_line: {str(way.in_line).lower()}"


def _sizes(need: Need) -> Iterator[Row]:
    """Yield shards, hosts and disks."""
    each = need.estate.layout.shards.users_per_shard
    comfort = "the pools end here; fewer users each would be comfortable" if need.tight else f"{each.comfortable} users each, comfortable"
    yield _row("shards", need.shards, "", comfort)
    yield _row("shards at the most", need.fewest, "", f"{each.most} users each")
    yield _row("users per shard", need.users_a_shard, "users", f"{need.users} users on {need.shards} shards")
    yield _row("hosts", len(need.estate.hosts), "", "the whole estate")
    for site, hosts in need.estate.by_site.items():
        yield _row(f"hosts/{site}", len(hosts), "", f"{sum(host.kind.vcpu for host in hosts)} vCPU, {sum(host.kind.ram_gb for host in hosts)} GB of memory")
    for kind, count in capacity.replica_types(need.estate).items():
        yield _row(f"replicas/{kind}", count, "", "shards.replica")
    yield _row("disk", round(need.disk_gb, 1), "GB a year and shard", "messages, indexes and vectors")
    full = need.disk_full
    yield _row("disk full", full.isoformat() if full else None, "", f"the smallest member's disk at {DISK_SHARE:.0%}, waiting WAL counted")


def _bounds(need: Need) -> Iterator[Row]:
    """Yield how many users each resource of a shard holds, and which of them is the bound."""
    narrowest, most = need.bounds[0], need.estate.layout.shards.users_per_shard.most
    yield _row("bounded by", narrowest.resource, "", f"it holds {narrowest.users} users on a shard, the layout puts {most} there at the most")
    for bound in need.bounds:
        yield _row(f"bound/{bound.resource}", bound.users, "users per shard", bound.formula)


def _document(need: Need) -> Iterator[Row]:
    """Yield what the users need in the document's way."""
    stated = need.estate.layout.document.users_per_shard
    if need.document and stated:
        yield _row("document/shards", need.document.shards, "", f"{stated.comfortable} users each, comfortable")
        yield _row("document/shards at the most", need.document.fewest, "", f"{stated.most} users each")
        yield _row("document/cost", _money(capacity.price(need.document.bills)), "EUR a month", _bounded(need.document))


def _bounded(size: Size) -> str:
    """Return where the cost of a size comes from."""
    return "any provider" if size.bills else "the pools have no room for so many shards"


def _way(outlook: Outlook, size: Size) -> Iterator[Row]:
    """Yield what a way to keep and find vectors means for a shard, and what so many users need with it."""
    name = f"index/{outlook.way.kind}"
    due = "there is no index" if outlook.trigger_gb is None else f"the day it reaches {outlook.trigger_gb:.3g} GB: a shard is due"
    records, full = (round(each, 2) for each in outlook.wal_gb_day)
    yield _row(name, round(outlook.index_gb, 1), "GB a year and shard", f"{'the layout: ' if outlook.chosen else ''}{said(outlook.way)}")
    yield _row(f"{name}/all", round(outlook.all_gb, 1), "GB a year and shard", "rows, vectors and all indexes: in memory and on disk")
    yield _row(f"{name}/trigger", outlook.trigger.isoformat() if outlook.trigger else None, "", due)
    yield _row(f"{name}/in memory", outlook.users_in_memory, "users per shard", "a year of theirs fits into the primary's memory")
    yield _row(f"{name}/wal", [records, full], "GB a day and shard", "records alone, and with every page written whole after a checkpoint")
    yield _row(f"{name}/build", round(outlook.build_minutes, 1), "minutes", "for a year, on two cores and 1,024 dimensions")
    yield _row(f"{name}/shards", size.shards, "", "as many users on each as memory holds")
    yield _row(f"{name}/cost", _money(capacity.price(size.bills)), "EUR a month", _bounded(size))


def _steps(need: Need) -> Iterator[Row]:
    """Yield the steps of the services that grow by themselves."""
    for service, same in groupby(need.steps, key=lambda step: step.service):
        for number, step in enumerate(same, start=1):
            due = "by measurement" if step.due is None else "due" if step.due else f"from {step.step.users} users on"
            yield _row(f"service/{service}/{number}", step.step.then, due, step.step.when)


def _cost(need: Need) -> Iterator[Row]:
    """Yield the cost with each provider of the local site."""
    for bill in need.bills:
        name = "cost" if bill.option is None else f"cost/{bill.option}"
        unpriced = sum(len(part.unpriced) for part in bill.parts)
        yield _row(name, _money(bill.eur), "EUR a month", f"{unpriced} hosts are without a price" if unpriced else "every host has a price")


def _money(eur: Sum | None) -> float | list[float] | None:
    """Return an amount, or the range of it."""
    if eur is None:
        return None
    low, high = round(eur.low, 2), round(eur.high, 2)
    return low if low == high else [low, high]


def _row(name: str, value: object, unit: str, source: str) -> Row:
    """Return a row."""
    return {"name": name, "value": value, "unit": unit, "from": source}
