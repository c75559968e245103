"""How much a shard holds, when its index is due for a new one, and what a number of users needs.

Sizes are in GB as PostgreSQL and memory count them, 2**30 bytes. A year has 365.25 days; messages come evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from ..errors import InvalidLayout
from ..model import Estate, HostView, resized, select
from ..model.schema import Component, Configuration, Embedding, ScalingStep
from . import cost
from .cost import Sum
from .storage import INDEX_KINDS, IndexKind, MessageBytes, message_bytes

GB = 2**30
DAYS_A_YEAR = 365.25
CENTURY = 100  #: years; what is later is nobody's plan
#: Days from which on a century can be counted.
LAST_START = date(date.max.year - CENTURY - 1, 12, 31)
#: The share of memory that can hold data: connections, sorts and the system take the rest.
MEMORY_SHARE = 0.9
#: The share of a disk that may fill before somebody has to act.
DISK_SHARE = 0.8


@dataclass(frozen=True)
class IndexOutlook:
    """What one kind of vector index means for a shard.

    Attributes:
        index_gb: the index after a year of the given users.
        all_gb: everything that queries touch, after a year.
        users_in_memory: how many users' year fits into memory.
        trigger: when the index reaches ``trigger_gb``; None: never in a hundred years.

    """

    kind: IndexKind
    chosen: bool
    index_gb: float
    all_gb: float
    users_in_memory: int
    trigger: date | None


def of_message(embedding: Embedding, kind: IndexKind | None = None) -> MessageBytes:
    """Return what one message takes, with the layout's kind of index unless another is asked for."""
    return message_bytes(embedding.dimensions, embedding.text_bytes, kind or embedding.index)


def gb(embedding: Embedding, bytes_a_message: float, users: float, years: float = 1.0) -> float:
    """Return the size of what each message of so many users takes, after so many years, GB."""
    return bytes_a_message * embedding.messages_per_user_year * users * years / GB


def users_in_memory(embedding: Embedding, ram_gb: float, kind: IndexKind | None = None) -> int:
    """Return how many users' year fits into a host's memory.

    ``effective_cache_size`` counts ``shared_buffers`` already, so that memory is counted once (decision 19).
    """
    return int(ram_gb * MEMORY_SHARE / gb(embedding, of_message(embedding, kind).all, 1))


def years_until(size_gb: float, a_year_gb: float) -> float | None:
    """Return after how many years something reaches a size; None for longer than a century."""
    years = max(size_gb, 0.0) / a_year_gb if a_year_gb else float("inf")
    return years if years <= CENTURY else None


def after(start: date, years: float | None) -> date | None:
    """Return the day so many years later."""
    return None if years is None else start + timedelta(days=round(years * DAYS_A_YEAR))


def outlook(embedding: Embedding, ram_gb: float, users: int, start: date) -> list[IndexOutlook]:
    """Return what each kind of index means for a shard of so many users that begin on a day."""
    found = []
    for kind in INDEX_KINDS:
        each = of_message(embedding, kind)
        index = gb(embedding, each.hnsw, users)
        found.append(IndexOutlook(
            kind, kind == embedding.index, index, gb(embedding, each.all, users), users_in_memory(embedding, ram_gb, kind),
            after(start, years_until(embedding.trigger_gb, index)),
        ))
    return found


@dataclass(frozen=True)
class Step:
    """A step of a service that grows beside the shards; ``due``: the number of users asks for it; None: a measurement does."""

    service: str
    step: ScalingStep
    due: bool | None


@dataclass(frozen=True)
class Room:
    """What a pool has left."""

    pool: str
    left: int
    size: int


@dataclass(frozen=True)
class Need:
    """What a number of users needs.

    Attributes:
        fewest: shards at the most users each may hold.
        shards: shards with comfortable ones; fewer where the pools end before, and then ``tight``.
        estate: the estate of that size.
        users_a_shard: users on each of them.
        disk_gb: data of a year on a shard; ``disk_full`` is when the smallest disk of a member is filled to 80 %.

    """

    users: int
    fewest: int
    shards: int
    tight: bool
    estate: Estate
    users_a_shard: int
    disk_gb: float
    disk_full: date | None
    outlooks: tuple[IndexOutlook, ...]
    rooms: tuple[Room, ...]
    steps: tuple[Step, ...]
    bills: tuple[cost.Bill, ...]


@dataclass(frozen=True)
class OutOfReach:
    """What stands in the way of a number of users."""

    users: int
    shards: int
    limit: str
    fix: str


