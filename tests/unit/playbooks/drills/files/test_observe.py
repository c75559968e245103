"""What a host sees of the estate during a drill, out of the words of Patroni, etcd, Redis and Prometheus."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import support

SPEC = importlib.util.spec_from_file_location("observe", support.ROOT / "playbooks/drills/files/observe.py")
assert SPEC is not None
assert SPEC.loader is not None
observe = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(observe)

LEADER = {"name": "first", "role": "leader", "state": "running", "timeline": 3}
FOLLOWER = {"name": "second", "role": "replica", "state": "streaming", "timeline": 3, "lag": 16384}
HANGS_S = 60


def seen(*members: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    return dict(observe.of_shard("shard0", {"members": list(members)}, 2))


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


@pytest.mark.parametrize(("leader", "member"), [("2", "etcd-2"), ("9", None), (None, None)])
def test_who_leads_etcd(monkeypatch: pytest.MonkeyPatch, leader: str | None, member: str | None) -> None:
    """A vote that has lost the others names nobody; one that it does not know of is nobody to us."""
    members = {"members": [{"ID": "1", "name": "etcd-1"}, {"ID": "2", "name": "etcd-2"}]}
    answers = {"/v3/maintenance/status": {"leader": leader} if leader else {}, "/v3/cluster/member/list": members}
    monkeypatch.setattr(observe, "ask", lambda settings, method, path: answers[path])
    assert observe.votes({}) == {("votes-leader",): {"kind": "votes-leader", "member": member}}


def test_whom_a_site_s_redis_names() -> None:
    values = [json.dumps({"member": "first", "epoch": 7, "stale": False, "site": "near"}).encode(), None]
    assert observe.of_records("near", {"0": "shard0", "1": "shard1"}, values) == {
        ("routing", "shard0"): {"kind": "routing", "site": "near", "shard": "shard0", "member": "first", "stale": False, "epoch": 7},
        ("routing", "shard1"): {"kind": "routing", "site": "near", "shard": "shard1", "member": None, "stale": False, "epoch": None},
    }


def test_an_alert_fires_until_nobody_says_so_any_more() -> None:
    def alert(name: str, state: str, **labels: str) -> dict[str, Any]:
        return {"labels": {"alertname": name, **labels}, "state": state}

    log = observe.Log()
    assert list(log.lines(observe.of_alerts("far", [alert("ShardWithoutPrimary", "pending", shard="shard0")]), 1.0)) == []
    fires = observe.of_alerts("far", [alert("ShardWithoutPrimary", "firing", shard="shard0"), alert("HostDown", "firing", host="first")])
    assert [(line["name"], line["about"], line["state"]) for line in log.lines(fires, 2.0)] == [
        ("ShardWithoutPrimary", "shard0", "firing"), ("HostDown", "first", "firing"),
    ]  # fmt: skip
    assert list(log.lines(fires, 3.0)) == []
    [line] = log.lines(observe.of_alerts("far", [alert("HostDown", "firing", host="first")]), 4.0)
    assert line == {"kind": "alert", "name": "ShardWithoutPrimary", "state": "resolved", "watch": "far", "about": "shard0", "at": 4.0, "since": 3.0}
    assert list(log.lines(observe.of_alerts("far", [alert("HostDown", "firing", host="first")]), 5.0)) == []


def test_only_what_is_new_is_a_line_with_when_it_was_last_otherwise() -> None:
    log = observe.Log()
    assert [(line["kind"], line["at"], line.get("since")) for line in log.lines(seen(LEADER), 1.0)] == [("leader", 1.0, None), ("whole", 1.0, None)]
    assert list(log.lines(seen(LEADER), 2.0)) == []
    [line] = log.lines(seen({**LEADER, "timeline": 4}), 3.0)
    assert (line["timeline"], line["at"], line["since"]) == (4, 3.0, 2.0)


def test_each_source_has_its_file_and_one_that_does_not_answer_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(settings: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
        raise TimeoutError

    monkeypatch.setattr(observe, "EVERY_S", 0.01)
    monkeypatch.setitem(observe.SOURCES, "patroni", lambda settings: seen(LEADER, FOLLOWER))
    monkeypatch.setitem(observe.SOURCES, "votes", silent)
    (tmp_path / "settings").write_text(json.dumps({"name": "first", "sources": [{"source": "patroni"}, {"source": "votes"}]}), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["observe.py", str(tmp_path / "settings")])
    running = threading.Thread(target=observe.main)
    running.start()
    end = time.monotonic() + HANGS_S
    while (not (file := tmp_path / "first-patroni.jsonl").exists() or len(file.read_text().splitlines()) < 4) and time.monotonic() < end:
        time.sleep(0.01)
    (tmp_path / "stop").touch()
    running.join(HANGS_S)
    assert (tmp_path / "over").exists()
    kinds = {path.name: [json.loads(line)["kind"] for line in path.read_text().splitlines()] for path in tmp_path.glob("*.jsonl")}
    assert kinds == {"first-patroni.jsonl": ["observer", "leader", "whole", "lag", "end"], "first-votes.jsonl": ["observer", "end"]}
