"""The module ``unde.infra.redis_instance_info``: what a host with Redis instances misses, what is foreign on it, and whom its instances follow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import redis_server, redis_start
from ansible_collections.unde.infra.plugins.modules import redis_instance_info

Call = Callable[..., dict[str, Any]]
RUNS = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
STOPPED = "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n"
MASKED = "LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n"
ABSENT = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Any, redis: Any) -> Path:
    """Have a host with the two instances `cache` and `limits`, which lacks nothing."""
    for name in ("etc", "data", "proc"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(redis_start, "CONFIGURATION", tmp_path / "etc")
    monkeypatch.setattr(redis_server, "DATA", tmp_path / "data")
    monkeypatch.setattr(redis_server, "KERNEL", tmp_path / "proc")
    monkeypatch.setattr(redis_server, "SOCKETS", tmp_path)
    for name in ("cache", "limits"):
        (tmp_path / f"etc/redis-{name}.conf").write_text("# Managed by unde.infra.redis: changes made here are overwritten.\n")
        (tmp_path / "data" / name).mkdir()
    programs.say("dpkg-query", "redis-server\tinstalled\t5:8.0.2\n")
    programs.say("systemctl show", "\n".join([MASKED, RUNS, RUNS]))
    return tmp_path


def asked(**more: Any) -> dict[str, Any]:
    """Return parameters for the two instances."""
    instances = [{"name": "cache", "admin_passwords": ["pw-of-cache"]}, {"name": "limits", "admin_passwords": ["pw-of-now", "pw-of-before"]}]
    return {"packages": ["redis-server"], "instances": instances} | more


def test_a_host_that_lacks_nothing(host: Path, called: Call) -> None:
    found = called(redis_instance_info, **asked())
    assert {key: value for key, value in found.items() if key not in ("invocation", "changed")} == {
        "missing_packages": [], "package_unit": {"exists": False, "masked": True}, "foreign_paths": [], "stopped_instances": [], "formerly_replicated": [],
        "masters": {}, "kernel_settings": [],
    }  # fmt: skip


def test_a_fresh_host(host: Path, called: Call, programs: Any) -> None:
    programs.say("dpkg-query", "", 1)
    programs.say("systemctl show", "\n".join([ABSENT, ABSENT, ABSENT]))
    for path in (host / "etc").iterdir():
        path.unlink()
    found = called(redis_instance_info, True, **asked())
    assert found["missing_packages"] == ["redis-server"]
    assert found["package_unit"] == {"exists": False, "masked": False}
    assert (found["stopped_instances"], found["foreign_paths"]) == (["cache", "limits"], [])


def test_an_instance_that_does_not_start_with_the_host_counts_as_stopped(host: Path, called: Call, programs: Any) -> None:
    programs.say("systemctl show", "\n".join([MASKED, RUNS.replace("enabled", "disabled"), RUNS]))
    assert called(redis_instance_info, **asked())["stopped_instances"] == ["cache"]


def test_a_configuration_of_somebody_else_is_foreign(host: Path, called: Call) -> None:
    (host / "etc/redis-cache.conf").write_text("port 7000\n")
    assert called(redis_instance_info, **asked())["foreign_paths"] == [str(host / "etc/redis-cache.conf")]


def test_data_without_a_configuration_is_foreign(host: Path, called: Call) -> None:
    (host / "etc/redis-limits.conf").unlink()
    assert called(redis_instance_info, **asked())["foreign_paths"] == []
    (host / "data/limits/dump.rdb").touch()
    assert called(redis_instance_info, **asked())["foreign_paths"] == [str(host / "data/limits")]


def test_data_of_the_package_s_own_instance_is_foreign_until_its_unit_is_masked(host: Path, called: Call, programs: Any) -> None:
    (host / "data/dump.rdb").touch()
    assert called(redis_instance_info, **asked())["foreign_paths"] == []
    programs.say("systemctl show", "\n".join([RUNS, RUNS, RUNS]))
    found = called(redis_instance_info, **asked())
    assert (found["foreign_paths"], found["package_unit"]) == ([str(host / "data/dump.rdb")], {"exists": True, "masked": False})


def test_kernel_settings_that_differ(host: Path, called: Call) -> None:
    (host / "proc/vm").mkdir()
    (host / "proc/vm/overcommit_memory").write_text("0\n")
    (host / "proc/vm/swappiness").write_text("60\n")
    found = called(redis_instance_info, **asked(kernel_settings={"vm.overcommit_memory": 1, "vm.swappiness": 60, "vm.of_another_kernel": 1}))
    assert found["kernel_settings"] == ["vm.overcommit_memory"]


def test_one_that_had_copies_is_asked_whom_it_follows(host: Path, called: Call, redis: Any) -> None:
    for name in ("cache", "limits"):
        (host / f"etc/replication-{name}.json").touch()
    redis.server(f"{host}/redis-cache/redis-server.sock", {"admin": "pw-of-cache"})
    redis.server(f"{host}/redis-limits/redis-server.sock", {"admin": "pw-of-before"}, following="10.2.0.94", loading=3)
    found = called(redis_instance_info, True, **asked())
    assert (found["formerly_replicated"], found["masters"]) == (["cache", "limits"], {"limits": "10.2.0.94"})


def test_one_that_keeps_its_copies_or_does_not_run_is_not_asked(host: Path, called: Call, programs: Any) -> None:
    for name in ("cache", "limits"):
        (host / f"etc/replication-{name}.json").touch()
    programs.say("systemctl show", "\n".join([MASKED, RUNS, STOPPED]))
    instances = [{"name": "cache", "replicated": True}, {"name": "limits"}]
    assert called(redis_instance_info, **asked(instances=instances))["formerly_replicated"] == []


def test_one_that_had_copies_and_knows_no_password(host: Path, called: Call, redis: Any) -> None:
    (host / "etc/replication-limits.json").touch()
    redis.server(f"{host}/redis-limits/redis-server.sock", {"admin": "another"})
    found = called(redis_instance_info, **asked())
    assert found["failed"]
    assert "give the one before in redis_passwords_former (vault_redis_passwords/limits-admin)" in found["msg"]


def test_one_that_had_copies_and_does_not_answer(host: Path, called: Call) -> None:
    (host / "etc/replication-limits.json").touch()
    assert called(redis_instance_info, **asked())["msg"] == "limits: Connection refused"


def test_where_the_library_is_missing(host: Path, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    assert not called(redis_instance_info, **asked()).get("failed")
    (host / "etc/replication-limits.json").touch()
    assert "redis" in called(redis_instance_info, **asked())["msg"]
