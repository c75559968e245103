"""The module ``unde.infra.redis_sentinel``: a sentinel watches what it is to watch, and is never told who leads what it watches already."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import redis_sentinel

Call = Callable[..., dict[str, Any]]
OWN, OTHER, THIRD = "10.2.0.4", "10.2.0.94", "10.2.0.50"
USERS = ["user default off", "user admin on"]
SETTINGS = {
    "resolve-hostnames": "no",
    "announce-hostnames": "no",
    "announce-ip": OWN,
    "announce-port": "26379",
    "sentinel-user": "peer",
    "sentinel-pass": "pw-of-peers",
}
#: Everything that a sentinel that knows nothing is told.
EVERYTHING = [
    "set announce-ip", "set announce-port", "set sentinel-user", "set sentinel-pass", "watch limits", "set down-after-milliseconds of limits",
    "set failover-timeout of limits", "set auth-user of limits", "set auth-pass of limits",
]  # fmt: skip


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Any]:
    """Return what the sentinel is to watch."""
    limits = {"name": "limits", "port": 6380, "copies": [OWN, OTHER], "password": "pw-of-limits"}
    return {
        "address": OWN, "state_file": str(tmp_path / "sentinel.conf"), "users": "\n".join([*USERS, ""]), "admin_passwords": ["pw-of-now", "pw-of-before"],
        "peer_password": "pw-of-peers", "members": [OWN, OTHER, THIRD], "quorum": 2, "down_after": 5, "failover_timeout": 30, "instances": [limits],
    }  # fmt: skip


@pytest.fixture
def fresh(redis: Any) -> Any:
    """Return a running sentinel that knows nothing, and sees everybody as soon as it watches."""
    more = {"sentinels": {"limits": [OTHER, THIRD]}, "copies": {"limits": [OTHER]}}
    return redis.server(
        f"{OWN}:26379",
        {"admin": "pw-of-before"},
        users=USERS,
        file=USERS,
        own={"announce-ip": "", "resolve-hostnames": "no", "announce-hostnames": "no"},
        **more,
    )


@pytest.fixture
def sentinel(fresh: Any, tmp_path: Path) -> Any:
    """Return a running sentinel that watches as is wanted."""
    fresh.own = dict(SETTINGS)
    fresh.do_sentinel_monitor("limits", OWN, 6380, 2)
    fresh.masters["limits"] |= {"down-after-milliseconds": 5000, "failover-timeout": 30000}
    (tmp_path / "sentinel.conf").write_text("sentinel auth-user limits sentinel\nsentinel auth-pass limits pw-of-limits\nport 26379\n")
    return fresh


def leads(redis: Any, address: str, **more: Any) -> Any:
    """Have a copy of the instance."""
    return redis.server(f"{address}:6380", {"sentinel": "pw-of-limits"}, **more)


def test_one_that_watches_as_wanted_is_told_nothing(wanted: dict[str, Any], sentinel: Any, called: Call) -> None:
    result = called(redis_sentinel, **wanted)
    assert (result["changed"], result["actions"], sentinel.told()) == (False, [], [])
    assert result["sees"] == [f"limits: {OWN} leads (master), 1 of 1 copies follow, 3 of 3 sentinels"]


def test_one_that_knows_nothing_is_told_everything_but_the_defaults(wanted: dict[str, Any], fresh: Any, redis: Any, called: Call) -> None:
    leads(redis, OWN)
    result = called(redis_sentinel, **wanted)
    assert result["actions"] == EVERYTHING
    assert result["diff"] == {"prepared": "".join(f"{each}\n" for each in EVERYTHING)}
    assert fresh.own == SETTINGS
    assert fresh.masters["limits"]["ip"] == OWN
    assert fresh.masters["limits"]["auth-pass"] == "pw-of-limits"
    assert not any(password in json.dumps(result) for password in ("pw-of-limits", "pw-of-peers", "pw-of-now"))


def test_on_a_fresh_host_check_mode_tells_what_the_run_does(wanted: dict[str, Any], called: Call, redis: Any) -> None:
    """Nobody is asked: the instances need not run either."""
    result = called(redis_sentinel, True, **wanted)
    assert (result["actions"], result["sees"]) == (EVERYTHING, [])


def test_check_mode_compares_the_file_of_one_that_does_not_run(wanted: dict[str, Any], tmp_path: Path, called: Call, redis: Any) -> None:
    (tmp_path / "sentinel.conf").write_text(
        f'port 26379\nsentinel myid 0123\nsentinel announce-ip "{OWN}"\nsentinel announce-port 26379\nsentinel sentinel-user peer\n'
        "sentinel sentinel-pass pw-of-peers\n"
        f"sentinel monitor limits {OTHER} 6380 2\nsentinel down-after-milliseconds limits 3000\nsentinel failover-timeout limits 30000\n"
        f"sentinel auth-user limits sentinel\nsentinel auth-pass limits pw-of-limits\nsentinel known-replica limits {OWN} 6380\n"
        f"sentinel monitor cache {OTHER} 6379 2\n"
    )
    assert called(redis_sentinel, True, **wanted)["actions"] == ["set down-after-milliseconds of limits", "stop watching cache"]


def test_check_mode_without_the_library(wanted: dict[str, Any], called: Call, monkeypatch: pytest.MonkeyPatch, redis: Any) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    assert called(redis_sentinel, True, **wanted)["actions"] == EVERYTHING
    assert called(redis_sentinel, **wanted)["failed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_differs_is_set(check_mode: bool, wanted: dict[str, Any], sentinel: Any, called: Call, tmp_path: Path) -> None:
    sentinel.users, sentinel.own["announce-ip"], sentinel.masters["limits"]["quorum"] = [], "192.0.2.1", 3
    (tmp_path / "sentinel.conf").write_text("sentinel auth-user limits sentinel\nsentinel auth-pass limits of-before\n")
    result = called(redis_sentinel, check_mode, **wanted)
    assert result["actions"] == ["load users", "set announce-ip", "set quorum of limits", "set auth-pass of limits"]
    assert result["sees"] == [f"limits: {OWN} leads (master), 1 of 1 copies follow, 3 of 3 sentinels"]
    assert sentinel.told() == ([] if check_mode else [
        "acl_load", f"SENTINEL CONFIG SET announce-ip {OWN}", "sentinel_set limits quorum 2", "sentinel_set limits auth-pass pw-of-limits",
    ])  # fmt: skip


def test_the_other_sentinels_know_who_leads_the_one_of_the_latest_failover_best(wanted: dict[str, Any], fresh: Any, redis: Any, called: Call) -> None:
    leads(redis, OWN, followers=1)
    for address, epoch, leader in ((OTHER, 7, OTHER), (THIRD, 3, OWN)):
        redis.server(f"{address}:26379", {"admin": "pw-of-now"}, masters={"limits": {"config-epoch": epoch, "ip": leader}})
    called(redis_sentinel, **wanted)
    assert fresh.masters["limits"]["ip"] == OTHER


def test_without_other_sentinels_the_copy_leads_that_is_followed(wanted: dict[str, Any], fresh: Any, redis: Any, called: Call) -> None:
    leads(redis, OWN)
    leads(redis, OTHER, followers=1)
    called(redis_sentinel, **wanted)
    assert fresh.masters["limits"]["ip"] == OTHER


def test_of_several_that_nobody_follows_the_layout_s_first_leads(wanted: dict[str, Any], fresh: Any, redis: Any, called: Call) -> None:
    leads(redis, OWN)
    leads(redis, OTHER)
    called(redis_sentinel, **wanted)
    assert fresh.masters["limits"]["ip"] == OWN


def test_where_no_copy_leads(wanted: dict[str, Any], fresh: Any, redis: Any, called: Call) -> None:
    leads(redis, OWN, following=OTHER)
    assert called(redis_sentinel, **wanted)["msg"] == f"limits: no copy at {OWN}, {OTHER} says that it leads: the role redis comes first"
    assert "watch limits" in called(redis_sentinel, True, **wanted)["actions"]


def test_one_that_watches_is_never_told_who_leads(wanted: dict[str, Any], sentinel: Any, redis: Any, called: Call) -> None:
    leads(redis, OWN, followers=1)
    sentinel.masters["limits"]["ip"] = OTHER
    assert called(redis_sentinel, **wanted)["actions"] == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_is_no_more_is_forgotten(check_mode: bool, wanted: dict[str, Any], sentinel: Any, called: Call) -> None:
    sentinel.sentinels["limits"] = [OTHER, THIRD, "10.2.0.51"]
    sentinel.copies["limits"] = [OTHER, "10.2.0.95"]
    sentinel.do_sentinel_monitor("cache", OWN, 6379, 2)
    result = called(redis_sentinel, check_mode, **wanted)
    assert result["actions"] == ["forget 10.2.0.51, 10.2.0.95 of limits", "stop watching cache"]
    assert sentinel.told() == ([] if check_mode else ["sentinel_reset limits", "sentinel_remove cache"])


def test_nothing_is_forgotten_while_the_master_is_lost(wanted: dict[str, Any], sentinel: Any, called: Call) -> None:
    sentinel.sentinels["limits"] = [OTHER, "10.2.0.51"]
    sentinel.masters["limits"]["flags"] = "s_down,master"
    result = called(redis_sentinel, **wanted)
    assert result["msg"] == f"limits: {OWN} leads (s_down,master), 1 of 1 copies follow, 3 of 3 sentinels"
    assert "sentinel_reset limits" not in sentinel.asked


def test_whoever_is_not_there_yet_is_waited_for_but_not_for_ever(wanted: dict[str, Any], sentinel: Any, called: Call) -> None:
    sentinel.copies["limits"] = []
    assert called(redis_sentinel, **wanted)["sees"] == [f"limits: {OWN} leads (master), 0 of 1 copies follow, 3 of 3 sentinels"]
    assert sentinel.asked.count("sentinel_master limits") > 20


def test_one_that_is_starting_is_waited_for(wanted: dict[str, Any], sentinel: Any, called: Call) -> None:
    sentinel.loading = 5
    assert called(redis_sentinel, **wanted)["actions"] == []


def test_one_that_does_not_answer(wanted: dict[str, Any], called: Call, redis: Any) -> None:
    assert called(redis_sentinel, **wanted)["msg"] == "the sentinel does not answer: Connection refused"


@pytest.mark.parametrize("check_mode", [True, False])
def test_one_that_knows_none_of_the_passwords(check_mode: bool, wanted: dict[str, Any], sentinel: Any, called: Call) -> None:
    sentinel.passwords["admin"] = "another"
    assert called(redis_sentinel, check_mode, **wanted)["msg"] == (
        "the sentinel knows none of the admin passwords given. If the password was changed, give the one before in "
        "redis_sentinel_passwords_former (vault_redis_passwords/sentinel-admin) for this run, or restart the sentinel."
    )
