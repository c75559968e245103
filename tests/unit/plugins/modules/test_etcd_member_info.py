"""The module ``unde.infra.etcd_member_info``: whether a member may be started, and what a run does not change of one that lives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import etcd
from ansible_collections.unde.infra.plugins.modules import etcd_member_info

ADDRESSES = {"etcd-1": "192.0.2.1", "etcd-2": "192.0.2.2", "etcd-3": "192.0.2.3"}
NEW = {"cluster": ",".join(f"{name}=https://{address}:2380" for name, address in ADDRESSES.items()), "state": "new"}
NONE = {"cluster": "", "state": ""}


def known(*names: str, **addresses: str) -> list[etcd.Entry]:
    """Return members as the others know them; those that are given by an address are there instead."""
    places = {**{name: ADDRESSES[name] for name in names}, **{name.replace("_", "-"): address for name, address in addresses.items()}}
    return [etcd.Entry(n, name, [f"https://{address}:2380"], [f"https://{address}:2379"]) for n, (name, address) in enumerate(places.items())]


@pytest.fixture
def host(tmp_path: Path, programs: Any) -> dict[str, Any]:
    """Return the parameters of a member whose host has a certificate and nothing else."""
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls/host.crt").touch()
    programs.say("systemctl show", "ActiveState=inactive\nMainPID=0\nUnitFileState=disabled\nNeedDaemonReload=no\n")
    return {
        "name": "etcd-1", "address": ADDRESSES["etcd-1"], "members": [{"name": name, "address": address} for name, address in ADDRESSES.items()],
        "cluster_token": "unde", "data_directory": str(tmp_path / "default"), "identity_file": str(tmp_path / "identity.env"),
        "configuration_file": str(tmp_path / "etcd"), "tls_directory": str(tmp_path / "tls"),
    }  # fmt: skip


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets the other members know such a cluster; without a call nobody answers."""
    answers: list[list[etcd.Entry]] = [[]]
    monkeypatch.setattr(etcd.Member, "ask", lambda self, address: answers[0])
    return lambda entries: answers.__setitem__(0, entries)


def filled(host: dict[str, Any], *, name: str = "etcd-1", token: str = "unde", joined: str = "yes", identity: bool = True) -> dict[str, Any]:
    """Give the host data, and say whose it is."""
    (Path(host["data_directory"]) / "member").mkdir(parents=True)
    if identity:
        text = f"UNDE_MEMBER_NAME={name}\nUNDE_MEMBER_JOINED={joined}\nETCD_INITIAL_CLUSTER_TOKEN={token}\n"
        Path(host["identity_file"]).write_text(text)
    Path(host["configuration_file"]).write_text("ETCD_INITIAL_ADVERTISE_PEER_URLS=https://192.0.2.1:2380\n")
    return host


def test_the_first_member_of_a_new_cluster(host: dict[str, Any], cluster: Callable[..., None], called: Callable[..., dict[str, Any]]) -> None:
    result = called(etcd_member_info, **host)
    assert (result["problem"], result["first_start"], result["running"], result["foreign_data"]) == ("", NEW, False, False)
    assert not result["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_without_a_certificate_nothing_starts(
    check_mode: bool, host: dict[str, Any], cluster: Callable[..., None], called: Callable[..., dict[str, Any]]
) -> None:
    """In a rehearsal the role that makes it has only been rehearsed."""
    (Path(host["tls_directory"]) / "host.crt").unlink()
    assert bool(called(etcd_member_info, check_mode, **host)["problem"]) is not check_mode


