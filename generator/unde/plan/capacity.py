"""What a number of users needs: shards, hosts, disks, money; and the same in the document's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from ..errors import InvalidLayout
from ..model import Estate, resized, select
from ..model.schema import Component, Configuration, ScalingStep, UsersPerShard
from . import bounds, cost, ways
from .bounds import Bound
from .cost import Sum
from .ways import Outlook, Way

#: Sizes that are shown beside the document's way wherever money is.
SIZES = (10_000, 50_000)


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
class Size:
    """How many shards a number of users needs in some way, and what the estate then costs.

    Attributes:
        fewest: shards at the most users each may hold.
        shards: shards with comfortable ones.
        bills: by provider, with ``shards``; none where the pools have no room for so many.

    """

    fewest: int
    shards: int
    bills: tuple[cost.Bill, ...]


@dataclass(frozen=True)
class Need:
    """What a number of users needs.

    Attributes:
        fewest: shards at the most users each may hold.
        shards: shards with comfortable ones; fewer where the pools end before, and then ``tight``.
        estate: the estate of that size.
        users_a_shard: users on each of them.
        disk_gb: data of a year on a shard; ``disk_full`` is when the smallest disk of a member is filled to 80 %.
        bounds: how many users each resource of a shard holds, the narrowest first.
        by_way: what the users need in each way, as many on a shard as memory holds.
        document: what they need in the document's way; None where the layout does not say how many users that gives a shard.

    """

    users: int
    fewest: int
    shards: int
    tight: bool
    estate: Estate
    users_a_shard: int
    disk_gb: float
    disk_full: date | None
    outlooks: tuple[Outlook, ...]
    bounds: tuple[Bound, ...]
    by_way: dict[Way, Size]
    document: Size | None
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
    disk = ways.gb(embedding, ways.of_message(embedding).all, a_shard)
    smallest = min(bounds.room_for_data(grown, host) for host in members)
    outlooks = tuple(ways.outlook(estate.layout.shards, min(host.kind.ram_gb for host in members if host.member == "primary"), a_shard, start))
    by_way = {each.way: _filled(estate, users, each.users_in_memory) for each in outlooks}
    return Need(
        users, fewest, shards, shards < wished, grown, a_shard, disk, ways.after(start, ways.years_until(smallest, disk)), outlooks,
        tuple(bounds.bounds(grown)), by_way, in_document(estate, users),
        tuple(rooms(grown)), tuple(steps(estate, users)), tuple(_bills(estate, users, shards)),
    )


def size(estate: Estate, users: int, per_shard: UsersPerShard) -> Size:
    """Return the shards and the money that so many users need with so many on a shard."""
    fewest, shards = (max(1, ceil(users / each)) for each in (per_shard.most, per_shard.comfortable))
    try:
        bills = tuple(_bills(estate, users, shards))
    except InvalidLayout:
        bills = ()
    return Size(fewest, shards, bills)


def in_document(estate: Estate, users: int) -> Size | None:
    """Return the shards and the money that so many users need in the document's way; None where the layout does not state it."""
    stated = estate.layout.document.users_per_shard
    return size(estate, users, stated) if stated else None


def _filled(estate: Estate, users: int, on_a_shard: int) -> Size:
    """Return the size with as many users on a shard as memory holds."""
    return size(estate, users, UsersPerShard(comfortable=max(1, on_a_shard), most=max(1, on_a_shard)))


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


def price(bills: Sequence[cost.Bill]) -> Sum | None:
    """Return the least and the most that any provider asks, EUR a month; None where there is no bill."""
    return Sum(min(bill.eur.low for bill in bills), max(bill.eur.high for bill in bills)) if bills else None


def replica_types(estate: Estate) -> dict[str, int]:
    """Return machine type → how many replicas are one."""
    found: dict[str, int] = {}
    for host in estate.hosts.values():
        if host.member == "replica":
            found[host.kind.type] = found.get(host.kind.type, 0) + 1
    return found
