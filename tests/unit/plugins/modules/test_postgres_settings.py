"""The module ``unde.infra.postgres_settings``: when a server is started, reloaded or restarted, and what waits for that."""

from __future__ import annotations

import grp
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import postgresql
from ansible_collections.unde.infra.plugins.modules import postgres_settings

Call = Callable[..., dict[str, Any]]
UNIT = "postgresql@17-main.service"
#: Of a setting that takes a restart.
CONNECTIONS = {"name": "max_connections", "setting": "100", "unit": "", "vartype": "integer"}


@pytest.fixture
def place(tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the parameters of a host whose server runs with what its files say."""
    monkeypatch.setattr(postgresql, "CONFIGURATION", tmp_path / "etc")
    monkeypatch.setattr(postgresql.time, "sleep", lambda seconds: programs.say("pg_conf_load_time", f"{time.time() + 60}\n"))
    configuration = tmp_path / "etc/17/main"
    (configuration / "conf.d").mkdir(parents=True)
    for name in ("postgresql.conf", "conf.d/unde.conf", "pg_hba.conf"):
        (configuration / name).touch()
    for directory in ("bin", "state", "tls"):
        (tmp_path / directory).mkdir()
    (tmp_path / "bin/psql").touch()
    programs.say("systemctl")
    programs.say("pg_isready")
    programs.say("pg_conf_load_time", f"{time.time() + 60}\n")
    programs.say("pg_hba_file_rules", "\n")
    programs.say("pending_restart", "\n")
    programs.say("postmaster.pid", "4711\n/data\n")
    programs.say("NOT applied", "\n")
    programs.say("json_agg", [])
    programs.say("pg_reload_conf", "t\n")
    monkeypatch.setattr(postgres_settings, "PROC", tmp_path / "proc")
    (tmp_path / "proc/4711").mkdir(parents=True)
    (tmp_path / "proc/4711/status").write_text(f"Name:\tpostgres\nGroups:\t117 {grp.getgrnam('daemon').gr_gid} \n")
    return {
        "version": "17", "programs": str(tmp_path / "bin"), "state_directory": str(tmp_path / "state"), "tls_directory": str(tmp_path / "tls"),
        "patroni_configuration": str(tmp_path / "patroni.yml"), "key_group": "daemon",
    }  # fmt: skip


def done(programs: Any) -> list[str]:
    """Return what was done to the server."""
    words = ("systemctl start", "systemctl restart", "pg_reload_conf")
    return [word for line in programs.asked for word in words if word in line]


def test_a_server_that_has_read_its_files_is_left_alone(place: dict[str, Any], programs: Any, called: Call) -> None:
    result = called(postgres_settings, **place)
    assert (result["changed"], result["state"], result["actions"], result["pending"], result["overridden"]) == (False, "running", [], [], [])
    assert done(programs) == []


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("younger", ["etc/17/main/conf.d/unde.conf", "etc/17/main/pg_hba.conf", "tls/host.crt"])
def test_a_file_that_it_has_not_read_has_it_reloaded(
    check_mode: bool, younger: str, place: dict[str, Any], programs: Any, called: Call, tmp_path: Path
) -> None:
    """So is a run made good that was killed before its reload."""
    read = max(path.stat().st_ctime for path in tmp_path.rglob("*"))
    programs.say("pg_conf_load_time", f"{read}\n")
    assert not called(postgres_settings, **place)["changed"]
    while (tmp_path / younger).stat().st_ctime <= read if (tmp_path / younger).exists() else True:
        (tmp_path / younger).touch()
    result = called(postgres_settings, check_mode, **place)
    assert result["actions"] == [f"reload {UNIT}"]
    assert done(programs) == ([] if check_mode else ["pg_reload_conf"])


@pytest.mark.parametrize(("written", "changed"), [("pg_hba.conf", True), ("conf.d/unde.conf", True), ("unit.conf", False)])
def test_in_check_mode_a_file_that_would_be_written_foretells_a_reload(
    written: str, changed: bool, place: dict[str, Any], programs: Any, called: Call, tmp_path: Path
) -> None:
    files = [str(tmp_path / "etc/17/main" / written)]
    assert called(postgres_settings, True, **place, written_files=files)["changed"] is changed
    assert not called(postgres_settings, False, **place, written_files=files)["changed"], "the server has read it"


def test_a_server_that_does_not_read_its_files_is_no_success(place: dict[str, Any], programs: Any, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.say("pg_conf_load_time", f"{time.time() - 60}\n")
    monkeypatch.setattr(postgres_settings, "RELOAD_S", 0)
    monkeypatch.setattr(postgresql.time, "sleep", lambda seconds: None)
    assert f"{UNIT} has not read its configuration within 0 s" in called(postgres_settings, **place)["msg"]


def test_what_the_server_would_ignore_is_refused_before_the_reload(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("pg_conf_load_time", f"{time.time() - 60}\n")
    programs.say("pg_hba_file_rules", 'pg_hba.conf:7: invalid authentication method "peeer"\n')
    words = called(postgres_settings, **place)["msg"]
    assert words == 'PostgreSQL refuses its new configuration; it keeps running with the old one:\npg_hba.conf:7: invalid authentication method "peeer"'
    assert done(programs) == []


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(("may_restart", "patroni", "restarted"), [(True, False, True), (False, False, False), (True, True, False)])
def test_a_setting_that_waits_has_it_restarted_where_that_is_allowed(
    check_mode: bool, may_restart: bool, patroni: bool, restarted: bool, place: dict[str, Any], programs: Any, called: Call, tmp_path: Path
) -> None:
    if patroni:
        (tmp_path / "patroni.yml").touch()
    programs.say("pending_restart", "max_connections\nwal_level\n")
    result = called(postgres_settings, check_mode, **place, may_restart=may_restart)
    assert result["actions"] == ([f"restart {UNIT} for max_connections, wal_level"] if restarted else [])
    assert result["pending"] == ([] if restarted and not check_mode else ["max_connections", "wal_level"])
    assert ("systemctl restart" in done(programs)) is (restarted and not check_mode)
    assert result["restart_with"] == ("patronictl restart" if patroni else "-e unde_may_restart=true")


def test_a_server_from_before_its_user_could_read_the_key_waits_for_a_restart(place: dict[str, Any], called: Call) -> None:
    assert called(postgres_settings, **{**place, "key_group": "nogroup"}, may_restart=False)["pending"] == ["access to the host's key"]
    assert called(postgres_settings, True, **{**place, "key_group": "no-such-group"}, may_restart=False)["pending"] == ["access to the host's key"]


@pytest.mark.parametrize(("row", "wanted", "waits"), [
    (CONNECTIONS, 101, True),
    (CONNECTIONS, "100", False),
    ({**CONNECTIONS, "name": "shared_buffers", "setting": "1048576", "unit": "8kB"}, "8GB", False),
    ({**CONNECTIONS, "name": "shared_buffers", "setting": "1048576", "unit": "8kB"}, "8193MB", True),
    ({**CONNECTIONS, "name": "wal_buffers", "setting": "2048", "unit": "8kB"}, -1, False),
    ({**CONNECTIONS, "name": "autovacuum_freeze_max_age", "setting": "200000000"}, "200000000", False),
    ({**CONNECTIONS, "name": "ssl", "setting": "on", "vartype": "bool"}, True, False),
    ({**CONNECTIONS, "name": "archive_mode", "setting": "off", "vartype": "enum"}, "on", True),
    ({**CONNECTIONS, "name": "listen_addresses", "setting": "127.0.0.1", "vartype": "string"}, "127.0.0.1,10.1.0.20", True),
])  # fmt: skip
def test_in_check_mode_a_restart_is_foretold_of_settings_that_are_not_written_yet(
    row: dict[str, str], wanted: object, waits: bool, place: dict[str, Any], programs: Any, called: Call
) -> None:
    programs.say("json_agg", [row])
    result = called(postgres_settings, True, **place, settings={row["name"]: wanted})
    assert (result["pending"], result["changed"]) == ([row["name"]] if waits else [], waits)
    assert not called(postgres_settings, **place, settings={row["name"]: wanted})["changed"], "the server itself says what waits"


def test_what_something_else_decides_is_told(place: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("NOT applied", "shared_buffers\nwork_mem\n")
    assert called(postgres_settings, **place)["overridden"] == ["shared_buffers", "work_mem"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_server_that_is_down_is_started(check_mode: bool, place: dict[str, Any], programs: Any, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.say("pg_isready", code=2)
    monkeypatch.setattr(postgresql.time, "sleep", lambda seconds: programs.say("pg_isready"))
    programs.say("NeedDaemonReload", "yes\n")
    result = called(postgres_settings, check_mode, **place)
    assert result["actions"] == [f"start {UNIT}"]
    assert done(programs) == ([] if check_mode else ["systemctl start"])
    assert ("systemctl daemon-reload" in programs.asked) is not check_mode


def test_a_server_that_does_not_start_shows_the_end_of_its_log(
    place: dict[str, Any], programs: Any, called: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.say("pg_isready", code=2)
    programs.say("is-active", code=3)
    monkeypatch.setattr(postgresql, "LOGS", tmp_path)
    (tmp_path / "postgresql-17-main.log").write_text("FATAL:  could not map anonymous shared memory\n")
    words = called(postgres_settings, **place)["msg"]
    assert f"{UNIT} does not answer; the end of {tmp_path}/postgresql-17-main.log:\nFATAL:  could not map" in words


def test_a_server_that_is_down_is_left_to_patroni(place: dict[str, Any], programs: Any, called: Call, tmp_path: Path) -> None:
    (tmp_path / "patroni.yml").touch()
    programs.say("pg_isready", code=2)
    result = called(postgres_settings, **place)
    assert (result["state"], result["actions"], done(programs)) == ("down", [], [])


@pytest.mark.parametrize(("missing", "new", "actions"), [("postgresql.conf", False, []), ("postgresql.conf", True, [f"start {UNIT}"]), ("", False, [])])
def test_without_a_cluster_nothing_is_done(
    missing: str, new: bool, actions: list[str], place: dict[str, Any], programs: Any, called: Call, tmp_path: Path
) -> None:
    """In check mode one that would be created is started."""
    if missing:
        (tmp_path / "etc/17/main" / missing).unlink()
    else:
        (tmp_path / "state/initializing").touch()
    result = called(postgres_settings, True, **place, new_cluster=new)
    assert (result["actions"], result["state"]) == (actions, "running" if new else "absent")
    assert called(postgres_settings, **place)["state"] == "absent"
    assert programs.asked == []
