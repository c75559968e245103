"""The module ``unde.infra.patroni_member_info``: what a member needs to be under Patroni, what stands against touching it, what the store still lacks."""

from __future__ import annotations

import io
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.unde.infra.plugins.doc_fragments.patroni_member import ModuleDocFragment
from ansible_collections.unde.infra.plugins.module_utils import patroni
from ansible_collections.unde.infra.plugins.modules import patroni_member_info

ADDRESSES = {"pg-a": "192.0.2.1", "pg-b": "192.0.2.2"}
WANTED = {"ttl": 20, "loop_wait": 5, "postgresql": {"use_slots": True, "parameters": {"max_connections": 100, "work_mem": "4MB"}}}
PRIMARY = {"in_recovery": False, "receiver": None, "standbys": [{"address": "192.0.2.2", "state": "streaming", "lag": 0}]}
STANDBY = {"in_recovery": True, "receiver": {"status": "streaming", "sender": "192.0.2.2"}, "standbys": []}
LEADS = {"role": "primary", "state": "running"}
CONFIGURATION = """# Written by Ansible
scope: "shard0"
name: "pg-a"

restapi:
  connect_address: "198.51.100.7:8008"

postgresql:
  listen: "127.0.0.1,192.0.2.1:5432"
  connect_address: "192.0.2.1:5432"
  data_dir: "{data}"
"""

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def host(tmp_path: Path, programs: Any) -> dict[str, Any]:
    """Return the parameters of a member with data, whose PostgreSQL does not run and which Patroni knows nothing of."""
    (tmp_path / "main").mkdir()
    (tmp_path / "main/PG_VERSION").write_text("17\n")
    programs.say("systemctl show", "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n")
    programs.say("psql", code=2)
    programs.say("dpkg-query", "patroni\tinstalled\t4.0\npython3-etcd\tinstalled\t0.4\nnftables\tinstalled\t1.1\n")
    return {
        "scope": "shard0", "name": "pg-a", "address": ADDRESSES["pg-a"], "members": [{"name": name, "address": address} for name, address in ADDRESSES.items()],
        "dynamic_configuration": WANTED, "postgresql_version": "17", "data_directory": str(tmp_path / "main"), "tls_directory": str(tmp_path / "tls"),
        "configuration_file": str(tmp_path / "config.yml"), "adoption_file": str(tmp_path / "adopted"), "maximum_lag": 1000,
    }  # fmt: skip


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the answers of the members' REST API: address and path → what it says; nobody answers before something is put in."""
    answers: dict[tuple[str, str], dict[str, Any]] = {}
    monkeypatch.setattr(patroni.Member, "ask", lambda self, address, path: answers.get((address, path)))
    return answers


