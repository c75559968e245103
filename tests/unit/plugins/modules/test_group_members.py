"""The module ``unde.infra.group_members``: who is added, and what is told before the group and its users exist."""

from __future__ import annotations

import grp
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import group_members

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the members of the group unde-tls, the only one that there is."""
    names: list[str] = ["postgres"]

    def of(name: str) -> grp.struct_group:
        if name != "unde-tls":
            raise KeyError(name)
        return grp.struct_group(("unde-tls", "x", 2**20, list(names)))

    monkeypatch.setattr(grp, "getgrnam", of)
    return names


@pytest.mark.parametrize("check_mode", [True, False])
def test_who_is_not_in_it_is_added(check_mode: bool, members: list[str], programs: Any, called: Call) -> None:
    programs.say("usermod")
    result = called(group_members, check_mode, group="unde-tls", users=["postgres", "etcd"])
    assert result["actions"] == ["add etcd to group unde-tls"]
    assert result["diff"] == {"prepared": "add etcd to group unde-tls\n"}
    assert programs.asked == ([] if check_mode else ["usermod --append --groups unde-tls etcd"])


def test_who_is_in_it_is_left_alone(members: list[str], programs: Any, called: Call) -> None:
    result = called(group_members, group="unde-tls", users=["postgres"])
    assert (result["changed"], result["actions"], programs.asked) == (False, [], [])


def test_the_primary_group_counts(members: list[str], programs: Any, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.unde.infra.plugins.module_utils import accounts

    user = accounts.pwd.struct_passwd(("caddy", "x", 999, 2**20, "", "/", "/bin/false"))
    monkeypatch.setattr(accounts.pwd, "getpwall", lambda: [user])
    assert called(group_members, group="unde-tls", users=["caddy"])["actions"] == []


def test_a_group_that_is_not_there_yet(members: list[str], programs: Any, called: Call) -> None:
    assert called(group_members, True, group="later", users=["etcd"])["actions"] == ["add etcd to group later"]
    programs.say("usermod", code=6, complaint="usermod: group 'later' does not exist\n")
    result = called(group_members, group="later", users=["etcd"])
    assert result["failed"]
    assert result["msg"] == "etcd was not added to group later: usermod: group 'later' does not exist"
