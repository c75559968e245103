"""The module ``unde.infra.redis_instances``, and what an instance does itself before it starts."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import redis_server, redis_start
from ansible_collections.unde.infra.plugins.modules import redis_instances

import support

Call = Callable[..., dict[str, Any]]
RUNS = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n"
ABSENT = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no\n"
UNIT = "redis-server@limits.service"
CODE = "#!lua name=unde\n"


@pytest.fixture
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Any, redis: Any) -> dict[str, Any]:
    """Return what is wanted of the instance `limits`."""
    monkeypatch.setattr(redis_server, "SOCKETS", tmp_path)
    monkeypatch.setattr(redis_server, "DATA", tmp_path)
    programs.say("systemctl", "")
    programs.say("systemctl show", RUNS)
    return {
        "name": "limits", "admin_passwords": ["pw-of-now", "pw-of-before"], "users": "user default off\nuser admin on\n\n", "functions": CODE,
        "configuration": '# A comment.\nmaxmemory 48mb\nsave ""\naclfile /etc/redis/users-limits.acl\ninclude /etc/redis/role-limits.conf\n',
    }  # fmt: skip


@pytest.fixture
def server(tmp_path: Path, redis: Any, limits: dict[str, Any]) -> Any:
    """Return the running instance, which is as it is wanted."""
    users = ["user default off", "user admin on"]
    config = {"maxmemory": "50331648", "save": "", "aclfile": "/etc/redis/users-limits.acl"}
    place = f"{tmp_path}/redis-limits/redis-server.sock"
    return redis.server(place, {"admin": "pw-of-before"}, config=config, users=users, file=users, code=CODE, fixed={"aclfile"})


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the run warns of."""
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda self, text: said.append(text))
    return said


def systemctl(programs: Any) -> list[str]:
    """Return what systemctl was told to do."""
    return [line.removeprefix("systemctl ") for line in programs.asked if line.startswith("systemctl") and "show" not in line]


def test_one_that_is_as_wanted_is_left_alone(limits: dict[str, Any], server: Any, programs: Any, called: Call) -> None:
    result = called(redis_instances, instances=[limits])
    assert (result["changed"], result["actions"], result["pending"]) == (False, [], {})
    assert (server.told(), systemctl(programs)) == ([], [])


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_differs_is_brought_without_a_restart(check_mode: bool, limits: dict[str, Any], server: Any, programs: Any, called: Call) -> None:
    server.config["maxmemory"], server.users, server.code, server.loading = "25165824", ["user admin on"], "#!lua name=unde\nold", 2
    result = called(redis_instances, check_mode, instances=[limits])
    assert result["actions"] == ["set maxmemory of limits: '25165824' -> '50331648'", "load users of limits", "load functions of limits"]
    assert result["diff"] == {"prepared": "".join(f"{each}\n" for each in result["actions"])}
    assert server.told() == ([] if check_mode else ["config_set maxmemory 50331648", "acl_load", f"function_load {CODE}"])
    assert systemctl(programs) == []
    assert called(redis_instances, check_mode, instances=[limits])["changed"] is check_mode


def test_functions_that_are_wanted_no_more_are_removed(limits: dict[str, Any], server: Any, called: Call) -> None:
    assert called(redis_instances, instances=[limits | {"functions": ""}])["actions"] == ["remove functions of limits"]
    assert server.code == ""


def test_a_copy_has_the_functions_of_its_master(limits: dict[str, Any], server: Any, called: Call) -> None:
    server.following, server.code = "10.2.0.94", ""
    assert called(redis_instances, instances=[limits])["actions"] == []


def test_a_copy_follows_as_a_user_of_its_own_whose_password_nobody_says(limits: dict[str, Any], server: Any, called: Call) -> None:
    result = called(redis_instances, instances=[limits | {"replica_password": "secret-of-the-copies"}])
    assert result["actions"] == ["set masteruser of limits: None -> 'replica'", "set masterauth of limits"]
    assert (server.config["masteruser"], server.config["masterauth"]) == ("replica", "secret-of-the-copies")
    assert "secret-of-the-copies" not in json.dumps(result)
    assert "user default off" not in json.dumps(result)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_setting_of_the_start_restarts_where_that_is_allowed(check_mode: bool, limits: dict[str, Any], server: Any, programs: Any, called: Call) -> None:
    server.config["aclfile"] = "/etc/redis/users.acl"
    result = called(redis_instances, check_mode, instances=[limits])
    assert result["actions"] == [f"restart {UNIT}: aclfile can only be set at its start"]
    assert systemctl(programs) == ([] if check_mode else [f"restart {UNIT}"])
    assert result["pending"] == {}


