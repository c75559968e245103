"""What a number of users needs: by hand, at the edges, and as a command."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

import support
from unde.model import Estate, expand, read
from unde.plan import capacity
from unde.plan.capacity import Need, OutOfReach

START = date(2027, 1, 1)


@pytest.fixture(scope="module")
def estate() -> Estate:
    """The shipped layout."""
    return expand(*read(support.LAYOUT))


def need(estate: Estate, users: int) -> Need:
    """Return what so many users need; fails where they cannot be had."""
    found = capacity.need(estate, users, START)
    assert isinstance(found, Need)
    return found


@pytest.mark.parametrize(("users", "shards", "fewest"), [(1, 1, 1), (500, 1, 1), (501, 2, 1), (800, 2, 1), (801, 2, 2), (8000, 16, 10), (50_000, 100, 63)])
def test_shards_for_users(estate: Estate, users: int, shards: int, fewest: int) -> None:
    """500 users are comfortable on a shard, 800 the most."""
    found = need(estate, users)
    assert (found.shards, found.fewest, found.tight) == (shards, fewest, False)
    assert len(found.estate.hosts) == len(estate.hosts) + 2 * (shards - 1)


def test_the_pools_end(estate: Estate) -> None:
    """151 shards are there: more than comfortable users each are said to be, more than the most are refused by name."""
    tight = need(estate, 151 * 800)
    assert (tight.shards, tight.tight, tight.users_a_shard) == (151, True, 800)
    assert {room.pool: room.left for room in tight.rooms}["shard-primary"] == 0
    refused = capacity.need(estate, 151 * 800 + 1, START)
    assert isinstance(refused, OutOfReach)
    assert "shard-primary" in refused.limit
    assert "enlarge pools.shard-primary.size" in refused.fix


def test_the_index_by_hand(estate: Estate) -> None:
    """500 users × 2,680 messages × a page each are the document's 11 GB (10**9) a year; 20 GB (2**30) come in under two years."""
    outlooks = {outlook.kind: outlook for outlook in need(estate, 500).outlooks}
    assert outlooks["vector"].chosen
    assert outlooks["vector"].index_gb * 2**30 / 1e9 == pytest.approx(11, rel=0.01)
    days = 20 * 2**30 / (8192 * 2680 * 500) * 365.25
    assert outlooks["vector"].trigger == START + timedelta(days=round(days))
    assert outlooks["vector"].index_gb == pytest.approx(3 * outlooks["halfvec"].index_gb, rel=0.001)
    assert outlooks["none"].trigger is None
    assert outlooks["vector"].users_in_memory < outlooks["halfvec"].users_in_memory < outlooks["none"].users_in_memory


def test_more_users_fill_sooner(estate: Estate) -> None:
    """More users on a shard, more messages, or more dimensions never put a date off."""
    def trigger(**embedding: int) -> date:
        changed = support.shipped()
        changed["shards"]["embedding"] |= embedding
        found = next(outlook for outlook in need(support.estate_of(changed), 500).outlooks if outlook.kind == "halfvec")
        assert found.trigger
        return found.trigger

    assert trigger() > trigger(messages_per_user_year=5000)
    assert trigger() > trigger(dimensions=1536)
    assert trigger() == trigger(text_bytes=900)  # the index holds no text
    full = [need(estate, users).disk_full for users in (100, 300, 500)]
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
    assert list(capacity.replica_types(need(estate, 8000).estate).values()) == [1, 3, 12]


def test_the_command() -> None:
    """JSON alone on stdout, every name once; what cannot be had ends with 1 and says why."""
    done = support.unde("capacity", "--users", "12000", "--from", "2027-01-01", "--format", "json")
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in json.loads(done.stdout)}
    assert (done.returncode, done.stderr) == (0, "")
    assert rows["shards"]["value"] == 24
    assert rows["index/vector/trigger"]["value"] == "2028-12-16"
    refused = support.unde("capacity", "--users", "130000")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("ERROR capacity — 130000 users cannot be had: 163 shards")
    assert support.unde("capacity", "--users", "0").returncode == 2


def test_names_are_stable_under_growth() -> None:
    """A program that reads one size reads the next: names that are there stay."""
    small, large = ({row["name"] for row in json.loads(support.unde("capacity", "--users", users, "--format", "json").stdout)} for users in ("500", "9000"))
    assert small <= large
