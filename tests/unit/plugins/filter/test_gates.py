"""The judge of the gates: what is asked for, what is told, what is red."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from jinja2.exceptions import UndefinedError

import support

_spec = importlib.util.spec_from_file_location("unde_gates", support.ROOT / "plugins/filter/gates.py")
assert _spec is not None
assert _spec.loader is not None
gates = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(gates)

BASE, VOTES, DRILLS = {"name": "base", "day": 1}, {"name": "votes", "day": 11}, {"name": "drills", "day": 15}
ROLLOUT = [
    {"day": 1, "phase": 1, "title": "Gateway", "needs": []},
    {"day": 11, "phase": 2, "title": "Votes", "needs": [1]},
    {"day": 15, "phase": 2, "title": "Drills", "needs": [1, 11]},
]
OF_DAYS = [{**BASE, "says": "hosts answer"}, {**VOTES, "says": "votes are healthy"}, {**DRILLS, "says": "a loss was measured"}]
CONCERNED = {"a": [BASE], "b": [BASE, VOTES], "c": [VOTES]}


def found(results: dict[str, Any], hosts: str = "abc", asked: Any = (BASE, VOTES)) -> Any:
    hostvars = {host: {"unde_gates": CONCERNED[host], "gate_measured": {"gates": results.get(host, {})}} for host in CONCERNED}
    return gates.gates_found(asked, OF_DAYS, hosts, [host for host in hosts if host in results], hostvars)


def green(says: str = "") -> dict[str, Any]:
    return {"green": True, "says": says}


ALL = {"a": {"1 base": green()}, "b": {"1 base": green(), "11 votes": green("3 votes")}, "c": {"11 votes": green("3 votes")}}


@pytest.mark.parametrize(
    ("which", "asked"),
    [
        ({}, [BASE, VOTES]),
        ({"days": [11]}, [VOTES]),
        ({"days": ["11"]}, [VOTES]),
        ({"days": [15]}, [DRILLS]),
        ({"begins": 1}, []),
        ({"begins": 11}, [BASE]),
        ({"begins": 15}, [BASE, VOTES]),
        ({"phase": 2}, [VOTES]),
        ({"until": 1}, [BASE]),
        ({"until": 15}, [BASE, VOTES, DRILLS]),
        ({"names": ["votes"]}, [VOTES]),
    ],
)
def test_a_run_asks_for_the_gates_of_its_days(which: dict[str, Any], asked: list[dict[str, Any]]) -> None:
    """Drills are asked for by their day alone."""
    assert gates.gates_asked(OF_DAYS, ROLLOUT, **which) == asked


def test_each_gate_is_told_with_its_hosts_and_figures() -> None:
    assert gates.gates_report(found(ALL)) == ["✓ day  1  hosts answer (2 hosts)", "✓ day 11  votes are healthy (2 hosts: 3 votes)"]
    assert gates.gates_red(found(ALL)) == []
    assert gates.gates_progress(found(ALL), ROLLOUT) == "The estate stands at day 11: Votes"


def test_a_host_that_was_lost_is_red() -> None:
    lost = found({host: said for host, said in ALL.items() if host != "b"})
    silent = gates.SILENT["says"]
    assert gates.gates_red(lost) == [f"day 1, hosts answer: b: {silent}", f"day 11, votes are healthy: b: {silent}"]
    assert gates.gates_report(lost)[0] == f"✗ day  1  hosts answer (2 hosts: b: {silent})"
    assert gates.gates_progress(lost, ROLLOUT) == "The estate stands before day 1: Gateway"


def test_one_red_host_is_enough_and_says_why() -> None:
    one = found(ALL | {"c": {"11 votes": {"green": False, "says": "no leader"}}})
    assert gates.gates_red(one) == ["day 11, votes are healthy: c: no leader"]
    assert gates.gates_progress(one, ROLLOUT) == "The estate stands before day 11: Votes"


def test_a_host_on_which_nothing_could_be_measured_says_why() -> None:
    told = {"unde_gates": [BASE], "gate_measured": {"failed": True, "msg": "the disk is full"}}
    assert gates.gates_red(gates.gates_found([BASE], OF_DAYS, "a", "a", {"a": told})) == ["day 1, hosts answer: a: it could not be asked: the disk is full"]


def test_who_was_left_out_is_named_with_the_task_that_failed() -> None:
    assert gates.gates_left_out(["b"], {"b": {"left_out_because": "Start etcd"}}) == ["b: left out of the rest of the run, since 'Start etcd' failed"]


def test_a_part_of_the_estate_is_judged_alone() -> None:
    assert gates.gates_red(found({"a": ALL["a"]}, hosts="a")) == []
    assert gates.gates_report(found({"a": ALL["a"]}, hosts="a")) == ["✓ day  1  hosts answer (1 host)"]


def test_many_figures_are_told_as_a_range() -> None:
    many = [{**BASE, "says": "hosts answer", "found": {str(number): green(f"{number} ms") for number in range(1, 7)}}]
    assert gates.gates_report(many) == ["✓ day  1  hosts answer (6 hosts: 1 ms to 6 ms)"]


def test_what_a_gate_is_measured_with_goes_with_it() -> None:
    """Under its day and name, or its name alone; of what no host of this run is asked, nothing is looked at."""
    parameters, secrets = {"base": {"firewall": True}, "votes": {"members": [{"name": "a"}]}, "drills": None}, {"votes": {"keys": {"a": "b"}}}
    assert gates.gates_given([BASE, {"name": "votes"}], parameters, secrets) == [
        {"name": "base", "key": "1 base", "parameters": {"firewall": True}, "secrets": {}},
        {"name": "votes", "key": "votes", "parameters": {"members": [{"name": "a"}]}, "secrets": {"keys": {"a": "b"}}},
    ]


def test_what_is_not_known_of_one_gate_leaves_the_others() -> None:
    class Unknown(dict[str, Any]):
        """Parameters that cannot be evaluated, as Ansible has them: only where they are looked up."""

        def __getitem__(self, name: str) -> Any:
            raise UndefinedError("'vault_keys' is undefined")

    known = {"base": {"firewall": True}}
    unknown = {"name": "votes", "key": "11 votes", "problem": "what it is measured with is not known: 'vault_keys' is undefined"}
    given = [{"name": "base", "key": "1 base", "parameters": known["base"], "secrets": {}}, unknown]
    assert gates.gates_given([BASE, VOTES], {**known, "votes": Unknown(members=3)}, {}) == given
    assert gates.gates_given([BASE, VOTES], {**known, "votes": {}}, {"votes": Unknown(keys="")}) == given


def test_a_gate_that_is_not_there_is_the_modules_to_tell() -> None:
    assert gates.gates_given([{"name": "moon"}], {}, {}) == [{"name": "moon", "key": "moon", "parameters": {}, "secrets": {}}]