@pytest.mark.parametrize("check_mode", [True, False])
def test_where_no_restart_is_allowed_it_waits_and_the_run_warns(
    check_mode: bool, limits: dict[str, Any], server: Any, programs: Any, called: Call, warnings: list[str]
) -> None:
    server.config["aclfile"] = "/etc/redis/users.acl"
    result = called(redis_instances, check_mode, instances=[limits], may_restart=False)
    assert (result["changed"], result["pending"]) == (False, {"limits": ["aclfile"]})
    assert warnings == ["limits runs without aclfile until it is restarted, which needs an explicit yes (-e unde_may_restart=true)"]
    assert systemctl(programs) == []


def test_every_instance_is_treated(limits: dict[str, Any], server: Any, programs: Any, redis: Any, tmp_path: Path, called: Call) -> None:
    programs.say("systemctl show", f"{RUNS}\n{RUNS}")
    redis.server(f"{tmp_path}/redis-cache/redis-server.sock", {"admin": "pw-of-cache"})
    cache = {"name": "cache", "admin_passwords": ["pw-of-cache"], "configuration": "maxmemory 1kb", "users": ""}
    server.config["maxmemory"] = "1"
    assert called(redis_instances, instances=[cache, limits])["actions"] == [
        "set maxmemory of cache: None -> '1024'", "set maxmemory of limits: '1' -> '50331648'",
    ]  # fmt: skip


@pytest.mark.parametrize("stale", ["NeedDaemonReload", "changed_paths"])
@pytest.mark.parametrize("check_mode", [True, False])
def test_systemd_reads_a_drop_in_anew_without_a_restart(stale: str, check_mode: bool, limits: dict[str, Any], server: Any, programs: Any, called: Call) -> None:
    changed = [f"/etc/systemd/system/{UNIT}.d/unde.conf"] if stale == "changed_paths" else ["/etc/systemd/system/other.service.d/unde.conf"]
    programs.say("systemctl show", RUNS.replace("NeedDaemonReload=no", "NeedDaemonReload=yes") if stale == "NeedDaemonReload" else RUNS)
    assert called(redis_instances, check_mode, instances=[limits], changed_paths=changed)["actions"] == ["daemon-reload"]
    assert systemctl(programs) == ([] if check_mode else ["daemon-reload"])


def test_on_a_fresh_host_check_mode_tells_what_the_run_does(limits: dict[str, Any], server: Any, programs: Any, called: Call) -> None:
    programs.say("systemctl show", ABSENT)
    paths = [f"/etc/systemd/system/{UNIT}.d/unde.conf"]
    foretold = called(redis_instances, True, instances=[limits], changed_paths=paths)["actions"]
    assert systemctl(programs) == []
    server.code = ""
    assert called(redis_instances, instances=[limits], changed_paths=paths)["actions"] == foretold
    assert foretold == [f"enable {UNIT}", f"start {UNIT}", "load functions of limits"]
    assert systemctl(programs) == ["daemon-reload", f"enable {UNIT}", f"start {UNIT}"]


def test_check_mode_foretells_no_functions_where_data_or_a_master_brings_them(limits: dict[str, Any], tmp_path: Path, programs: Any, called: Call) -> None:
    programs.say("systemctl show", ABSENT)
    started = [f"enable {UNIT}", f"start {UNIT}"]
    assert called(redis_instances, True, instances=[limits | {"leads_first": False}])["actions"] == started
    (tmp_path / "limits").mkdir()
    (tmp_path / "limits/appendonlydir").mkdir()
    assert called(redis_instances, True, instances=[limits])["actions"] == started


def test_one_that_runs_but_would_not_start_with_the_host_is_enabled(limits: dict[str, Any], server: Any, programs: Any, called: Call) -> None:
    programs.say("systemctl show", RUNS.replace("enabled", "disabled"))
    assert called(redis_instances, instances=[limits])["actions"] == [f"enable {UNIT}"]
    assert systemctl(programs) == [f"enable {UNIT}"]


def test_one_that_does_not_start(limits: dict[str, Any], programs: Any, called: Call) -> None:
    programs.say("systemctl show", ABSENT)
    programs.say("systemctl start", code=1, complaint="Job failed.")
    programs.say("journalctl", "Bad directive\n")
    assert called(redis_instances, instances=[limits])["msg"] == f"start {UNIT}: Job failed.\nBad directive"


