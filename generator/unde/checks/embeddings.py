"""Vectors of the messages: how they are kept and found, what that takes of a shard, and when another one is due."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from ..model import Estate
from ..plan import storage, ways
from ..plan.storage import HNSW_KINDS
from .rules import Violation, rule

HERE = ("shards", "embedding")


@rule("index-trigger", rows=(18,))
def trigger(estate: Estate) -> Iterator[Violation]:
    """The index that triggers growth is measured where it has a size, and reaches the trigger before memory is full."""
    shards = estate.layout.shards
    embedding, given = shards.embedding, shards.embedding.trigger_gb
    if embedding.measured_by == "parent" and shards.partitions > 1:
        yield Violation(
            (*HERE, "measured_by"),
            f"the table has {shards.partitions} partitions: pg_relation_size of the parent index is always 0, the trigger never fires",
            "measured_by: partitions", warn=True,
        )
    if given is None or embedding.index in HNSW_KINDS:
        return
    if embedding.index == "none":
        yield Violation(
            (*HERE, "trigger_gb"), f"index: none has no index that could reach {given:g} GB: the trigger never fires",
            "leave trigger_gb out", warn=True,
        )
        return
    fit = ways.users_in_memory(embedding, _smallest(estate)[1])
    full = ways.gb(embedding, ways.of_message(embedding).index, fit)
    if given > full:
        yield Violation(
            (*HERE, "trigger_gb"),
            f"{given:g} GB of bits come after memory is full: a year of the {fit} users that fit there makes {full:.2f} GB of them",
            "leave trigger_gb out: it is a year of users_per_shard.most then", warn=True,
        )


@rule("index-filtered", rows=(31,))
def filtered(estate: Estate) -> Iterator[Violation]:
    """The largest index is worth its memory: one user's nearest messages are found by bits in a part of it."""
    embedding = estate.layout.shards.embedding
    if embedding.index == "vector":
        size = {kind: storage.message_bytes(embedding.dimensions, embedding.text_bytes, kind).index for kind in storage.INDEX_KINDS}
        yield Violation(
            (*HERE, "index"),
            f"a full-precision HNSW index takes {size['vector']:.0f} bytes a message, a half-precision one {size['halfvec']:.0f}, the bits {size['bits']:.0f}; "
            "what HNSW finds of one user hangs on everybody else's messages",
            "bits with storage: halfvec and in_line: true; `unde capacity` shows every way", warn=True,
        )


@rule("embedding-precision", rows=(31,))
def precision(estate: Estate) -> Iterator[Violation]:
    """An index has no more precision than the column it is made from."""
    embedding = estate.layout.shards.embedding
    if embedding.index == "vector" and embedding.storage == "halfvec":
        yield Violation(
            (*HERE, "storage"), "index: vector holds full precision, but storage: halfvec has only half of it",
            "index: halfvec or bits, or storage: vector",
        )


@rule("embedding-in-line", rows=(31,))
def in_line(estate: Estate) -> Iterator[Violation]:
    """A vector that stays in its row leaves room for the rest of the row in a page."""
    embedding = estate.layout.shards.embedding
    if embedding.in_line and not storage.fits_in_line(embedding.dimensions, embedding.storage):
        taken = storage.vector_bytes(embedding.dimensions, embedding.storage)
        yield Violation(
            (*HERE, "in_line"),
            f"a {embedding.storage}({embedding.dimensions}) of {taken} bytes and {storage.BESIDE_IN_LINE} beside it do not fit into a row, "
            f"which has {storage.LARGEST_ROW} bytes of a page",
            "storage: halfvec, or in_line: false",
        )


@rule("wal-traffic", rows=(31,))
def wal_traffic(estate: Estate) -> Iterator[Violation]:
    """The WAL of a shard's messages is no more than its tunnel is expected to carry."""
    shards = estate.layout.shards
    if shards.tunnel is None or shards.tunnel.gb_day is None:
        return
    each = ways.wal_of_message(shards.embedding)
    expected = ways.traffic(shards.embedding, each.full, shards.users_per_shard.most)
    if expected > shards.tunnel.gb_day:
        yield Violation(
            ("shards", "tunnel", "gb_day"),
            f"the messages of {shards.users_per_shard.most} users make up to {expected:.3g} GB of WAL a day "
            f"({each.full:.0f} bytes a message, whole pages counted), the tunnel is expected to carry {shards.tunnel.gb_day:g}",
            f"gb_day: {ceil(expected * 10) / 10:g} or more, fewer users, or a smaller index (`unde capacity` shows every way)", warn=True,
        )


@rule("working-set", rows=(19,))
def working_set(estate: Estate) -> Iterator[Violation]:
    """What a shard's users touch within a year fits into its memory, counted once."""
    shards = estate.layout.shards
    name, ram = _smallest(estate)
    fit = ways.users_in_memory(shards.embedding, ram)
    if shards.users_per_shard.most > fit:
        size = ways.gb(shards.embedding, ways.of_message(shards.embedding).all, shards.users_per_shard.most)
        yield Violation(
            ("shards", "users_per_shard", "most"),
            f"a year of {shards.users_per_shard.most} users is {size:.1f} GB, but '{name}' has {ram} GB of memory, "
            f"and effective_cache_size counts shared_buffers already: {fit} users fit",
            f"most: {fit}, more memory, or a smaller index (`unde capacity` shows every way)", warn=True,
        )


def _smallest(estate: Estate) -> tuple[str, int]:
    """Return the primary with the least memory, and that, GB."""
    primaries = [host for host in estate.hosts.values() if host.member == "primary"]
    smallest = min(primaries, key=lambda host: host.kind.ram_gb)
    return smallest.name, smallest.kind.ram_gb