def under_patroni(host: dict[str, Any], programs: Any, api: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Make the member one that Patroni runs as it should: this one leads."""
    Path(host["configuration_file"]).write_text(CONFIGURATION.format(data=host["data_directory"]))
    Path(host["adoption_file"]).touch()
    programs.say("systemctl show postgresql@17-main", "LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n")
    programs.say("systemctl show patroni", "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n")
    programs.say("pg_is_in_recovery", PRIMARY)
    api[ADDRESSES["pg-a"], "/patroni"] = LEADS
    api[ADDRESSES["pg-a"], "/config"] = json.loads(json.dumps(WANTED))


def test_a_member_that_is_as_it_should_be(host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    under_patroni(host, programs, api)
    assert called(patroni_member_info, **host) == {
        "changed": False, "installed": True, "running": True, "adoption": "", "postgresql_unit": {"known": True, "active": False, "masked": True},
        "has_data": True, "system_identifier": "", "refusals": [], "problem": "", "lagging": {}, "leads": True, "dynamic_changes": {},
        "restart_parameters": [], "pending_restart": False, "pending_restart_reason": {},
        "invocation": {"module_args": {**host, "postgresql_port": 5432, "api_port": 8008}},
    }  # fmt: skip


@pytest.mark.parametrize("packages", ["patroni\tinstalled\t4.0\n", "patroni\tconfig-files\t4.0\npython3-etcd\tinstalled\t0.4\n"])
def test_a_package_that_is_missing(packages: str, host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    programs.say("dpkg-query", packages, code=1)
    assert not called(patroni_member_info, **host)["installed"]


@pytest.mark.parametrize(("server", "data", "signal", "adoption"), [
    (PRIMARY, True, False, "adopt-primary"),
    (STANDBY, True, True, "adopt-standby"),
    (None, True, False, "start-primary"),
    (None, True, True, "start-standby"),
    (None, False, False, "clone"),
])  # fmt: skip
def test_what_a_member_needs(server: Any, data: bool, signal: bool, adoption: str, host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    directory = Path(host["data_directory"])
    if server:
        programs.say("pg_is_in_recovery", server)
    if signal:
        (directory / "standby.signal").touch()
    if not data:
        (directory / "PG_VERSION").unlink()
    result = called(patroni_member_info, **host)
    assert (result["adoption"], result["has_data"]) == (adoption, data)


@pytest.mark.parametrize("lacking", ["adoption file", "mask", "enabled", "active"])
def test_a_member_that_was_handed_over_by_half_is_handed_over_again(lacking: str, host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    """Patroni that dies and is started again and again is not running: it must be waited for."""
    under_patroni(host, programs, api)
    if lacking == "adoption file":
        Path(host["adoption_file"]).unlink()
    elif lacking == "mask":
        programs.say("systemctl show postgresql@17-main", "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n")
    elif lacking == "enabled":
        programs.say("systemctl show patroni", "LoadState=loaded\nActiveState=active\nUnitFileState=disabled\n")
    else:
        programs.say("systemctl show patroni", "LoadState=loaded\nActiveState=activating\nUnitFileState=enabled\n")
    assert called(patroni_member_info, **host)["adoption"] == "adopt-primary"


def test_postgresql_that_is_not_yet_patroni_s_child(host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    under_patroni(host, programs, api)
    programs.say("systemctl show postgresql@17-main", "LoadState=masked\nActiveState=active\nUnitFileState=masked\n")
    result = called(patroni_member_info, **host)
    assert (result["adoption"], result["postgresql_unit"]) == ("adopt-primary", {"known": True, "active": True, "masked": True})


# ── What stands against it ────────────────────────────────────────────────────────────────────────────────────────────
def test_data_whose_server_is_down_is_not_touched(
    host: dict[str, Any], api: Any, programs: Any, called: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "17/bin").mkdir(parents=True)
    (tmp_path / "17/bin/pg_controldata").touch()
    monkeypatch.setattr(patroni, "PROGRAMS", tmp_path)
    programs.say("pg_controldata", "pg_control version number: 1700\nDatabase system identifier:           7412\n")
    result = called(patroni_member_info, **host)
    assert result["system_identifier"] == "7412"
    assert result["problem"] == (
        f"{host['data_directory']} holds system 7412, but PostgreSQL does not run, so its role and its lag are unknown. "
        "Start it (systemctl start postgresql@17-main.service), see that it streams, and run again."
    )


def test_an_adoption_that_was_killed_between_two_reboots_goes_on(host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    """Its file tells that the role was known when it began."""
    Path(host["configuration_file"]).touch()
    result = called(patroni_member_info, **host)
    assert (result["adoption"], result["problem"]) == ("start-primary", "")


@pytest.mark.parametrize(("leader", "problem"), [
    ("pg-b", "PostgreSQL runs here as a primary of its own while pg-b leads shard0: two primaries. Nothing was touched. Decide which one holds the truth;"),
    ("pg-a", ""),
])  # fmt: skip
def test_a_second_primary_is_not_touched(leader: str, problem: str, host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    programs.say("pg_is_in_recovery", PRIMARY)
    api[ADDRESSES["pg-a"], "/patroni"] = {"role": "replica", "state": "running"}
    api[ADDRESSES[leader], "/patroni"] = LEADS
    said = called(patroni_member_info, **host)["problem"]
    assert said.startswith(problem)
    assert bool(said) is bool(problem)


@pytest.mark.parametrize(("receiver", "problem"), [
    (None, "PostgreSQL runs here as a standby but does not stream (receiver absent). Mend the replication first, then run again."),
    ({"status": "waiting", "sender": None}, "PostgreSQL runs here as a standby but does not stream (receiver waiting). Mend the replication first, "),
    ({"status": "streaming", "sender": "192.0.2.9"}, "PostgreSQL streams here from 192.0.2.9, which is no member of shard0. Correct the layout or "),
])  # fmt: skip
@pytest.mark.parametrize("begun", [False, True])
def test_a_standby_that_does_not_stream_from_a_member(
    begun: bool, receiver: Any, problem: str, host: dict[str, Any], api: Any, programs: Any, called: Call
) -> None:
    """Before the adoption; once it has begun, Patroni itself mends that."""
    programs.say("pg_is_in_recovery", {**STANDBY, "receiver": receiver})
    if begun:
        Path(host["configuration_file"]).touch()
    said = called(patroni_member_info, **host)["problem"]
    assert said == "" if begun else said.startswith(problem)


@pytest.mark.parametrize(("standbys", "lagging"), [
    ([], {"pg-b": "does not stream from here"}),
    ([{"address": "192.0.2.2", "state": "catchup", "lag": 0}], {"pg-b": "is catchup, 0 bytes behind"}),
    ([{"address": "192.0.2.2", "state": "streaming", "lag": 1001}], {"pg-b": "is streaming, 1001 bytes behind"}),
    ([{"address": "192.0.2.2", "state": "streaming", "lag": None}], {"pg-b": "is streaming, None bytes behind"}),
    ([{"address": "192.0.2.2", "state": "streaming", "lag": 1000}, {"address": "192.0.2.9", "state": "startup", "lag": 5}], {}),
])  # fmt: skip
def test_standbys_that_have_not_caught_up(
    standbys: list[dict[str, Any]], lagging: dict[str, str], host: dict[str, Any], api: Any, programs: Any, called: Call
) -> None:
    programs.say("pg_is_in_recovery", {**PRIMARY, "standbys": standbys})
    assert called(patroni_member_info, **host)["lagging"] == lagging
    Path(host["configuration_file"]).touch()
    assert called(patroni_member_info, **host)["lagging"] == {}


@pytest.mark.parametrize(("change", "refusal"), [
    ({"scope": "shard7"}, "Patroni runs here as pg-a of shard0, asked for is pg-a of shard7 (patroni_name, patroni_scope), which etcd knows nothing of"),
    ({"name": "pg-b"}, "Patroni runs here as pg-a of shard0, asked for is pg-b of shard0 (patroni_name, patroni_scope), which etcd knows nothing of"),
    ({"postgresql_version": "18", "data_directory": "/var/lib/postgresql/18/main"},
     "the data is in {data}, asked for is PostgreSQL 18 in /var/lib/postgresql/18/main (patroni_postgresql_version, patroni_data_directory): docs/operate.md"),
    ({"address": "192.0.2.99"}, "the member runs at 192.0.2.1, patroni_address is 192.0.2.99, and the shard, its clients and its backups know it by the"),
])  # fmt: skip
def test_what_a_run_does_not_change(change: dict[str, str], refusal: str, host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    under_patroni(host, programs, api)
    refusals = called(patroni_member_info, **{**host, **change})["refusals"]
    assert len(refusals) == 1
    assert refusals[0].startswith(refusal.format(data=host["data_directory"]))
    programs.say("systemctl show patroni", "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n")
    assert called(patroni_member_info, **{**host, **change})["refusals"] == [], "who does not run can be told otherwise"


def test_a_slash_at_the_end_is_no_other_directory(host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    under_patroni(host, programs, api)
    assert called(patroni_member_info, **{**host, "data_directory": host["data_directory"] + "/"})["refusals"] == []


# ── What the store still lacks ────────────────────────────────────────────────────────────────────────────────────────
def test_what_differs_in_the_store(host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    under_patroni(host, programs, api)
    programs.say("context = 'postmaster'", ["max_connections", "wal_level"])
    stored = api[ADDRESSES["pg-a"], "/config"]
    stored["pause"] = True
    stored["postgresql"] |= {"pg_hba": ["local"], "parameters": {"max_connections": 50, "work_mem": "4MB", "wal_level": "replica"}}
    result = called(patroni_member_info, **host)
    assert result["dynamic_changes"] == {"postgresql": {"parameters": {"max_connections": 100, "wal_level": None}}}, "what is not ours stays"
    assert result["restart_parameters"] == ["max_connections", "wal_level"]


def test_a_change_that_needs_no_restart(host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    under_patroni(host, programs, api)
    programs.say("context = 'postmaster'", ["max_connections"])
    api[ADDRESSES["pg-a"], "/config"]["postgresql"]["parameters"]["work_mem"] = "8MB"
    assert called(patroni_member_info, **host)["restart_parameters"] == []


@pytest.mark.parametrize("silent", ["/config", "/patroni"])
def test_nothing_is_said_of_a_store_that_nobody_knows(silent: str, host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    under_patroni(host, programs, api)
    api[ADDRESSES["pg-a"], "/config"]["ttl"] = 99
    del api[ADDRESSES["pg-a"], silent]
    assert called(patroni_member_info, **host)["dynamic_changes"] == {}


def test_what_waits_for_a_restart(host: dict[str, Any], api: Any, programs: Any, called: Call) -> None:
    under_patroni(host, programs, api)
    reason = {"max_connections": {"old_value": "50", "new_value": "100"}}
    api[ADDRESSES["pg-a"], "/patroni"] = {"role": "replica", "state": "running", "pending_restart": True, "pending_restart_reason": reason}
    result = called(patroni_member_info, **host)
    assert (result["leads"], result["pending_restart"], result["pending_restart_reason"]) == (False, True, reason)


@pytest.mark.parametrize(("answer", "found"), [
    (b'{"state": "starting"}', {"state": "starting"}),
    (b"Service Unavailable", {}),
    (None, None),
])  # fmt: skip
def test_a_patroni_that_has_just_begun_answers_otherwise(
    answer: bytes | None, found: Any, host: dict[str, Any], programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an error and its state, with a page of text, or not at all."""

    class Context:
        def load_cert_chain(self, *files: str) -> None:
            assert files == (host["tls_directory"] + "/host.crt", host["tls_directory"] + "/host.key")

    def answers(url: str, **_: Any) -> None:
        assert url == "https://192.0.2.1:8008/patroni"
        raise ConnectionRefusedError if answer is None else urllib.error.HTTPError(url, 503, "", Message(), io.BytesIO(answer))

    monkeypatch.setattr(ssl, "create_default_context", lambda **_: Context())
    monkeypatch.setattr(urllib.request, "urlopen", answers)
    assert patroni.Member({"postgresql_port": 5432, "api_port": 8008, **host}, programs.run).status() == found


def test_without_a_certificate_nobody_is_asked(host: dict[str, Any], programs: Any) -> None:
    assert patroni.Member({"postgresql_port": 5432, "api_port": 8008, **host}, programs.run).status() is None


def test_the_options_that_are_shared_are_documented_as_they_are() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert {name: (each["type"], each.get("default"), each.get("required", False)) for name, each in documented.items()} == {
        name: (each["type"], each.get("default"), each.get("required", False)) for name, each in patroni.MEMBER.items()
    }
