"""The ways to keep vectors and to find the nearest of one user's, and what each means for a shard.

Sizes are in GB as PostgreSQL and memory count them, 2**30 bytes; traffic in 10**9. A year has 365.25 days; messages come evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ..model.schema import Embedding, Shards
from .storage import HNSW_KINDS, IndexKind, MessageBytes, Precision, message_bytes
from .wal import MessageWal, message_wal

GB = 2**30
TRAFFIC_GB = 10**9
DAYS_A_YEAR = 365.25
CENTURY = 100  #: years; what is later is nobody's plan
#: Days from which on a century can be counted.
LAST_START = date(date.max.year - CENTURY - 1, 12, 31)
#: The share of memory that can hold data: connections, sorts and the system take the rest.
MEMORY_SHARE = 0.9
#: GB of an HNSW index at which the document adds a shard.
HNSW_TRIGGER_GB = 20.0
#: Milliseconds that the index costs a message that is added or read into it: measured on 2 cores, 1,024 dimensions, pgvector 0.8.0.
BUILD_MS: dict[IndexKind, float] = {"vector": 0.767, "halfvec": 0.518, "bits": 0.023, "none": 0.0}


@dataclass(frozen=True)
class Way:
    """A kind of index with the column under it."""

    kind: IndexKind
    storage: Precision
    in_line: bool


#: What the document has: HNSW over whole vectors, which stand outside their rows.
DOCUMENT = Way("vector", "vector", False)


@dataclass(frozen=True)
class Outlook:
    """What one way means for a shard.

    Attributes:
        chosen: whether it is the layout's.
        index_gb: the index after a year of the given users.
        all_gb: everything that queries touch, and what is on disk, after a year.
        users_in_memory: how many users' year fits into memory.
        trigger_gb: the size of the index at which a shard is due; None: there is no index.
        trigger: when the index reaches it; None: never in a hundred years.
        wal_gb_day: to the replica, with few and with all pages written whole.
        build_minutes: to build the index over a year of theirs.

    """

    way: Way
    chosen: bool
    index_gb: float
    all_gb: float
    users_in_memory: int
    trigger_gb: float | None
    trigger: date | None
    wal_gb_day: tuple[float, float]
    build_minutes: float


def of(embedding: Embedding) -> Way:
    """Return the layout's way."""
    return Way(embedding.index, embedding.storage, embedding.in_line)


def ways(embedding: Embedding) -> list[Way]:
    """Return the layout's way first, and every other kind with the column that suits it; exact ranking takes the column that is there."""
    own = of(embedding)
    natural = [DOCUMENT, Way("halfvec", "halfvec", True), Way("bits", "halfvec", True), Way("none", own.storage, own.in_line)]
    return [own, *(way for way in natural if way.kind != own.kind)]


def of_message(embedding: Embedding, way: Way | None = None) -> MessageBytes:
    """Return what one message takes, in the layout's way unless another is asked for."""
    way = way or of(embedding)
    return message_bytes(embedding.dimensions, embedding.text_bytes, way.kind, way.storage, way.in_line)


def wal_of_message(embedding: Embedding, way: Way | None = None) -> MessageWal:
    """Return the WAL of one message, in the layout's way unless another is asked for."""
    way = way or of(embedding)
    return message_wal(embedding.dimensions, embedding.text_bytes, way.kind, way.storage, way.in_line)


def gb(embedding: Embedding, bytes_a_message: float, users: float, years: float = 1.0) -> float:
    """Return the size of what each message of so many users takes, after so many years, GB."""
    return bytes_a_message * embedding.messages_per_user_year * users * years / GB


def traffic(embedding: Embedding, bytes_a_message: float, users: float) -> float:
    """Return the traffic that the messages of so many users make, GB a day."""
    return bytes_a_message * embedding.messages_per_user_year * users / DAYS_A_YEAR / TRAFFIC_GB


def users_in_memory(embedding: Embedding, ram_gb: float, way: Way | None = None) -> int:
    """Return how many users' year fits into a host's memory.

    ``effective_cache_size`` counts ``shared_buffers`` already, so that memory is counted once (decision 19).
    """
    return int(ram_gb * MEMORY_SHARE / gb(embedding, of_message(embedding, way).all, 1))


def trigger_gb(shards: Shards, way: Way | None = None) -> float | None:
    """Return the size of the index at which a new shard is due, GB; None where there is no index.

    What the layout says is said of its own way. Bits are due with a year of the most users: the same day, on which memory is full too.
    """
    embedding = shards.embedding
    way = way or of(embedding)
    if way.kind == "none":
        return None
    if embedding.trigger_gb is not None and way == of(embedding):
        return embedding.trigger_gb
    return HNSW_TRIGGER_GB if way.kind in HNSW_KINDS else gb(embedding, of_message(embedding, way).index, shards.users_per_shard.most)


def years_until(size_gb: float, a_year_gb: float) -> float | None:
    """Return after how many years something reaches a size; None for longer than a century."""
    years = max(size_gb, 0.0) / a_year_gb if a_year_gb else float("inf")
    return years if years <= CENTURY else None


def after(start: date, years: float | None) -> date | None:
    """Return the day so many years later."""
    return None if years is None else start + timedelta(days=round(years * DAYS_A_YEAR))


def outlook(shards: Shards, ram_gb: float, users: int, start: date) -> list[Outlook]:
    """Return what each way means for a shard of so many users that begin on a day."""
    embedding, found = shards.embedding, []
    for way in ways(embedding):
        each, wal, due = of_message(embedding, way), wal_of_message(embedding, way), trigger_gb(shards, way)
        index = gb(embedding, each.index, users)
        found.append(Outlook(
            way, way == of(embedding), index, gb(embedding, each.all, users), users_in_memory(embedding, ram_gb, way),
            due, after(start, None if due is None else years_until(due, index)),
            (traffic(embedding, wal.records, users), traffic(embedding, wal.full, users)),
            embedding.messages_per_user_year * users * BUILD_MS[way.kind] / 60_000,
        ))
    return found
