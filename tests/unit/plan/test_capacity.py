"""What a number of users needs: by hand, at the edges, and as a command."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

import support
import unde
from unde.model import Estate
from unde.plan import capacity, wal, ways
from unde.plan.capacity import Need, OutOfReach

START = date(2027, 1, 1)


@pytest.fixture(scope="module")
def estate() -> Estate:
    """The shipped layout."""
    return unde.estate(unde.load(support.LAYOUT))


def need(estate: Estate, users: int) -> Need:
    """Return what so many users need; fails where they cannot be had."""
    found = capacity.need(estate, users, START)
    assert isinstance(found, Need)
    return found


@pytest.mark.parametrize(("users", "shards", "fewest"), [(1, 1, 1), (2000, 1, 1), (2001, 2, 1), (3000, 2, 1), (3001, 2, 2), (50_000, 25, 17)])
def test_shards_for_users(estate: Estate, users: int, shards: int, fewest: int) -> None:
    """2,000 users are comfortable on a shard, 3,000 the most."""
    found = need(estate, users)
    assert (found.shards, found.fewest, found.tight) == (shards, fewest, False)
    assert len(found.estate.hosts) == len(estate.hosts) + 2 * (shards - 1)


def test_the_pools_end(estate: Estate) -> None:
    """151 shards are there: more than comfortable users each are said to be, more than the most are refused by name."""
    tight = need(estate, 151 * 3000)
    assert (tight.shards, tight.tight, tight.users_a_shard) == (151, True, 3000)
    assert {room.pool: room.left for room in tight.rooms}["shard-primary"] == 0
    refused = capacity.need(estate, 151 * 3000 + 1, START)
    assert isinstance(refused, OutOfReach)
    assert "shard-primary" in refused.limit
    assert "enlarge pools.shard-primary.size" in refused.fix


def test_the_index_by_hand(estate: Estate) -> None:
    """500 users × 2,680 messages × a page each are the document's 11 GB (10**9) a year; 20 GB (2**30) come in under two years."""
    outlooks = {outlook.way.kind: outlook for outlook in need(estate, 500).outlooks}
    assert [outlook.way.kind for outlook in need(estate, 500).outlooks if outlook.chosen] == ["bits"] == list(outlooks)[:1]
    assert outlooks["vector"].index_gb * 2**30 / 1e9 == pytest.approx(11, rel=0.01)
    days = 20 * 2**30 / (8192 * 2680 * 500) * 365.25
    assert outlooks["vector"].trigger == START + timedelta(days=round(days))
    assert outlooks["vector"].index_gb == pytest.approx(3 * outlooks["halfvec"].index_gb, rel=0.001)
    assert outlooks["none"].trigger is None
    assert [outlooks[kind].users_in_memory for kind in ("vector", "halfvec", "bits", "none")] == [787, 1943, 3396, 3598]
    assert outlooks["bits"].index_gb * 2**30 == pytest.approx(8192 / 43 * 2680 * 500)
    assert outlooks["bits"].trigger == START + timedelta(days=round(6 * 365.25))  # as much as a year of 3,000 users makes
    assert outlooks["vector"].build_minutes == pytest.approx(500 * 2680 * 0.767 / 60_000)


def test_the_same_promises_on_a_third_of_the_document_s_shards(estate: Estate) -> None:
    """50,000 users: 100 shards and 63 at the most by the document, and all that each holds fits into memory."""
    found = need(estate, 50_000)
    assert found.document
    assert (found.document.shards, found.document.fewest) == (100, 63)
    assert found.shards <= found.document.shards / 3
    assert found.fewest <= found.document.fewest / 3
    assert estate.layout.shards.users_per_shard.most <= next(bound.users for bound in found.bounds if bound.resource == "memory")


def test_what_bounds_a_shard(estate: Estate) -> None:
    """Memory, then the smallest disk, the tunnel, and connections last; another bound comes first where its resource is scarce."""
    def first(overlaid: dict[str, Any]) -> str:
        return need(support.estate_of(support.merged(support.shipped(), overlaid)), 10_000).bounds[0].resource

    bounds = {bound.resource: bound.users for bound in need(estate, 10_000).bounds}
    assert list(bounds) == ["memory", "disk", "WAL", "connections"]
    assert bounds["memory"] == 3396
    assert bounds["disk"] == int(160 * 0.4 * 2**30 / (2680 * ways.of_message(estate.layout.shards.embedding).all))
    assert bounds["connections"] == pytest.approx(40 / 0.02 / (2680 / (365.25 * 86_400) * 10), abs=1)
    assert first({"shards": {"primary": {"ram_gb": 128}}}) == "disk"
    assert first({"shards": {"tunnel": {"gb_day": 0.5}}}) == "WAL"


