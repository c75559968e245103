"""The module ``unde.infra.messages_change``: how far each call goes, what it waits for, and what it refuses; the rest is the scenario of postgres_shard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import messages_change

Call = Callable[..., dict[str, Any]]
NOW, WANTED = {"embedding_index": "vector", "partitions": 64}, {"embedding_index": "bits"}
OPTIONS = {"programs": "/usr/lib/postgresql/17/bin", "shape": WANTED}


def stands(programs: Any, state: str, shape: dict[str, Any] = NOW, other: dict[str, Any] | None = None) -> None:
    """Have a change stand at a state."""
    programs.say("json_build_object", {"state": state, "copied": 7, "expected": 9, "shape": shape, "other": other})


@pytest.fixture
def shard(programs: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the programs of a primary on which no change has begun."""
    monkeypatch.setattr(messages_change.time, "sleep", lambda seconds: None)
    programs.say("pg_is_in_recovery", "f\n")
    programs.say("IS NULL", "f\n")
    programs.say("CALL")
    programs.say("VACUUM")
    programs.say("differences()", "\n")
    stands(programs, "none")
    return programs


def calls(programs: Any) -> list[str]:
    """Return the procedures that were called."""
    return [line.partition("CALL ")[2] for line in programs.asked if "CALL " in line]


def test_what_has_the_shape_is_left_alone(shard: Any, called: Call) -> None:
    stands(shard, "none", {**NOW, **WANTED})
    result = called(messages_change, **OPTIONS)
    assert (result["changed"], result["done"], calls(shard)) == (False, True, [])


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_change_begins_with_its_shape(check_mode: bool, shard: Any, called: Call) -> None:
    result = called(messages_change, check_mode, **OPTIONS)
    assert result["changed"]
    assert calls(shard) == ([] if check_mode else ["""unde_private.begin_change('{"embedding_index": "bits"}', false)"""])
    assert check_mode or "-c SET lock_timeout = '300ms' -c CALL" in next(line for line in shard.asked if "CALL" in line)


def test_the_server_is_asked_as_its_system_user_with_nothing_of_root_s_environment(shard: Any, called: Call) -> None:
    called(messages_change, **OPTIONS)
    assert all(line.startswith("setpriv --reuid=postgres --regid=postgres --init-groups --reset-env -- env LC_ALL=C.UTF-8") for line in shard.asked)
    assert {way["expand_user_and_vars"] for way in shard.ways} == {False}


def test_a_part_of_the_messages_is_copied_with_each_call(shard: Any, called: Call) -> None:
    stands(shard, "filling", other={**NOW, **WANTED})
    result = called(messages_change, **OPTIONS, seconds=5, batch=100)
    assert (result["changed"], result["done"], result["copied"]) == (True, False, 7)
    assert calls(shard) == ["unde_private.copy_messages(5.0, 100, 67108864)"]


def test_full_tables_change_places_once_they_are_seen_to_be_the_same(shard: Any, called: Call) -> None:
    stands(shard, "full", other={**NOW, **WANTED})
    result = called(messages_change, **OPTIONS)
    assert (result["changed"], result["done"], calls(shard)) == (True, True, ["unde_private.exchange()"])
    shard.say("differences()", "3 rows\n")
    assert "the two tables do not hold the same: 3 rows. Nothing was exchanged" in called(messages_change, **OPTIONS)["msg"]


@pytest.mark.parametrize(("state", "other", "options", "words"), [
    ("exchanged", {**NOW}, {}, "the messages have changed to another shape: drop what is left of it first"),
    ("filling", {**NOW, "partitions": 4}, {}, "another change has begun"),
    ("none", None, {"step": "back"}, "there is nothing to go back to"),
])  # fmt: skip
def test_what_would_mix_two_changes_is_refused(state: str, other: dict[str, Any] | None, options: dict[str, str], words: str, shard: Any, called: Call) -> None:
    stands(shard, state, other=other)
    assert words in called(messages_change, **OPTIONS, **options)["msg"]
    assert calls(shard) == []


def test_a_lock_is_asked_for_again_and_given_up_in_the_end(shard: Any, called: Call) -> None:
    shard.say("CALL", code=1, complaint="ERROR:  55P03: canceling statement due to lock timeout")
    assert "somebody held a lock on the messages all the time" in called(messages_change, **OPTIONS, lock_attempts=3)["msg"]
    assert len(calls(shard)) == 3


def test_any_other_complaint_is_one(shard: Any, called: Call) -> None:
    shard.say("CALL", code=1, complaint="ERROR:  42501: permission denied")
    assert called(messages_change, **OPTIONS)["msg"] == "ERROR:  42501: permission denied"
    assert len(calls(shard)) == 1


@pytest.mark.parametrize(("step", "state", "changed"), [("drop", "exchanged", True), ("drop", "none", False), ("back", "exchanged", True)])
@pytest.mark.parametrize("check_mode", [True, False])
def test_the_former_table_is_gone_back_to_or_dropped(check_mode: bool, step: str, state: str, changed: bool, shard: Any, called: Call) -> None:
    stands(shard, state)
    result = called(messages_change, check_mode, **OPTIONS, step=step)
    assert (result["changed"], result["done"]) == (changed, True)
    assert bool(calls(shard)) is (changed and not check_mode)


def test_a_standby_does_nothing(shard: Any, called: Call) -> None:
    shard.say("pg_is_in_recovery", "t\n")
    result = called(messages_change, **OPTIONS)
    assert (result["changed"], result["done"], result["state"], calls(shard)) == (False, True, "standby", [])