def test_a_member_that_lives(host: dict[str, Any], cluster: Callable[..., None], programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    cluster(known(*ADDRESSES))
    programs.say("systemctl show", "ActiveState=active\nMainPID=7\nUnitFileState=enabled\nNeedDaemonReload=yes\n")
    result = called(etcd_member_info, **filled(host))
    assert (result["problem"], result["first_start"], result["refusals"]) == ("", NONE, [])
    assert (result["running"], result["needs_daemon_reload"]) == (True, True)


@pytest.mark.parametrize(("data", "words"), [
    ({"identity": False}, "that no run of this role has made"),
    ({"name": "etcd-9"}, "of member etcd-9 of cluster unde"),
    ({"token": "another"}, "of member etcd-1 of cluster another"),
])  # fmt: skip
def test_foreign_data_is_in_the_way(
    data: dict[str, Any], words: str, host: dict[str, Any], cluster: Callable[..., None], called: Callable[..., dict[str, Any]]
) -> None:
    result = called(etcd_member_info, **filled(host, **data))
    assert result["foreign_data"]
    assert words in result["problem"]
    assert result["first_start"] == NONE


@pytest.mark.parametrize(("entries", "words"), [
    (known(*ADDRESSES), "there is a running cluster, which knows etcd-1 at https://192.0.2.1:2380"),
    (known("etcd-2", "etcd-3", etcd_1="192.0.2.77"), "which knows etcd-1 at https://192.0.2.77:2380"),
    (known("etcd-2", "etcd-3"), "which has no member etcd-1"),
])  # fmt: skip
def test_a_member_whose_data_is_lost_does_not_begin_anew(
    entries: list[etcd.Entry], words: str, host: dict[str, Any], cluster: Callable[..., None], called: Callable[..., dict[str, Any]]
) -> None:
    cluster(entries)
    problem = called(etcd_member_info, **host)["problem"]
    assert words in problem
    assert "replace_etcd_member.yml -e member=" in problem


def test_nor_does_it_while_nobody_answers(host: dict[str, Any], cluster: Callable[..., None], called: Callable[..., dict[str, Any]]) -> None:
    Path(host["identity_file"]).write_text("UNDE_MEMBER_NAME=etcd-1\nUNDE_MEMBER_JOINED=yes\nETCD_INITIAL_CLUSTER_TOKEN=unde\n")
    assert "no other member answers now" in called(etcd_member_info, **host)["problem"]


def test_one_that_was_added_joins(host: dict[str, Any], cluster: Callable[..., None], called: Callable[..., dict[str, Any]]) -> None:
    cluster([*known("etcd-2", "etcd-3"), etcd.Entry(9, "", ["https://192.0.2.1:2380"], [])])
    result = called(etcd_member_info, **host)
    assert (result["problem"], result["first_start"]["state"]) == ("", "existing")
    assert sorted(result["first_start"]["cluster"].split(",")) == sorted(NEW["cluster"].split(","))


def test_one_that_never_started_begins_with_the_others(host: dict[str, Any], cluster: Callable[..., None], called: Callable[..., dict[str, Any]]) -> None:
    cluster([*known("etcd-2", "etcd-3"), etcd.Entry(9, "etcd-1", ["https://192.0.2.1:2380"], [])])
    assert called(etcd_member_info, **host)["first_start"] == NEW


@pytest.mark.parametrize(("wish", "entries", "words"), [
    ({"cluster_token": "another"}, [], "the data is of member etcd-1 of cluster unde, etcd_token is another: keep the token"),
    ({"peer_port": 2390}, [], "asked for is https://192.0.2.1:2390 (etcd_address, etcd_peer_port)"),
    ({"address": "192.0.2.9"}, [], "-e member=the-host; one member after the other"),
    ({}, known("etcd-1", "etcd-2"), "etcd_members has etcd-3, which the running cluster has not"),
    ({}, known(*ADDRESSES, etcd_4="192.0.2.4"), "etcd_members has no etcd-4, which keeps its vote in the running cluster"),
])  # fmt: skip
def test_what_no_run_changes_is_refused(
    wish: dict[str, Any], entries: list[etcd.Entry], words: str, host: dict[str, Any], cluster: Callable[..., None], called: Callable[..., dict[str, Any]]
) -> None:
    cluster(entries)
    refusals = called(etcd_member_info, **{**filled(host), **wish}, inventory_name="the-host")["refusals"]
    assert len(refusals) == 1
    assert words in refusals[0]


def test_members_are_asked_through_the_peers_port(host: dict[str, Any], programs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(etcd.ssl, "create_default_context", lambda cafile: type("Context", (), {"load_cert_chain": lambda *_: None})())
    monkeypatch.setattr(etcd.urllib.request, "urlopen", lambda url, **_: asked.append(url) or (_ for _ in ()).throw(OSError("refused")))
    member = etcd.Member({**{"client_port": 2379, "peer_port": 2380}, **host}, programs.run)
    assert member.known() == []
    assert sorted(asked) == ["https://192.0.2.2:2380/members", "https://192.0.2.3:2380/members"]
