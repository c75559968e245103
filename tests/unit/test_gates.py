"""The judge of the gates: who is asked, what is told, what is red."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import yaml

import support

_spec = importlib.util.spec_from_file_location("unde_gates", support.ROOT / "plugins/filter/gates.py")
assert _spec is not None
assert _spec.loader is not None
gates = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(gates)

BASE = {"name": "base", "day": 1, "groups": ["managed_base"], "but": ["far"], "says": "hosts answer"}
VOTES = {"name": "votes", "day": 11, "groups": ["managed_etcd", "managed_base"], "says": "votes are healthy"}
GROUPS = {"managed_base": ["a", "b", "c"], "far": ["c"], "managed_etcd": ["b", "c"]}
ROLLOUT = [{"day": 1, "title": "Gateway"}, {"day": 11, "title": "Votes"}]


def found(results: dict[str, Any], hosts: str = "abc", asked: Any = (BASE, VOTES)) -> Any:
    return gates.gates_found(asked, GROUPS, hosts, results)


def green(says: str = "") -> dict[str, Any]:
    return {"green": True, "says": says}


ALL = {"a": {"1 base": green()}, "b": {"1 base": green(), "11 votes": green("3 votes")}, "c": {"11 votes": green("3 votes")}}


@pytest.mark.parametrize(("groups", "asked"), [(["managed_base"], ["base"]), (["managed_base", "managed_etcd", "far"], ["votes"]), (["managed_etcd"], [])])
def test_a_host_is_asked_where_it_is_in_all_groups_and_in_none_that_is_left_out(groups: list[str], asked: list[str]) -> None:
    assert [gate["name"] for gate in gates.gates_of_host([BASE, VOTES], groups)] == asked


def test_each_gate_is_told_with_its_hosts_and_figures() -> None:
    assert gates.gates_told(found(ALL)) == ["✓ day  1  hosts answer (2 hosts)", "✓ day 11  votes are healthy (2 hosts: 3 votes)"]
    assert gates.gates_red(found(ALL)) == []
    assert gates.gates_stand(found(ALL), ROLLOUT) == "The estate stands at day 11: Votes"


def test_a_host_that_was_lost_is_red() -> None:
    lost = found({host: said for host, said in ALL.items() if host != "b"})
    assert gates.gates_red(lost) == ["day 1, hosts answer: b: it did not answer", "day 11, votes are healthy: b: it did not answer"]
    assert gates.gates_told(lost)[0] == "✗ day  1  hosts answer (2 hosts: b: it did not answer)"
    assert gates.gates_stand(lost, ROLLOUT) == "The estate stands before day 1: Gateway"


def test_one_red_host_is_enough_and_says_why() -> None:
    one = found(ALL | {"c": {"11 votes": {"green": False, "says": "no leader"}}})
    assert gates.gates_red(one) == ["day 11, votes are healthy: c: no leader"]
    assert gates.gates_stand(one, ROLLOUT) == "The estate stands before day 11: Votes"


def test_a_part_of_the_estate_is_judged_alone() -> None:
    assert gates.gates_red(found({"a": ALL["a"]}, hosts="a")) == []
    assert gates.gates_told(found({"a": ALL["a"]}, hosts="a")) == ["✓ day  1  hosts answer (1 host)"]


def test_many_figures_are_told_as_a_range() -> None:
    many = [{**BASE, "found": {str(number): green(f"{number} ms") for number in range(1, 7)}}]
    assert gates.gates_told(many) == ["✓ day  1  hosts answer (6 hosts: 1 ms to 6 ms)"]


def test_the_gates_of_the_playbooks_have_what_the_judge_reads() -> None:
    for gate in yaml.safe_load((support.ROOT / "playbooks/gates/vars/gates.yml").read_text(encoding="utf-8"))["gates"]:
        assert gate.keys() <= {"name", "day", "groups", "but", "says"}, gate
        assert gates.key(gate) == f"{gate['day']} {gate['name']}"
