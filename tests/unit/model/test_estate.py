"""What is derived of an estate is derived once, and never taken for another estate's."""

from __future__ import annotations

import support
from unde.model import Estate, once
from unde.plan import flows, rollout


def test_once_for_each_estate() -> None:
    asked: list[Estate] = []

    @once
    def count(estate: Estate) -> int:
        asked.append(estate)
        return len(estate.hosts)

    shipped, grown = support.estate(), support.estate({"shards": {"count": 2}})
    assert [count(shipped), count(grown), count(shipped)] == [len(shipped.hosts), len(grown.hosts), len(shipped.hosts)]
    assert asked == [shipped, grown]


def test_another_estate_has_other_connections_and_other_days() -> None:
    shipped, grown = support.estate(), support.estate({"shards": {"count": 2}})
    assert flows.Flows(shipped).connections is flows.Flows(shipped).connections
    assert "local-shard-1" not in rollout.applied(shipped)
    assert "local-shard-1" in rollout.applied(grown)
    assert flows.Flows(shipped).into("local-shard-1") == []
    assert flows.Flows(grown).into("local-shard-1")
