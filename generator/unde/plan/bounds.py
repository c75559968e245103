"""What bounds a shard: how many users each of its resources holds, by formula."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate, HostView
from . import ways

#: The share of a disk that may fill before somebody has to act.
DISK_SHARE = 0.8
#: Seconds that a search holds a connection at the most: the document's hybrid search, cold.
SEARCH_S = 0.02
#: How many times the average the busiest minute is.
PEAK = 10


@dataclass(frozen=True)
class Bound:
    """How many users a resource holds on one shard; ``formula`` says from what."""

    resource: str
    users: int
    formula: str


def bounds(estate: Estate) -> list[Bound]:
    """Return every bound of a shard, the narrowest first."""
    shards = estate.layout.shards
    embedding, a_year = shards.embedding, ways.of_message(shards.embedding).all
    members = [host for host in estate.hosts.values() if host.shard is not None]
    ram = min(host.kind.ram_gb for host in members if host.member == "primary")
    disk = max(0.0, min(room_for_data(estate, host) for host in members))
    pool = estate.layout.clusters.pgbouncer.pool_size
    searches = embedding.messages_per_user_year / (ways.DAYS_A_YEAR * 86_400) * PEAK
    found = [
        Bound("memory", ways.users_in_memory(embedding, ram), f"a year of {a_year:.0f} bytes a message in {ways.MEMORY_SHARE:.0%} of {ram} GB"),
        Bound("disk", int(disk / ways.gb(embedding, a_year, 1)), f"a year on {disk:.0f} GB of the smallest member's disk, waiting WAL counted"),
        Bound("connections", int(pool / SEARCH_S / searches), f"a pool of {pool}, a search of {SEARCH_S * 1000:.0f} ms a message, {PEAK} times the average"),
    ]
    if shards.tunnel and shards.tunnel.gb_day:
        wal, room = ways.wal_of_message(embedding).full, shards.tunnel.gb_day
        formula = f"{wal:.0f} bytes of WAL a message, whole pages counted, in {room:g} GB a day of the tunnel"
        found.append(Bound("WAL", int(room / ways.traffic(embedding, wal, 1)), formula))
    return sorted(found, key=lambda bound: bound.users)


def room_for_data(estate: Estate, host: HostView) -> float:
    """Return how much data a member's disk holds before somebody has to act, GB: waiting WAL has its share of it."""
    wal = estate.layout.clusters.postgres.wal
    return host.kind.disk_gb * (DISK_SHARE - (wal.slot_share or 0) - (wal.archive_share or 0))
