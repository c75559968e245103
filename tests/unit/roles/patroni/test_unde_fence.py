"""The fence of a shard's member: how long its ports are open by what its Patroni says, and what the kernel is told."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import support
import unde

TTL_S, LOOP_S = 20, 5
LEADS, LEADS_NOT = 200, 503


@pytest.fixture
def program() -> Iterator[ModuleType]:
    """Return the program as a module."""
    loader = importlib.machinery.SourceFileLoader("unde_fence", str(support.ROOT / "roles/patroni/files/unde-fence"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for what their annotations name
    loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def kernel(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the kernel was told; ``refuses`` are the texts that it does not take."""
    told: dict[str, Any] = {"texts": [], "refuses": []}

    def nft(text: str) -> str:
        told["texts"].append(text)
        return "No such file or directory" if any(word in text for word in told["refuses"]) else ""

    monkeypatch.setattr(program, "nft", nft)
    return told


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (LEADS_NOT, {"role": "replica", "dcs_last_seen": 0}, TTL_S),
        (LEADS_NOT, {"role": "standby_leader"}, TTL_S),
        (LEADS, {"role": "primary", "dcs_last_seen": 1000}, 14),
        (LEADS, {"role": "primary", "dcs_last_seen": 990}, 4),
        (LEADS, {"role": "primary", "dcs_last_seen": 985}, -1),
        # Its lease is over, and its server has not stepped down yet.
        (LEADS_NOT, {"role": "primary", "dcs_last_seen": 1000}, 0),
        (LEADS_NOT, {"role": "demoted"}, 0),
        # In maintenance nobody is promoted, whatever has become of the lease.
        (LEADS_NOT, {"role": "primary", "dcs_last_seen": 1, "pause": True}, TTL_S),
    ],
)
def test_ports_are_open_no_longer_than_the_lease_surely_lasts(program: ModuleType, status: int, answer: dict[str, Any], expected: float) -> None:
    assert program.Lease(TTL_S, LOOP_S).open_s(status, answer, 1000.0, 50.0) == expected


def test_a_clock_that_was_set_back_prolongs_no_lease(program: ModuleType) -> None:
    lease = program.Lease(TTL_S, LOOP_S)
    answer = {"role": "primary", "dcs_last_seen": 1000}
    assert lease.open_s(LEADS, answer, 1001.0, 50.0) == 13
    assert lease.open_s(LEADS, answer, 900.0, 58.0) == 6
    # The next loop, by the clock as it is now.
    assert lease.open_s(LEADS, {"role": "primary", "dcs_last_seen": 902}, 903.0, 60.0) == 13


def test_what_nobody_may_be_promised_has_no_answer(program: ModuleType) -> None:
    with pytest.raises(KeyError):
        program.Lease(TTL_S, LOOP_S).open_s(LEADS, {"role": "primary"}, 1000.0, 50.0)


def test_the_first_rule_comes_with_its_time(program: ModuleType, kernel: dict[str, Any]) -> None:
    """A member that leads is not closed for a moment when its fence is built."""
    fence = program.Fence([5432, 6432])
    assert fence.put_off(1014.9) == ""
    [text] = kernel["texts"]
    assert text.startswith(program.REMOVED)
    assert "tcp dport { 5432, 6432 } jump lease" in text
    assert "meta time < 1014 return" in text
    assert fence.put_off(1016.0) == ""
    assert program.REMOVED not in kernel["texts"][-1]
    assert "meta time < 1016 return" in kernel["texts"][-1]


def test_without_a_lease_the_time_stays_what_it_was(program: ModuleType, kernel: dict[str, Any]) -> None:
    """Of a table that another process has made, too: its member is closed when that time is over, and not before."""
    for built in (True, False):
        assert program.Fence([5432], built).put_off(None) == ""
    assert all(text.startswith("list") for text in kernel["texts"])


def test_a_member_that_never_had_one_is_closed(program: ModuleType, kernel: dict[str, Any]) -> None:
    kernel["refuses"] = ["list chain"]
    assert program.Fence([5432]).put_off(None) == ""
    assert "meta time < 0 return" in kernel["texts"][-1]


def test_new_settings_take_the_place_of_old_ones_with_the_first_time(program: ModuleType, kernel: dict[str, Any]) -> None:
    assert program.Fence([5433]).put_off(1014.0) == ""
    assert kernel["texts"][-1].startswith(program.REMOVED)
    assert "tcp dport { 5433 }" in kernel["texts"][-1]


def test_no_ports_no_table(program: ModuleType, kernel: dict[str, Any]) -> None:
    for until in (None, 1014.0):
        assert program.Fence([]).put_off(until) == ""
    assert set(kernel["texts"]) == {program.REMOVED}


def test_rules_that_were_flushed_are_made_anew(program: ModuleType, kernel: dict[str, Any]) -> None:
    fence = program.Fence([5432], built=True)
    kernel["refuses"] = ["flush chain"]
    assert fence.put_off(1014.0) != ""
    assert not fence.built
    kernel["refuses"] = []
    assert fence.put_off(1016.0) == ""
    assert kernel["texts"][-1].startswith(program.REMOVED)
    assert fence.built


def test_nft_that_stood_still_ends_no_fence(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host may be frozen while it runs: a program that ended of it would have its unit open the ports when the host wakes."""

    def stood_still(argv: list[str], **_named: Any) -> None:
        raise subprocess.TimeoutExpired(argv, 10)

    monkeypatch.setattr(program.subprocess, "run", stood_still)
    assert "10" in program.Fence([5432], built=True).put_off(1014.0)


def test_the_plan_names_the_ports_of_server_and_pooler() -> None:
    planned = unde.inventory(support.estate({})).groups["role_patroni"]
    assert (planned["patroni_fence"], planned["patroni_fence_ports"]) == (True, [5432, 6432])
