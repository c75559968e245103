"""The module ``unde.infra.gates_info``: a red gate is a result, and one gate's mistake is that gate's alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils.gates import registry
from ansible_collections.unde.infra.plugins.modules import gates_info

Called = Callable[..., dict[str, Any]]
BASE, VOTES = {"name": "base", "key": "1 base", "parameters": {"firewall": True}}, {"name": "votes", "key": "11 votes", "parameters": {"members": 1}}
FILTERS = {"green": True, "says": "filters"}


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return what is waited; nothing is."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_red_gate_is_a_result(check_mode: bool, programs: Any, called: Called, waited: list[float]) -> None:
    """In the order of the question, with each gate's own patience; a rehearsal measures too."""
    programs.say("nft", "table inet unde_firewall {}")
    programs.say("unde-etcdctl", [{"endpoint": "https://10.0.0.1:2379", "health": False}], code=1)
    result = called(gates_info, check_mode, gates=[VOTES, BASE])
    assert (result["changed"], result.get("failed")) == (False, None)
    assert list(result["gates"]) == ["11 votes", "1 base"]
    assert result["gates"] == {"11 votes": {"green": False, "says": "0 of 1 healthy; https://10.0.0.1:2379: not healthy"}, "1 base": FILTERS}
    assert waited == [3] * 10


def test_a_run_may_have_less_patience(programs: Any, called: Called, waited: list[float]) -> None:
    called(gates_info, gates=[VOTES], retries=1)
    assert waited == [3]


def test_what_is_required_fails_with_every_reason(programs: Any, called: Called, waited: list[float]) -> None:
    programs.say("nft", code=1, complaint="no such table")
    programs.say("unde-etcdctl", code=1, complaint="connection refused")
    result = called(gates_info, gates=[VOTES, BASE], retries=0, required=True)
    assert (result["failed"], result["msg"]) == (True, "11 votes: connection refused; 1 base: no such table")
    assert not result["gates"]["1 base"]["green"]


def test_what_is_required_and_green(programs: Any, called: Called) -> None:
    programs.say("nft", "table inet unde_firewall {}")
    assert called(gates_info, gates=[BASE], required=True)["gates"] == {"1 base": FILTERS}


@pytest.mark.parametrize(("gate", "says"), [
    ({"name": "votes", "problem": "'vault_keys' is undefined"}, "'vault_keys' is undefined"),
    ({"name": "moon"}, "there is no gate moon; there are backups, base, "),
    ({"name": "votes"}, "TypeError: votes() missing 1 required keyword-only argument: 'members'"),
    ({"name": "tunnels", "parameters": {"tunnels": [{}]}}, "KeyError: 'far_address'"),
])  # fmt: skip
def test_one_gate_that_cannot_be_measured_leaves_the_others(gate: dict[str, Any], says: str, programs: Any, called: Called) -> None:
    programs.say("nft", "table inet unde_firewall {}")
    result = called(gates_info, gates=[{**gate, "key": "bad"}, BASE])
    assert not result["gates"]["bad"]["green"]
    assert result["gates"]["bad"]["says"].startswith(says)
    assert result["gates"]["1 base"] == FILTERS


def test_a_long_complaint_is_told_in_one_line_and_cut(programs: Any, called: Called) -> None:
    programs.say("nft", code=1, complaint="a\n  b\t" + "c" * 500)
    says = called(gates_info, gates=[BASE])["gates"]["1 base"]["says"]
    assert (says[:6], says[-3:], len(says)) == ("a b cc", "c …", 300)


def test_a_secret_goes_to_its_gate_and_is_never_told(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(host: object, *, keys: dict[str, str]) -> str:
        return f"came in with {keys['access']}"

    monkeypatch.setitem(registry.GATES, "votes", measure)
    result = called(gates_info, gates=[{"name": "votes", "key": "11 votes", "secrets": {"keys": {"access": "the-secret-value"}}}])
    assert result["gates"]["11 votes"]["green"]
    assert "the-secret-value" not in str(result)