def test_wal_of_a_shard_by_hand(estate: Estate) -> None:
    """Bytes of a message × messages a day, in GB of traffic."""
    embedding = estate.layout.shards.embedding
    low, high = next(outlook.wal_gb_day for outlook in need(estate, 2000).outlooks if outlook.chosen)
    each = wal.message_wal(1024, 300, "bits", "halfvec", True)
    assert (low, high) == tuple(pytest.approx(size * 2680 * 2000 / 365.25 / 1e9) for size in (each.records, each.full))
    assert ways.traffic(embedding, each.full, 3000) < 10  # what the tunnel is expected to carry


@pytest.mark.parametrize(("index", "given", "due"), [
    ("bits", None, 8192 / 43 * 2680 * 3000 / 2**30), ("bits", 1, 1), ("halfvec", None, 20), ("halfvec", 7, 7), ("none", None, None), ("none", 5, None),
])
def test_the_trigger_follows_from_the_kind(index: str, given: float | None, due: float | None) -> None:
    """What the layout says, or 20 GB of HNSW, or a year of the most users' bits; without an index nothing is due."""
    layout = support.estate({"shards": {"embedding": {"index": index, "trigger_gb": given}}}).layout
    assert ways.trigger_gb(layout.shards) == (due if due is None else pytest.approx(due))


def test_more_users_fill_sooner(estate: Estate) -> None:
    """More users on a shard, more messages, or more dimensions never put a date off."""
    def trigger(**embedding: int) -> date:
        changed = support.shipped()
        changed["shards"]["embedding"] |= embedding
        found = next(outlook for outlook in need(support.estate_of(changed), 500).outlooks if outlook.way.kind == "halfvec")
        assert found.trigger
        return found.trigger

    assert trigger() > trigger(messages_per_user_year=5000)
    assert trigger() > trigger(dimensions=1536)
    assert trigger() == trigger(text_bytes=900)  # the index holds no text
    full = [need(estate, users).disk_full for users in (500, 1000, 2000)]
    assert None not in full
    assert full == sorted((day for day in full if day), reverse=True)


def test_posthog_grows_with_the_users(estate: Estate) -> None:
    """At 10,000 users it is another size, at 50,000 a cluster; the bill follows."""
    def posthog(users: int) -> list[bool | None]:
        return [step.due for step in need(estate, users).steps if step.service == "posthog"]

    assert [posthog(9_999), posthog(10_000), posthog(50_000)] == [[False, False], [True, False], [True, True]]
    before, after = (next(bill for bill in need(estate, users).bills if bill.option == "hetzner-singapore").eur.low for users in (9_999, 10_000))
    assert after - before == pytest.approx(148 - 39)


def test_replica_types_follow_the_stages(estate: Estate) -> None:
    """The first is dedicated, the next are CCX23, from shard 4 on CCX33."""
    assert list(capacity.replica_types(need(estate, 32_000).estate).values()) == [1, 3, 12]


def test_the_command() -> None:
    """JSON alone on stdout, every name once; what cannot be had ends with 1 and says why."""
    done = support.unde("capacity", "--users", "12000", "--from", "2027-01-01", "--format", "json")
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in json.loads(done.stdout)}
    assert (done.returncode, done.stderr) == (0, "")
    assert (rows["shards"]["value"], rows["document/shards"]["value"], rows["bounded by"]["value"]) == (6, 24, "memory")
    assert rows["index/vector/trigger"]["value"] == "2027-06-29"
    assert {f"index/bits/{figure}" for figure in ("all", "trigger", "in memory", "wal", "build", "shards", "cost")} <= rows.keys()
    refused = support.unde("capacity", "--users", "487000")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("ERROR capacity — 487000 users cannot be had: 163 shards")
    assert support.unde("capacity", "--users", "0").returncode == 2


def test_names_are_stable_under_growth() -> None:
    """A program that reads one size reads the next: names that are there stay."""
    small, large = ({row["name"] for row in json.loads(support.unde("capacity", "--users", users, "--format", "json").stdout)} for users in ("500", "9000"))
    assert small <= large
