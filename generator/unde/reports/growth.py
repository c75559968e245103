"""What a number of users needs, as rows: one for each figure, with a stable name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ..plan import capacity
from ..plan.capacity import IndexOutlook, Need

Row = dict[str, Any]


def rows(need: Need) -> list[Row]:
    """Return every figure: name, value, unit, where it comes from."""
    return [
        *_sizes(need), *(row for outlook in need.outlooks for row in _index(need, outlook)),
        *({"name": f"pool/{room.pool}", "value": room.left, "unit": "places left", "from": f"{room.size} in the pool"} for room in need.rooms),
        *_steps(need), *_cost(need),
    ]


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
    yield _row("disk full", full.isoformat() if full else None, "", f"the smallest member's disk at {capacity.DISK_SHARE:.0%}, waiting WAL counted")


def _index(need: Need, outlook: IndexOutlook) -> Iterator[Row]:
    """Yield what a kind of vector index means: its size, its trigger, and who fits into memory."""
    trigger = need.estate.layout.shards.embedding.trigger_gb
    name = f"index/{outlook.kind}"
    yield _row(name, round(outlook.index_gb, 1), "GB a year and shard", "the layout's" if outlook.chosen else "another choice: shards.embedding.index")
    yield _row(f"{name}/trigger", outlook.trigger.isoformat() if outlook.trigger else None, "", f"the day it reaches {trigger} GB: a shard is due")
    yield _row(f"{name}/in memory", outlook.users_in_memory, "users per shard", "a year of theirs fits into the primary's memory")


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
        low, high = round(bill.eur.low, 2), round(bill.eur.high, 2)
        yield _row(name, low if low == high else [low, high], "EUR a month", f"{unpriced} hosts are without a price" if unpriced else "every host has a price")


def _row(name: str, value: object, unit: str, source: str) -> Row:
    """Return a row."""
    return {"name": name, "value": value, "unit": unit, "from": source}