def need(estate: Estate, users: int, start: date) -> Need | OutOfReach:
    """Return what a number of users needs, from a day on; or which limit is in the way."""
    per_shard = estate.layout.shards.users_per_shard
    fewest, wished = (max(1, ceil(users / each)) for each in (per_shard.most, per_shard.comfortable))
    grown = _largest(estate, fewest, wished)
    if isinstance(grown, InvalidLayout):
        return OutOfReach(users, fewest, grown.findings[0].message, grown.findings[0].fix)
    shards, embedding = grown.layout.shards.count, estate.layout.shards.embedding
    members = [host for host in grown.hosts.values() if host.shard is not None]
    a_shard = ceil(users / shards)
    disk = gb(embedding, of_message(embedding).all, a_shard)
    smallest = min(_room_for_data(grown, host) for host in members)
    return Need(
        users, fewest, shards, shards < wished, grown, a_shard, disk, after(start, years_until(smallest, disk)),
        tuple(outlook(embedding, min(host.kind.ram_gb for host in members if host.member == "primary"), a_shard, start)),
        tuple(rooms(grown)), tuple(steps(estate, users)), tuple(_bills(estate, users, shards)),
    )


def _largest(estate: Estate, fewest: int, wished: int) -> Estate | InvalidLayout:
    """Return the estate with as many of the wished shards as there is room for; what is wrong if that is too few."""
    try:
        return resized(estate, wished)
    except InvalidLayout:
        try:
            smallest = resized(estate, fewest)
        except InvalidLayout as error:
            return error
    most = min(pool.size for name, pool in estate.layout.pools.items() if name in _drawn(estate)) + 1
    return resized(smallest, most)


def _drawn(estate: Estate) -> set[str]:
    """Return the pools that shards draw from."""
    shards = estate.layout.shards
    return {shards.primary.pool, shards.replica.pool} | ({shards.tunnel.pool} if shards.tunnel else set())


def _room_for_data(estate: Estate, host: HostView) -> float:
    """Return how much data a member's disk holds before somebody has to act, GB: waiting WAL has its share of it."""
    wal = estate.layout.clusters.postgres.wal
    return host.kind.disk_gb * (DISK_SHARE - (wal.slot_share or 0) - (wal.archive_share or 0))


def rooms(estate: Estate) -> list[Room]:
    """Return what each pool has left: shards count their own, every other pool the hosts that stand in its places."""
    taken = {int(host.address) for host in estate.hosts.values()}
    found = []
    for name, pool in estate.layout.pools.items():
        if name in _drawn(estate):
            left = pool.size + 1 - estate.layout.shards.count
        elif pool.kind == "address":
            left = sum(int(pool.base) + number not in taken for number in range(pool.first, pool.size + 1))
        else:
            left = pool.size
        found.append(Room(name, left, pool.size))
    return found


def steps(estate: Estate, users: int) -> list[Step]:
    """Return every step of the services that grow by themselves, and whether so many users ask for it."""
    return [
        Step(name, step, None if step.users is None else users >= step.users)
        for name, service in estate.layout.services.items() for step in service.scaling
    ]


def _bills(estate: Estate, users: int, shards: int) -> list[cost.Bill]:
    """Return what the estate of that size costs, by provider of the local site; services at the step that the users ask for."""
    prices: dict[str, float] = {}
    for step in steps(estate, users):
        hosts = select.hosts(estate, estate.layout.services[step.service].hosts)
        if step.due and step.step.eur is not None and hosts:
            first, *others = hosts
            prices |= {first.name: step.step.eur} | {host.name: 0.0 for host in others}
    everything = Configuration(
        title=f"{users} users", shards=shards, prices=prices, components={"all": Component(hosts=[select.ALL], lines=list(estate.layout.costs.lines))}
    )
    options: list[str | None] = [*estate.layout.costs.local_site_options] or [None]
    return [cost.bill(estate, "capacity", everything, option) for option in options]


def price(need: Need) -> Sum:
    """Return the least and the most that any provider asks, EUR a month."""
    return Sum(min(bill.eur.low for bill in need.bills), max(bill.eur.high for bill in need.bills))


def replica_types(estate: Estate) -> dict[str, int]:
    """Return machine type → how many replicas are one."""
    found: dict[str, int] = {}
    for host in estate.hosts.values():
        if host.member == "replica":
            found[host.kind.type] = found.get(host.kind.type, 0) + 1
    return found
