"""The module ``unde.infra.etcd_member``: what it does to a member, what it refuses, and what it tells in check mode."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import etcd, systemd
from ansible_collections.unde.infra.plugins.modules import etcd_member

ADDRESSES = {"etcd-1": "192.0.2.1", "etcd-2": "192.0.2.2", "etcd-3": "192.0.2.3"}
IDENTITY = "UNDE_MEMBER_NAME=etcd-1\nUNDE_MEMBER_JOINED={joined}\nETCD_INITIAL_CLUSTER_TOKEN=unde\n"


def url(name: str, port: int = 2379) -> str:
    """Return where a member is reached."""
    return f"https://{ADDRESSES[name]}:{port}"


def entries(*names: str) -> dict[str, Any]:
    """Return members as etcdctl lists them."""
    return {"members": [{"ID": n, "name": name, "peerURLs": [url(name, 2380)], "clientURLs": [url(name)]} for n, name in enumerate(names, 17)]}


def health(*healthy: str) -> list[dict[str, Any]]:
    """Return the health of all members' endpoints."""
    return [{"endpoint": url(name), "health": name in healthy} for name in ADDRESSES]


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Any]:
    """Return the parameters of a member that has data."""
    data = tmp_path / "default"
    (data / "member").mkdir(parents=True)
    (tmp_path / "identity.env").write_text(IDENTITY.format(joined="yes"))
    return {
        "name": "etcd-1", "address": ADDRESSES["etcd-1"], "members": [{"name": name, "address": address} for name, address in ADDRESSES.items()],
        "cluster_token": "unde", "data_directory": str(data), "identity_file": str(tmp_path / "identity.env"), "timeout": 0,
    }  # fmt: skip


