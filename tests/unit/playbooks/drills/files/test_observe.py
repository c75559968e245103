"""What a member sees of its shard during a drill, out of Patroni's own words."""

from __future__ import annotations

import importlib.util
from typing import Any

import support

SPEC = importlib.util.spec_from_file_location("observe", support.ROOT / "playbooks/drills/files/observe.py")
assert SPEC is not None
assert SPEC.loader is not None
observe = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(observe)

LEADER = {"name": "first", "role": "leader", "state": "running", "timeline": 3}
FOLLOWER = {"name": "second", "role": "replica", "state": "streaming", "timeline": 3, "lag": 16384}


def seen(*members: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    return dict(observe.sights("shard0", {"members": list(members)}, 2))


def test_a_whole_shard() -> None:
    assert seen(LEADER, FOLLOWER) == {
        ("leader",): {"kind": "leader", "shard": "shard0", "member": "first", "timeline": 3},
        ("whole",): {"kind": "whole", "shard": "shard0", "whole": True},
        ("lag", "second"): {"kind": "lag", "shard": "shard0", "member": "second", "lag_bytes": 16384},
    }


def test_one_that_does_not_follow() -> None:
    found = seen(LEADER, {**FOLLOWER, "state": "starting", "lag": "unknown"})
    assert not found[("whole",)]["whole"]
    assert ("lag", "second") not in found


def test_nobody_leads_where_the_leader_does_not_run_or_two_say_so() -> None:
    assert seen({**LEADER, "state": "stopping"}, FOLLOWER)[("leader",)]["member"] is None
    assert seen(LEADER, {**LEADER, "name": "second"})[("leader",)]["member"] is None
    assert not seen(FOLLOWER)[("whole",)]["whole"]
