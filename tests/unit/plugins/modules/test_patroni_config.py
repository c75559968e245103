"""The module ``unde.infra.patroni_config``: what it changes in the store, what it leaves, and what it does while the store does not answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.unde.infra.plugins.modules import patroni_config

STORED = {
    "ttl": 20, "pause": True, "unde_maintenance": "reboot",
    "postgresql": {"use_slots": True, "pg_hba": ["local"], "parameters": {"max_connections": 50, "hot_standby": "on"}},
}  # fmt: skip

Call = Callable[..., dict[str, Any]]


class Store:
    """The store, as patronictl shows and changes it; it fails as often as it is told to."""

    def __init__(self) -> None:
        """Hold the configuration."""
        self.lines: list[str] = []
        self.patches: list[dict[str, Any]] = []
        self.failures = 0

    def run(self, words: list[str], data: str | None = None, **_: Any) -> tuple[int, str, str]:
        """Run patronictl."""
        self.lines.append(" ".join(words))
        if self.failures:
            self.failures -= 1
            return 1, "", "etcd has no leader\n"
        if "show-config" in words:
            return 0, yaml.safe_dump(STORED), ""
        self.patches.append(json.loads(data or ""))
        return 0, "Configuration changed\n", ""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """Stand in the place of patronictl; nobody sleeps."""
    stand_in = Store()
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, words, **more: stand_in.run(words, **more))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return stand_in


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_differs_is_changed(check_mode: bool, store: Store, called: Call) -> None:
    wanted = {"ttl": 30, "loop_wait": 5, "postgresql": {"use_slots": True, "parameters": {"max_connections": 100}}}
    result = called(patroni_config, check_mode, scope="shard0", configuration=wanted, purge_parameters=True)
    assert result["changed"]
    assert result["actions"] == [
        "set ttl to 30, which is 20",
        "set loop_wait to 5",
        "set postgresql.parameters.max_connections to 100, which is 50",
        'remove postgresql.parameters.hot_standby, which is "on"',
    ]
    assert result["diff"]["prepared"].splitlines() == result["actions"]
    patch = {"ttl": 30, "loop_wait": 5, "postgresql": {"parameters": {"max_connections": 100, "hot_standby": None}}}
    assert store.patches == ([] if check_mode else [patch])
    assert (
        store.lines
        == [
            "/usr/bin/patronictl --config-file=/etc/patroni/config.yml show-config shard0",
            "/usr/bin/patronictl --config-file=/etc/patroni/config.yml edit-config --force --apply - shard0",
        ][: 1 if check_mode else 2]
    )


@pytest.mark.parametrize("wanted", [
    {"ttl": 20, "postgresql": {"parameters": {"max_connections": 50}}},
    {"standby_cluster": None},
    {},
])  # fmt: skip
def test_what_is_as_it_should_be_is_left(wanted: dict[str, Any], store: Store, called: Call) -> None:
    result = called(patroni_config, scope="shard0", configuration=wanted)
    assert (result["changed"], result["actions"], store.patches) == (False, [], [])


def test_a_pause_is_ended_with_its_mark(store: Store, called: Call) -> None:
    """Parameters are not named, and stay."""
    result = called(patroni_config, scope="shard0", configuration={"pause": None, "unde_maintenance": None})
    assert result["actions"] == ["remove pause, which is true", 'remove unde_maintenance, which is "reboot"']
    assert store.patches == [{"pause": None, "unde_maintenance": None}]


def test_a_store_between_two_leaders_is_asked_again(store: Store, called: Call) -> None:
    store.failures = 3
    assert called(patroni_config, scope="shard0", configuration={"ttl": 30})["changed"]
    assert store.patches == [{"ttl": 30}]


def test_a_store_that_does_not_answer(store: Store, called: Call) -> None:
    store.failures = 1000
    result = called(patroni_config, scope="shard0", configuration={"ttl": 30}, timeout=0)
    assert result["failed"]
    assert result["msg"] == "after 0 s shard0: patronictl show-config: etcd has no leader"
