"""What a host lets in and out, and what the host's program remembers of names."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

import support
import unde
from unde.plan.firewall import Opening
from unde.plan.variables import host as variables

FILES = support.ROOT / "roles/firewall/files"


def loaded(name: str) -> ModuleType:
    """Return one of the role's programs as a module."""
    loader = SourceFileLoader(name.replace("-", "_").removesuffix(".py"), str(FILES / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


# ── The plan ──


def test_an_interface_is_published_only_where_there_is_one() -> None:
    """The role takes an interface that is not there for any."""
    plain = Opening("a:b", ("10.0.0.1",), (), "tcp", (80,))
    assert "interface" not in variables._opening(plain)
    assert variables._opening(Opening("a:b", (), (), "tcp", (80,), "wg-a"))["interface"] == "wg-a"


def test_hosts_that_serve_customers_observe() -> None:
    """A host that is ours to build enforces from the first rule on."""
    plan = unde.inventory(support.estate({"hosts": {"monitoring": {"adopt": ["base", "firewall"]}}}))
    assert (plan.hosts["monitoring"]["firewall_mode"], plan.hosts["local-app"]["firewall_mode"]) == ("observe", "enforce")


def test_the_layout_says_when_a_host_enforces() -> None:
    """A host's `firewall`, and the one of a single shard's host, decide over what follows from the state."""
    replica = {"replica": {"only": {0: {"firewall": "enforce"}}}}
    plan = unde.inventory(support.estate({"hosts": {"push": {"firewall": "enforce"}, "scraper": {"firewall": "observe"}}, "shards": replica}))
    assert {name: plan.hosts[name]["firewall_mode"] for name in ("push", "scraper", "monitoring", "shard-replica-0")} == {
        "push": "enforce", "scraper": "observe", "monitoring": "observe", "shard-replica-0": "enforce",
    }


def test_egress_by_name() -> None:
    """What the layout knows by name is let through by name alone."""
    plan = unde.inventory(support.estate())
    egress = {each["name"]: each for each in plan.hosts["local-shard-0"]["firewall_outbound"]}
    assert (egress["database-backups:object-storage"]["peers"], egress["database-backups:object-storage"]["names"][0]) == ([], "hel1.your-objectstorage.com")


# ── Names ──


def test_names_are_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A former address has its time, counted from when it went; silence forgets nothing, however long."""
    program, answers, clock = loaded("unde-firewall"), {"a.test": {"10.0.0.1"}}, [1000.0]
    monkeypatch.setattr(program, "KNOWN", tmp_path / "names.json")
    monkeypatch.setattr(program, "answer", lambda name: answers.get(name, set()))
    monkeypatch.setattr(program.time, "time", lambda: clock[0])

    def after(seconds: int, *addresses: str) -> dict[str, int]:
        clock[0] += seconds
        answers["a.test"] = set(addresses)
        program.look_up(["a.test", "never.test"])
        found: dict[str, int] = program.known().get("a.test", {})
        return found

    day = program.REMEMBERED_S
    assert set(after(0, "10.0.0.1")) == {"10.0.0.1"}
    assert set(after(30 * day)) == {"10.0.0.1"}
    assert set(after(60, "10.0.0.2")) == {"10.0.0.1", "10.0.0.2"}
    assert set(after(day - 1, "10.0.0.2")) == {"10.0.0.1", "10.0.0.2"}
    assert set(after(1, "10.0.0.2")) == {"10.0.0.2"}
    assert "never.test" not in program.known()
    assert program.filled(["a.test", "never.test"]).splitlines()[1] == "add element inet unde_firewall dns.a.test { 10.0.0.2 }"
