"""The callback that compares check mode with the run: what counts as told."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import support

FILE = support.ROOT / "molecule/shared/callback/check_mode.py"
SPEC = importlib.util.spec_from_file_location("check_mode", FILE)
assert SPEC is not None
assert SPEC.loader is not None
check_mode = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_mode)
INSTALL = {"changed": True, "stdout": "Inst redis-server (8:8.0.2)\nConf redis-server\nInst python3-redis (6.1)\n"}
LIBRARY = {"changed": True, "stdout": "Inst python3-redis (6.1)\n"}


def task(role: str, name: str, action: str = "ansible.builtin.apt", host: str = "one", **result: Any) -> Any:
    """Return a task's result as a callback gets it."""
    return SimpleNamespace(
        _task=SimpleNamespace(_role=SimpleNamespace(get_name=lambda: f"unde.infra.{role}"), name=name, action=action),
        _host=SimpleNamespace(get_name=lambda: host), _result=result,
    )  # fmt: skip


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function: what a check told, and what the run then did → their differences."""
    monkeypatch.setenv("MOLECULE_EPHEMERAL_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("MOLECULE_PROJECT_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("MOLECULE_SCENARIO_NAME", "example")

    def compare(told: list[Any], done: list[Any], again: bool = False) -> dict[str, list[list[str]]]:
        if not again:
            (tmp_path / "check_mode.compared").unlink(missing_ok=True)
        for check, results in ((True, told), (False, done)):
            monkeypatch.setattr(check_mode.context, "CLIARGS", {"check": check})
            callback = check_mode.CallbackModule()
            for each in results:
                callback.v2_runner_on_ok(each)
            callback.v2_playbook_on_stats(None)
        return dict(json.loads((tmp_path / ".cache/test/check_mode/example.json").read_text()))

    return compare


def test_what_is_told_in_vain_and_what_is_not_told(compared: Any) -> None:
    found = compared([task("redis", "Install", **INSTALL), task("redis", "Same", changed=False)], [task("redis", "Start", "unde.infra.service", changed=True)])
    assert found == {"done and not told": [["redis", "Start", "one"]], "told and not done": [["redis", "Install", "one"]]}


def test_a_package_that_two_roles_miss_is_one_change(compared: Any) -> None:
    first, second = task("redis", "Install", **INSTALL), task("routing", "Install", **LIBRARY)
    assert compared([first, second], [first])["told and not done"] == []
    assert compared([second, first], [second])["told and not done"] == [["redis", "Install", "one"]]
    elsewhere = task("routing", "Install", host="two", **LIBRARY)
    assert compared([first, elsewhere], [first])["told and not done"] == [["routing", "Install", "two"]]


def test_a_unit_that_two_roles_mask_is_one_change(compared: Any) -> None:
    def mask(role: str, unit: str) -> Any:
        return task(role, "Mask", "ansible.builtin.systemd_service", changed=True, invocation={"module_args": {"name": unit, "masked": True}})

    assert compared([mask("redis", "a"), mask("redis_sentinel", "a")], [mask("redis", "a")])["told and not done"] == []
    assert compared([mask("redis", "a"), mask("redis_sentinel", "b")], [mask("redis", "a")])["told and not done"] == [["redis_sentinel", "Mask", "one"]]


def test_the_first_pair_counts(compared: Any) -> None:
    """A verification changes what was checked on purpose."""
    first = compared([task("redis", "Install", **INSTALL)], [])
    assert compared([], [], again=True) == first
    assert compared([], []) == {"done and not told": [], "told and not done": []}


def test_what_the_verification_checks_counts_for_nothing(compared: Any, tmp_path: Path) -> None:
    compared([], [])
    (tmp_path / "check_mode.compared").unlink()
    check_mode.CallbackModule().v2_playbook_on_start(SimpleNamespace(_file_name="/molecule/redis/verify.yml"))
    assert compared([task("redis", "Install", **INSTALL)], [], again=True) == {"done and not told": [], "told and not done": []}


def test_what_is_no_role_of_the_collection_is_nobodys(compared: Any) -> None:
    other = task("redis", "Install", **INSTALL)
    other._task._role = SimpleNamespace(get_name=lambda: "careless")
    assert compared([other], []) == {"done and not told": [], "told and not done": []}


def test_what_is_done_twice_counts_twice(compared: Any) -> None:
    """A run that changes the same again and again hides nothing."""
    load = {"changed": True, "invocation": {"module_args": {"state": "loaded"}}}
    found = compared([task("a", "Load", "x", **load)], [task("a", "Load", "x", **load), task("b", "Load", "x", **load)])
    assert found["done and not told"] == [["b", "Load", "one"]]
