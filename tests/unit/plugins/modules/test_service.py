"""The module ``unde.infra.service``: what runs is compared with its files, and brought to them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import systemd
from ansible_collections.unde.infra.plugins.modules import service

Call = Callable[..., dict[str, Any]]
NAME = "example.service"


def stamp(moment: float) -> str:
    """Return a moment as systemctl writes it."""
    return time.strftime("%a %Y-%m-%d %H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d} UTC"


def unit(started: float = 0, changed: float | None = None, **properties: str) -> str:
    """Return what systemctl says of a unit that runs since a moment."""
    said = {
        "LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no",
        "ActiveEnterTimestamp": stamp(started), "StateChangeTimestamp": stamp(started if changed is None else changed),
    }  # fmt: skip
    return "".join(f"{key}={value}\n" for key, value in (said | properties).items())


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Any]:
    """Return a service with a file of each kind, written now."""
    for name in ("unit.conf", "one.rule"):
        (tmp_path / name).touch()
    return {"name": NAME, "restart_files": [f"{tmp_path}/unit.conf"], "reload_files": [f"{tmp_path}/*.rule"]}


def written(place: dict[str, Any]) -> float:
    """Return when the files were written."""
    return os.stat(place["restart_files"][0]).st_ctime


def written_rule(folder: Path) -> float:
    """Return when the file of a reload was written."""
    return os.stat(folder / "one.rule").st_ctime


def systemctl(programs: Any) -> list[str]:
    """Return what systemctl was told to do."""
    return [line.removeprefix("systemctl ") for line in programs.asked if "systemctl show" not in line]


def test_a_service_that_was_started_after_its_files_is_left_alone(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl show", unit(written(place) + 0.01))
    result = called(service, services=[place])
    assert (result["changed"], result["actions"], result["pending"]) == (False, [], {})
    assert systemctl(programs) == []


def test_a_time_within_the_same_second_counts(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl", unit(written(place) - 0.01))
    assert called(service, services=[place])["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_younger_file_of_a_restart_restarts_and_reloads_nothing_besides(check_mode: bool, programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(written(place) - 60))
    result = called(service, check_mode, services=[place])
    assert result["actions"] == [f"restart {NAME}: {place['restart_files'][0]} younger than its start"]
    assert result["diff"] == {"prepared": f"{result['actions'][0]}\n"}
    assert systemctl(programs) == ([] if check_mode else [f"restart {NAME}"])


def test_where_no_restart_is_allowed_the_files_wait_and_the_rest_is_reloaded(
    programs: Any, called: Call, place: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda self, text: warnings.append(text))
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(written(place) - 60))
    result = called(service, services=[place], may_restart=False)
    assert result["pending"] == {NAME: place["restart_files"]}
    assert systemctl(programs) == [f"reload {NAME}"]
    assert ["-e unde_may_restart=true" in warning for warning in warnings] == [True]


def test_one_service_may_be_restarted_though_others_may_not(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", f"{unit(written(place) - 60)}\n{unit(written(place) - 60)}")
    place["reload_files"] = []
    result = called(service, services=[place, place | {"name": "a.timer", "may_restart": True}], may_restart=False)
    assert systemctl(programs) == ["restart a.timer"]
    assert result["pending"] == {NAME: place["restart_files"]}
    called(service, services=[place | {"may_restart": False}], may_restart=True)
    assert systemctl(programs) == ["restart a.timer"]


@pytest.mark.parametrize(("check_mode", "exists", "told"), [(True, False, False), (True, True, True), (False, False, True)])
def test_what_its_package_starts_is_told_with_the_package(
    check_mode: bool, exists: bool, told: bool, programs: Any, called: Call, place: dict[str, Any]
) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(LoadState="loaded" if exists else "not-found", ActiveState="inactive", UnitFileState="enabled" if exists else ""))
    result = called(service, check_mode, services=[place | {"package_starts": True}])
    assert (f"start {NAME}" in result["actions"]) is told


@pytest.mark.parametrize("active", [True, False])
def test_the_file_of_another_unit_is_read_before_the_restart(
    active: bool, programs: Any, called: Call, place: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "UNIT_FILES", place["restart_files"][0].removesuffix("unit.conf"))
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(written(place) - 60, ActiveState="active" if active else "inactive"))
    called(service, services=[place])
    assert systemctl(programs) == (["daemon-reload", f"restart {NAME}"] if active else [f"start {NAME}"])


def test_a_reload_counts_from_the_last_change_of_state(programs: Any, called: Call, place: dict[str, Any]) -> None:
    place = place | {"restart_files": []}
    now = os.stat(place["reload_files"][0].replace("*", "one")).st_ctime
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(now - 60, now + 1))
    assert called(service, services=[place])["actions"] == []
    programs.say("systemctl show", unit(now - 60, now - 30))
    assert called(service, services=[place])["actions"] == [
        f"reload {NAME}: {place['reload_files'][0].replace('*', 'one')} younger than its last start or reload"
    ]
    assert systemctl(programs) == [f"reload {NAME}"]


def test_what_waits_for_a_restart_can_forbid_the_reload(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(written(place) - 60))
    result = called(service, services=[place | {"reload_while_pending": False}], may_restart=False)
    assert (result["actions"], result["pending"]) == ([], {NAME: place["restart_files"]})


def test_a_mark_of_the_unit_counts_in_place_of_its_state(programs: Any, called: Call, place: dict[str, Any], tmp_path: Path) -> None:
    place = place | {"restart_files": [], "read_mark": str(tmp_path / "read")}
    programs.say("systemctl", "")
    # Its reload has failed: systemd has it active since then, and it has not read the file.
    programs.say("systemctl show", unit(written_rule(tmp_path) - 60, written_rule(tmp_path) + 60))
    assert called(service, services=[place])["changed"]
    time.sleep(0.01)
    (tmp_path / "read").touch()
    assert not called(service, services=[place])["changed"]


def test_what_does_not_run_is_enabled_and_started(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(LoadState="not-found", ActiveState="inactive", UnitFileState=""))
    assert called(service, services=[place])["actions"] == [f"enable {NAME}", f"start {NAME}"]
    # A unit that was written just now is unknown to systemd, which does not say so.
    assert systemctl(programs) == ["daemon-reload", f"enable {NAME}", f"start {NAME}"]


def test_a_service_that_needs_others_to_start_is_not_waited_for(programs: Any, called: Call) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(LoadState="not-found", ActiveState="inactive", UnitFileState=""))
    assert called(service, services=[{"name": NAME, "wait": False}])["actions"] == [f"enable {NAME}", f"start {NAME}"]
    assert systemctl(programs)[-1] == f"start --no-block {NAME}"


def test_what_runs_but_would_not_start_with_the_host_is_enabled(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(written(place) + 1, UnitFileState="disabled"))
    assert called(service, services=[place])["actions"] == [f"enable {NAME}"]


def test_a_service_that_is_to_be_stopped(programs: Any, called: Call, place: dict[str, Any]) -> None:
    place["state"] = "stopped"
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(1))
    assert called(service, services=[place])["actions"] == [f"stop {NAME}", f"disable {NAME}"]
    programs.say("systemctl show", unit(LoadState="not-found", ActiveState="inactive", UnitFileState=""))
    assert called(service, services=[place])["actions"] == []


def test_a_service_that_starts_and_stops_as_somebody_else_wants(programs: Any, called: Call, place: dict[str, Any]) -> None:
    place["state"] = "unchanged"
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(1, ActiveState="inactive", UnitFileState="disabled"))
    assert called(service, services=[place])["actions"] == []
    programs.say("systemctl show", unit(1, UnitFileState="disabled"))
    assert called(service, services=[place])["actions"] == [f"restart {NAME}: {place['restart_files'][0]} younger than its start"]


def test_files_that_a_run_in_check_mode_would_have_written_count(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl show", unit(written(place) + 60))
    rule = place["reload_files"][0].replace("*", "new")
    assert called(service, True, services=[place], changed_paths=[rule, "/etc/other"])["actions"] == [
        f"reload {NAME}: {rule} younger than its last start or reload"
    ]
    drop_in = "/etc/systemd/system/example.service.d/unde.conf"
    place["restart_files"] = [drop_in]
    result = called(service, True, services=[place], changed_paths=[drop_in])
    assert result["actions"] == ["daemon-reload", f"restart {NAME}: {drop_in} younger than its start"]
    # In a real run they are on the disk, and their time decides: it was started since.
    assert called(service, services=[place], changed_paths=[rule])["actions"] == []


def test_a_unit_that_a_run_in_check_mode_would_have_made_needs_no_daemon_reload(programs: Any, called: Call) -> None:
    """Nor does the run itself tell of one: systemd reads it when it is asked for."""
    paths = [f"/etc/systemd/system/{NAME}", f"/etc/systemd/system/{NAME}.d/unde.conf", "/etc/systemd/system/other.service"]
    programs.say("systemctl show", unit(LoadState="not-found", ActiveState="inactive", UnitFileState=""))
    assert called(service, True, services=[{"name": NAME}], changed_paths=paths)["actions"] == [f"enable {NAME}", f"start {NAME}"]
    programs.say("systemctl show", unit(ActiveState="inactive", UnitFileState="enabled"))
    for path in paths[:2]:
        assert called(service, True, services=[{"name": NAME}], changed_paths=[path])["actions"] == ["daemon-reload", f"start {NAME}"]
    assert called(service, True, services=[{"name": NAME}], changed_paths=paths[2:])["actions"] == [f"start {NAME}"]


def test_systemd_reads_a_unit_s_file_before_anything_else(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", unit(written(place) - 60, NeedDaemonReload="yes"))
    called(service, services=[place])
    assert systemctl(programs) == ["daemon-reload", f"restart {NAME}"]


def test_a_failure_is_told_in_systemctl_s_words(programs: Any, called: Call, place: dict[str, Any]) -> None:
    programs.say("systemctl restart", "", code=1, complaint="Job for example.service failed.\n")
    programs.say("systemctl show", unit(written(place) - 60))
    result = called(service, services=[place])
    assert result["failed"]
    assert result["msg"] == f"systemctl restart {NAME}: Job for example.service failed. (journalctl -u {NAME})"


def test_several_services_in_their_order(programs: Any, called: Call) -> None:
    programs.say("systemctl", "")
    programs.say("systemctl show", f"{unit(ActiveState='inactive')}\n{unit(1)}\n{unit(ActiveState='failed')}")
    services = [{"name": name} for name in ("a.timer", "b.service", "c.service")]
    assert called(service, services=services)["actions"] == ["start a.timer", "start c.service"]


@pytest.mark.parametrize(("text", "seconds"), [
    ("Mon 2026-11-30 10:00:00.250000 UTC", 1796032800.25), ("Mon 2026-11-30 10:00:00 UTC", 1796032800.0), ("", 0.0), ("n/a", 0.0),
])  # fmt: skip
def test_a_time_stamp(text: str, seconds: float) -> None:
    assert systemd.moment(text) == seconds
