"""Programs on hosts whose PostgreSQL speaks another language than English; modules have their own tests of it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support import ROOT


def module(path: str, name: str) -> ModuleType:
    """Load a program of a role as a module."""
    found = importlib.util.spec_from_file_location(name, ROOT / "roles" / path)
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    sys.modules[name] = loaded  # dataclasses look their module up
    found.loader.exec_module(loaded)
    return loaded


class Member:
    """Another member's PostgreSQL, which speaks German; each entry is what it does when it is asked: start, take connections, refuse, or nothing."""

    def __init__(self, *does: str) -> None:
        self.does = list(does)

    def run(self, argv: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        """Answer as psql or pg_isready would."""
        now = self.does[0]
        if Path(argv[0]).name == "pg_isready":
            if len(self.does) > 1:
                self.does.pop(0)
            return subprocess.CompletedProcess(argv, {"starts": 1, "answers": 0, "refuses": 0, "away": 2}[now], "", "")
        if now == "answers":
            return subprocess.CompletedProcess(argv, 0, "7301|1|0/3000000|\non\n", "")
        said = {
            "starts": "psql: Fehler: Verbindung zum Server auf »10.2.0.10«, Port 5432 fehlgeschlagen: FATAL:  das Datenbanksystem startet",
            "refuses": "psql: Fehler: FATAL:  Passwort-Authentifizierung für Benutzer »replicator« fehlgeschlagen",
            "away": "psql: Fehler: Verbindungsaufbau abgelehnt",
        }[now]
        return subprocess.CompletedProcess(argv, 2, "", said)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the program that asks other members, with its neighbours."""
    monkeypatch.syspath_prepend(str(ROOT / "roles/postgres_shard/files/tool"))
    for name in ("common", "home"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    loaded = module("postgres_shard/files/tool/cluster.py", "shard_cluster")
    monkeypatch.setattr(loaded.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(loaded.common, "programs", [Path("/usr/lib/postgresql/17/bin")])
    for name in ("common", "home"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return loaded


@pytest.mark.parametrize(
    ("does", "found"), [(("starts", "starts", "answers"), "7301"), (("answers",), "7301"), (("away",), None)], ids=["starting", "up", "away"]
)
def test_another_member_is_known_by_no_words(cluster: ModuleType, monkeypatch: pytest.MonkeyPatch, does: tuple[str, ...], found: str | None) -> None:
    monkeypatch.setattr(cluster, "run", Member(*does).run)
    upstream = cluster.ask({"name": "shard-replica-0", "address": "10.1.1.10"})
    assert (upstream and upstream.identifier) == found


def test_a_member_that_refuses_is_never_taken_for_absent(cluster: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(cluster, "run", Member("refuses").run)
    with pytest.raises(SystemExit):
        cluster.ask({"name": "shard-replica-0", "address": "10.1.1.10"})
    assert "does not let the user replicator in" in capsys.readouterr().err