@pytest.fixture
def running(programs: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the programs of a healthy cluster whose process was started with a heartbeat of 100."""
    programs.say("systemctl show", f"ActiveState=active\nMainPID={os.getpid()}\nUnitFileState=enabled\n")
    programs.say("systemctl restart")
    programs.say("member list", entries(*ADDRESSES))
    programs.say("endpoint health", health(*ADDRESSES))
    monkeypatch.setattr(systemd, "environment", lambda pid: {"ETCD_HEARTBEAT_INTERVAL": "100", "LANG": "C"})
    return programs


def test_a_member_that_runs_as_it_should_is_left_alone(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    result = called(etcd_member, **place, configuration="# a comment\nETCD_HEARTBEAT_INTERVAL=100\n")
    assert (result["changed"], result["actions"], result["degraded"]) == (False, [], "")
    assert not [line for line in running.asked if "restart" in line]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_member_that_runs_with_other_settings_is_restarted(
    check_mode: bool, running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]
) -> None:
    result = called(etcd_member, check_mode, **place, configuration="ETCD_HEARTBEAT_INTERVAL=150\n")
    assert result["changed"]
    assert result["diff"] == {"prepared": "restart etcd.service, whose process has another ETCD_HEARTBEAT_INTERVAL\n"}
    assert ("systemctl restart etcd.service" in running.asked) is not check_mode


def test_no_restart_where_none_is_allowed(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    assert not called(etcd_member, **place, configuration="ETCD_HEARTBEAT_INTERVAL=150\n", may_restart=False)["changed"]
    assert "systemctl restart etcd.service" not in running.asked


def test_no_restart_while_another_member_is_away(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    running.say("endpoint health", health("etcd-1", "etcd-2"))
    result = called(etcd_member, **place, configuration="ETCD_HEARTBEAT_INTERVAL=150\n")
    assert result["failed"]
    assert f"{url('etcd-3')} not healthy, a restart here could cost the quorum" in result["msg"]
    assert "systemctl restart etcd.service" not in running.asked


def test_another_member_that_is_away_is_reported_and_no_failure(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    running.say("endpoint health", health("etcd-1", "etcd-2"))
    result = called(etcd_member, **place, configuration="ETCD_HEARTBEAT_INTERVAL=100\n")
    assert (result["changed"], result["degraded"]) == (False, f"after 0 s not healthy: {url('etcd-3')}")


def test_a_member_without_a_quorum_fails(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    running.say("member list", code=1)
    result = called(etcd_member, **place, configuration="ETCD_HEARTBEAT_INTERVAL=100\n")
    assert result["failed"]
    assert result["msg"] == f"etcd-1: after 0 s {url('etcd-1')} has no quorum (journalctl -u etcd)"


def test_the_first_time_that_a_member_is_healthy_is_written_down(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    file = Path(place["identity_file"])
    file.write_text(IDENTITY.format(joined="no"))
    file.chmod(0o640)
    assert called(etcd_member, **place, configuration="ETCD_HEARTBEAT_INTERVAL=100\n")["changed"]
    assert (file.read_text(), file.stat().st_mode & 0o777) == (IDENTITY.format(joined="yes"), 0o640)
    assert not called(etcd_member, **place, configuration="ETCD_HEARTBEAT_INTERVAL=100\n")["changed"]


def empty(place: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a host whose data is gone."""
    (Path(place["data_directory"]) / "member").rmdir()
    return {**place, "state": "replaced"}


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_lost_member_is_replaced(check_mode: bool, running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    running.say("member remove", {})
    running.say("member add", {})
    result = called(etcd_member, check_mode, **empty(place), configuration=None)
    assert result["actions"] == [f"remove member etcd-1, at {url('etcd-1', 2380)}", f"add member etcd-1, at {url('etcd-1', 2380)}"]
    changes = [line for line in running.asked if "member remove" in line or "member add" in line]
    assert len(changes) == (0 if check_mode else 2)
    if not check_mode:
        assert changes[0].endswith("member remove 11"), "its number is in hexadecimal"
        assert result["first_start"]["state"] == "existing"
        assert result["first_start"]["cluster"] == ",".join(f"{name}={url(name, 2380)}" for name in ADDRESSES)


def test_a_replacement_goes_on_where_a_killed_run_stopped(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    waiting = {"ID": 99, "peerURLs": [url("etcd-1", 2380)]}
    running.say("member list", {"members": [*entries("etcd-2", "etcd-3")["members"], waiting]})
    result = called(etcd_member, **empty(place))
    assert (result["changed"], result["first_start"]["state"]) == (False, "existing")
    assert f"etcd-1={url('etcd-1', 2380)}" in result["first_start"]["cluster"].split(",")


def test_a_member_that_has_taken_its_place_is_left_alone(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    result = called(etcd_member, **place, state="replaced")
    assert (result["changed"], result["first_start"]) == (False, {"cluster": "", "state": ""})


@pytest.mark.parametrize(("answer", "words"), [
    ({"member list": {"code": 1}}, "no quorum among https://192.0.2.2:2379, https://192.0.2.3:2379, so no member can be replaced"),
    ({"endpoint health": {"output": health("etcd-2")}}, "https://192.0.2.3:2379 not healthy, the quorum could be lost"),
    ({"member remove": {"code": 1, "complaint": "unhealthy cluster"}}, "etcdctl member remove 11: unhealthy cluster"),
])  # fmt: skip
def test_a_replacement_that_could_cost_the_quorum_is_refused(
    answer: dict[str, dict[str, Any]], words: str, running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]
) -> None:
    for line, said in answer.items():
        running.say(line, **said)
    result = called(etcd_member, **empty(place))
    assert result["failed"]
    assert words in result["msg"]


def test_data_of_a_member_that_was_removed_is_in_the_way(running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    running.say("member list", entries("etcd-2", "etcd-3"))
    result = called(etcd_member, **place, state="replaced")
    assert result["failed"]
    assert "is of a member that is no longer in the cluster" in result["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_member_is_removed_once(check_mode: bool, running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    """By the others, whom it is not asked for."""
    running.say("member remove", {})
    result = called(etcd_member, check_mode, **place, state="removed")
    assert result["actions"] == [f"remove member etcd-1, at {url('etcd-1', 2380)}"]
    changes = [line for line in running.asked if "member remove" in line]
    assert [line.endswith("member remove 11") for line in changes] == ([] if check_mode else [True])
    assert not [line for line in running.asked if url("etcd-1") in line or "systemctl" in line]
    running.say("member list", entries("etcd-2", "etcd-3"))
    assert not called(etcd_member, **place, state="removed")["changed"]


@pytest.mark.parametrize(("line", "words"), [
    ("member list", "etcd-1: no quorum among https://192.0.2.2:2379, https://192.0.2.3:2379, so no member can be removed"),
    ("member remove", "etcdctl member remove 11: unhealthy cluster"),
])  # fmt: skip
def test_a_removal_without_a_quorum_is_refused(line: str, words: str, running: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    running.say(line, code=1, complaint="unhealthy cluster")
    assert words in called(etcd_member, **place, state="removed")["msg"]


def test_a_healthy_member_needs_its_configuration(programs: Any, called: Callable[..., dict[str, Any]], place: dict[str, Any]) -> None:
    assert "configuration" in called(etcd_member, **place)["msg"]


def test_the_options_that_are_shared_are_documented_as_they_are() -> None:
    import yaml
    from ansible_collections.unde.infra.plugins.doc_fragments.etcd_member import ModuleDocFragment

    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert {name: (each["type"], each.get("default"), each.get("required", False)) for name, each in documented.items()} == {
        name: (each["type"], each.get("default"), each.get("required", False)) for name, each in etcd.MEMBER.items()
    }
