"""Pools: rows that do not run into one another, into hosts, or out of their network."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from netaddr import IPAddress

from ..model import Estate
from ..model.schema import Pool
from .rules import Violation, rule


def _places(pool: Pool) -> range:
    """Return the row of a pool, without the place of number 0."""
    return range(int(pool.base) + pool.first, int(pool.base) + pool.size + 1)


def _shown(pool: Pool, place: int) -> str:
    return str(IPAddress(place, 4)) if pool.kind == "address" else f"slot {place}"


@rule("pool-collision", rows=(14,))
def collisions(estate: Estate) -> Iterator[Violation]:
    """No row that shards will grow into runs into a typed host or tunnel."""
    shards = estate.layout.shards
    drawn = {shards.primary.pool, shards.replica.pool, *([shards.tunnel.pool] if shards.tunnel else [])}
    for name, pool in estate.layout.pools.items():
        if name not in drawn:
            continue
        row = _places(pool)
        if pool.kind == "address":
            held = {int(host.address): f"'{host.name}'" for host in estate.hosts.values() if host.shard is None}
        else:
            held = {tunnel.slot: f"tunnel '{tunnel.name}'" for tunnel in estate.tunnels.values() if tunnel.path[0] == "tunnels"}
        hit = sorted(place for place in held if place in row)
        if hit:
            parties = ", ".join(f"number {place - int(pool.base)} would be {_shown(pool, place)} of {held[place]}" for place in hit)
            yield Violation(("pools", name, "base"), f"pool '{name}' runs into what is there: {parties}", "choose a base behind which the whole row is free")


@rule("pool-overlap", rows=(14,))
def overlaps(estate: Estate) -> Iterator[Violation]:
    """No two pools of one kind share a place."""
    for (one, first), (other, second) in combinations(estate.layout.pools.items(), 2):
        common = range(max(_places(first).start, _places(second).start), min(_places(first).stop, _places(second).stop))
        if first.kind == second.kind and common:
            yield Violation(
                ("pools", other, "base"),
                f"pools '{one}' and '{other}' share {_shown(first, common[0])} to {_shown(first, common[-1])}",
                f"move one of them, or make it smaller: '{one}' ends at {_shown(first, _places(first)[-1])}",
            )


@rule("pool-outside-network")
def outside(estate: Estate) -> Iterator[Violation]:
    """A row of addresses stays inside one network of one site."""
    networks = [network for site in estate.layout.sites.values() for network in site.networks.values()]
    for name, pool in estate.layout.pools.items():
        row = _places(pool)
        if pool.kind == "address" and row and not any(network.first < row[0] and row[-1] < network.last for network in networks):
            yield Violation(
                ("pools", name, "size"),
                f"pool '{name}' runs from {_shown(pool, row[0])} to {_shown(pool, row[-1])}, which is inside no network of a site",
                "move its base or reduce its size",
            )
