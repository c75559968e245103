"""Every gate of the plan has its function and its parameters, nothing else has; and each waits as long as it has to."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.unde.infra.plugins.module_utils.gates import measuring, network, registry

import support
from unde.plan import gates as plan

[TASK] = yaml.safe_load((support.ROOT / "playbooks/gates/tasks/measure.yml").read_text(encoding="utf-8"))
PARAMETERS, SECRETS = TASK["vars"]["gate_parameters"], TASK["vars"]["gate_secrets"]
VERSION = {"version": "17"}
#: A gate → parameters with which no program answers, and the seconds between two questions, so often: what was waited while each was a task of its own.
PATIENCE: dict[str, tuple[dict[str, Any], list[float]]] = {
    "base": ({"firewall": True}, []),
    "forwarding": ({"table": "unde_gateway", "router": False}, []),
    "tunnels": ({"tunnels": [{"interface": "wg-a", "far_address": "192.0.2.1", "far_host": "a"}] * 2}, [2] * 10),
    "backups": ({"stanza": "shard0"}, [3] * 20),
    "replication": ({**VERSION, "standbys": 1, "name": "a"}, [3] * 20),
    "master_key": ({**VERSION, "name": "a"}, [2] * 5),
    "failover": ({"members": 2}, [3] * 20),
    "votes": ({"members": 3}, [3] * 10),
    "databases": ({**VERSION, "name": "a", "database": "a", "address": "192.0.2.1", "port": 6432, "stanza": "a"}, [2] * 10),
    "redis": ({"instances": [{"name": "a", "address": "192.0.2.1", "port": 6379}]}, [2] * 5),
    "routing": ({"shards": 1}, [3] * 10),
    "services": ({"services": [{"name": "a", "address": "127.0.0.1", "port": 1, "health": "/"}]}, [2] * 5),
    "entry": ({"address": "127.0.0.1", "port": 1, "names": ["a"]}, [2] * 5),
    "posthog": ({"address": "127.0.0.1", "port": 1, "commit": ""}, [2] * 5),
}
#: What needs more of a host to say so: the tests of its family do.
ELSEWHERE = {"pipeline", "primaries", "drills", "monitoring", "watch", "object_storage"}


def test_every_gate_of_the_plan_has_its_function_and_its_parameters() -> None:
    named = {name for name, *_ in (*plan.OF_ROLES, *plan.OF_SHARDS, *plan.OF_CLUSTERS)} | set(plan.STATED)
    assert set(registry.GATES) == set(PARAMETERS) == named
    assert set(SECRETS) <= named


@pytest.mark.parametrize("name", registry.GATES)
def test_a_gate_is_told_what_its_function_takes(name: str) -> None:
    host, *taken = inspect.signature(registry.GATES[name]).parameters.values()
    assert (host.name, {each.kind for each in taken} - {inspect.Parameter.KEYWORD_ONLY}) == ("host", set())
    assert {each.name for each in taken} == {*PARAMETERS[name], *SECRETS.get(name, {})}
    assert inspect.getdoc(registry.GATES[name])


@pytest.mark.parametrize("name", registry.GATES)
def test_a_gate_is_red_with_its_patience_on_a_host_without_its_program(
    name: str, host: measuring.Host, pause: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if name in ELSEWHERE:
        return
    (tmp_path / "forwards").write_text("1\n")
    monkeypatch.setattr(network, "FORWARDS", tmp_path / "forwards")
    parameters, waited = PATIENCE[name]
    with pytest.raises(measuring.Red):
        registry.GATES[name](host, **parameters)
    assert pause.slept == waited


def test_no_patience_is_forgotten() -> None:
    assert PATIENCE.keys() | ELSEWHERE == registry.GATES.keys()
