"""Every gate of every day is asked of its hosts, of all of them in one call, with all that it is measured with; what is red there ends the run.

Nothing runs anywhere: `recording` says how.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recording import OVERLAY, Played, play

import support
from unde.plan import gates

ESTATE = support.estate(OVERLAY)
EVERY = gates.every(ESTATE)
VAULT = json.dumps({"vault_object_storage_keys": {"s3-admin-access-key": "ADMIN"}})


def asked(played: Played) -> dict[str, list[dict[str, Any]]]:
    """Return host → the gates that the module was asked for there."""
    found = [(module.host, json.loads(module.said)["gates"]) for module in played.modules if module.name.endswith("gates_info")]
    assert len(dict(found)) == len(found), "one call for each host"
    return dict(found)


def test_each_host_is_asked_once_for_all_its_gates(tmp_path: Path) -> None:
    """Drills are asked for by their day alone."""
    played = play(tmp_path, "gates/all.yml", "-e", VAULT, answers=[("SELECT CASE", {"stdout": "writable"})])
    found = asked(played)
    wanted = {host: {f"{gate.day} {gate.name}" for gate in EVERY if host in gate.hosts and gate.name != "drills"} for host in ESTATE.hosts}
    assert {host: {gate["key"] for gate in mine} for host, mine in found.items()} == {host: mine for host, mine in wanted.items() if mine}
    every = [gate for mine in found.values() for gate in mine]
    assert {gate["name"] for gate in every} == {gate.name for gate in EVERY} - {"drills"}
    assert [gate for gate in every if gate.get("problem")] == []
    assert [gate["secrets"] for gate in every if gate["secrets"]] == [{"keys": {"s3-admin-access-key": "ADMIN"}}]
    others = [module for module in played.modules if not module.name.endswith("gates_info")]
    members = {host for gate in EVERY if gate.name == "replication" for host in gate.hosts}
    assert {module.host for module in others} == members, "who is writable is asked of every member, and nothing else of another host"
    assert all('"runuser", "-u", "postgres"' in module.said for module in others)
    [primaries] = [gate for gate in every if gate["name"] == "primaries"]
    assert primaries["parameters"]["members"] == dict.fromkeys(members, "writable")


def test_a_vault_that_is_not_given_leaves_the_other_gates(tmp_path: Path) -> None:
    found = asked(play(tmp_path, "gates/all.yml", "-e", "until=1", "-l", "monitoring"))
    assert {gate["name"]: "vault_object_storage_keys" in gate.get("problem", "") for gate in found["monitoring"]} == {
        "base": False, "object_storage": True, "monitoring": False,
    }  # fmt: skip


@pytest.mark.parametrize(("says", "ends", "words"), [
    ({"green": True, "says": "3 of 3 healthy"}, 0, "✓ day 11 every vote of etcd is healthy (3 hosts: 3 of 3 healthy)"),
    ({"green": False, "says": "2 of 3 healthy"}, 2, "Red: day 11, every vote of etcd is healthy: etcd-2: 2 of 3 healthy"),
])  # fmt: skip
def test_what_was_measured_is_told_and_judged(tmp_path: Path, says: dict[str, Any], ends: int, words: str) -> None:
    well = {"gates": {"11 votes": {"green": True, "says": "3 of 3 healthy"}}}
    answers = [("^etcd-2 .*gates_info", {"gates": {"11 votes": says}}), ("gates_info", well)]
    played = play(tmp_path, "gates/all.yml", "-e", json.dumps({"gate_names": ["votes"]}), answers=answers)
    assert (played.code, words in played.text) == (ends, True), played.text[-2000:]
    assert {module.name.rpartition(".")[2] for module in played.modules} == {"gates_info"}, "nobody is asked who is writable"


def test_a_host_that_does_not_answer_is_red(tmp_path: Path) -> None:
    answers = [("^etcd-2 ", {"unreachable": True}), ("gates_info", {"gates": {"11 votes": {"green": True, "says": "3 of 3 healthy"}}})]
    played = play(tmp_path, "gates/all.yml", "-e", json.dumps({"gate_names": ["votes"]}), answers=answers)
    assert played.code != 0
    assert "every vote of etcd is healthy: etcd-2: it did not answer" in played.text


def test_a_module_that_fails_everywhere_ends_no_run(tmp_path: Path) -> None:
    """The verdict is told, with the reason."""
    played = play(tmp_path, "gates/all.yml", "-l", "etcd-2", answers=[("gates_info", {"failed": True, "msg": "the disk is full"})])
    assert played.code != 0
    assert "every vote of etcd is healthy: etcd-2: it could not be asked: the disk is full" in played.text, played.text[-2000:]


def test_a_day_that_the_layout_does_not_have(tmp_path: Path) -> None:
    played = play(tmp_path, "day.yml", "-e", "day=77")
    assert played.code != 0
    assert "The layout has no day 77" in played.text
    assert played.modules == ()


def test_what_the_last_drill_measured_is_read_where_it_was_kept(tmp_path: Path) -> None:
    """On the controller, as text: the module judges it."""
    kept = tmp_path / ".cache/drills/lose_primary.json"
    kept.parent.mkdir(parents=True)
    for text in ("", '{"lost": "local-shard-0"}\n'):
        if text:
            kept.write_text(text)
        found = asked(play(tmp_path, "gates/all.yml", "-e", "until=15", "-e", json.dumps({"gate_names": ["drills"]}), PWD=str(tmp_path)))
        assert [gate["parameters"] for gate in found["shard-replica-0"]] == [{"file": str(kept), "figures": text.strip()}]
