"""What else drops packets on a host that is ours to build: the role's program finds it, and takes Docker's rules for what they are."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import subprocess
from types import ModuleType
from typing import Any

import pytest

from support import ROOT


def chain(table: str, name: str, hook: str | None = None, policy: str = "accept", kind: str = "filter") -> dict[str, Any]:
    """Return a chain as `nft -j` lists it."""
    family, table = table.split()
    base = {"type": kind, "hook": hook, "prio": 0, "policy": policy} if hook else {}
    return {"chain": {"family": family, "table": table, "name": name, **base}}


def rule(table: str, name: str, *expr: dict[str, Any]) -> dict[str, Any]:
    """Return a rule as `nft -j` lists it."""
    family, table = table.split()
    return {"rule": {"family": family, "table": table, "chain": name, "expr": list(expr)}}


DOCKER = [
    chain("ip filter", "INPUT", "input"), chain("ip filter", "FORWARD", "forward", "drop"), chain("ip filter", "DOCKER"), chain("ip filter", "DOCKER-USER"),
    rule("ip filter", "FORWARD", {"jump": {"target": "DOCKER"}}), rule("ip filter", "DOCKER", {"drop": None}),
    chain("ip nat", "OUTPUT", "output", kind="nat"), rule("ip nat", "OUTPUT", {"jump": {"target": "DOCKER"}}),
]  # fmt: skip
OURS = [chain("inet unde_firewall", "input", "input", "drop"), chain("inet unde_docker", "forward", "forward", "drop")]
UFW = [
    chain("ip filter", "INPUT", "input", "drop"), chain("ip filter", "ufw-before-input"), rule("ip filter", "INPUT", {"jump": {"target": "ufw-before-input"}}),
]  # fmt: skip
FIREWALLD = [
    chain("inet firewalld", "filter_INPUT", "input"), chain("inet firewalld", "filter_INPUT_ZONES"),
    rule("inet firewalld", "filter_INPUT", {"goto": {"target": "filter_INPUT_ZONES"}}), rule("inet firewalld", "filter_INPUT_ZONES", {"reject": None}),
]  # fmt: skip
OUTWARD = [chain("inet mine", "out", "output"), rule("inet mine", "out", {"match": {}}, {"drop": None})]


@pytest.fixture
def program() -> ModuleType:
    """Return the program as a module."""
    path = str(ROOT / "roles/firewall/files/unde-firewall")
    spec = importlib.util.spec_from_loader("unde_firewall", importlib.machinery.SourceFileLoader("unde_firewall", path))
    assert spec is not None
    loaded = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([], []), (DOCKER, []), (OURS, []), (OURS + DOCKER, []), (UFW, ["nftables table ip filter"]), (FIREWALLD, ["nftables table inet firewalld"]),
        (OUTWARD, ["nftables table inet mine"]), (DOCKER + OUTWARD, ["nftables table inet mine"]),
    ],
    ids=["nothing", "docker", "ours", "ours and docker", "ufw", "firewalld", "outward", "docker and a table"],
)  # fmt: skip
def test_only_what_drops_here_is_foreign(program: ModuleType, monkeypatch: pytest.MonkeyPatch, listed: list[dict[str, Any]], found: list[str]) -> None:
    monkeypatch.setattr(program, "run", lambda *command, **_: subprocess.CompletedProcess(command, 0, json.dumps({"nftables": listed}), ""))
    monkeypatch.setattr(program.shutil, "which", lambda name: None)
    assert program.foreign() == found