def test_one_that_knows_none_of_the_passwords(limits: dict[str, Any], server: Any, called: Call) -> None:
    server.passwords["admin"] = "another"
    assert called(redis_instances, instances=[limits])["msg"] == (
        "limits: the running instance knows none of the admin passwords given. If the password was changed, give the one before in redis_passwords_former "
        "(vault_redis_passwords/limits-admin) for this run, or restart the instance."
    )


def test_one_that_does_not_answer(limits: dict[str, Any], called: Call) -> None:
    assert called(redis_instances, instances=[limits])["msg"] == "limits: Connection refused"


def test_where_the_library_is_missing(limits: dict[str, Any], server: Any, called: Call, monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    assert called(redis_instances, instances=[limits])["failed"]
    result = called(redis_instances, True, instances=[limits])
    assert (result["actions"], warnings) == ([], ["What runs was not asked, since python3-redis is missing: limits"])


# ── Before an instance with copies starts ─────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: Any) -> dict[str, Any]:
    """Return what an instance with copies is told of them, written where it looks."""
    known = {
        "address": "10.2.0.4", "port": 6380, "master": "10.2.0.94", "sentinels": ["10.2.0.4:26379", "10.2.0.94:26379"],
        "password": "of-the-copies", "sentinel_password": "of-the-clients",
    }  # fmt: skip
    (tmp_path / "replication-limits.json").write_text(json.dumps(known))
    monkeypatch.setattr(redis_start, "CONFIGURATION", tmp_path)
    monkeypatch.setattr(shutil, "chown", lambda path, user, group: None)
    monkeypatch.setattr(sys, "argv", ["unde-redis", "begin", "limits"])
    return known


def sentinel(redis: Any, place: str, epoch: int, leader: str) -> None:
    """Have a sentinel that says who leads."""
    redis.server(place, {"client": "of-the-clients"}, masters={"limits": {"config-epoch": epoch, "ip": leader}})


def begun(tmp_path: Path) -> list[str]:
    """Return what is written of whom the instance follows."""
    redis_start.main()
    return (tmp_path / "role-limits.conf").read_text().splitlines()[1:]


AS_WHOM = ["masteruser replica", "masterauth of-the-copies"]


def test_before_there_are_sentinels_the_layout_s_first_leads(copies: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    assert begun(tmp_path) == [*AS_WHOM, "replicaof 10.2.0.94 6380"]
    assert capsys.readouterr().out == "limits: no sentinel answers, 10.2.0.94 leads\n"
    assert stat.S_IMODE(os.stat(tmp_path / "role-limits.conf").st_mode) == 0o640


def test_the_sentinel_of_the_latest_failover_counts(copies: dict[str, Any], tmp_path: Path, redis: Any, capsys: Any) -> None:
    sentinel(redis, "10.2.0.4:26379", 7, "10.2.0.4")
    sentinel(redis, "10.2.0.94:26379", 3, "10.2.0.94")
    (tmp_path / "role-limits.new").write_text("left by a start that was killed")
    assert begun(tmp_path) == AS_WHOM
    assert capsys.readouterr().out == "limits: the sentinels say, this one leads\n"


def test_a_sentinel_that_knows_no_such_master_is_not_counted(copies: dict[str, Any], tmp_path: Path, redis: Any) -> None:
    redis.server("10.2.0.4:26379", {"client": "of-the-clients"})
    sentinel(redis, "10.2.0.94:26379", 0, "10.2.0.4")
    assert begun(tmp_path) == AS_WHOM


@pytest.mark.parametrize("last", [AS_WHOM, [*AS_WHOM, "replicaof 10.2.0.7 6380"]])
def test_where_no_sentinel_answers_it_follows_the_one_of_the_last_time(last: list[str], copies: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "role-limits.conf").write_text("\n".join(["# Written", *last]) + "\n")
    assert begun(tmp_path) == last


def test_without_an_instance_the_program_says_how_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["unde-redis"])
    with pytest.raises(SystemExit, match="usage: unde-redis begin <instance>"):
        redis_start.main()


def test_the_program_on_the_host_is_the_modules_own_file() -> None:
    program = support.ROOT / "roles/redis/files/unde-redis.py"
    assert program.read_text() == Path(redis_start.__file__).read_text()
    assert "ansible" not in "".join(line for line in program.read_text().splitlines() if "import" in line)
