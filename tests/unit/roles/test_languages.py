"""Programs on hosts whose users, or whose PostgreSQL, speak another language than English."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support import ROOT

#: A virsh as libvirt has it: what a domain does, and whether it starts by itself, is said in the caller's language.
VIRSH = """#!/bin/sh
shift 3
german=no
case "${LC_ALL:-$LANG}" in de_*|ru_*) german=yes ;; C) ;; *) [ -z "$LANGUAGE" ] || german=yes ;; esac
case "$1" in
  domstate) [ $german = yes ] && echo laufend || echo running ;;
  dominfo) [ $german = yes ] && echo 'Automatischer Start: Aktivieren' || echo 'Autostart:      enable' ;;
  desc) cat "$DESCRIPTION" ;;
  *) echo "$@" >> "$CALLED" ;;
esac
"""


def module(path: str, name: str) -> ModuleType:
    """Load a program of a role as a module."""
    found = importlib.util.spec_from_file_location(name, ROOT / "roles" / path)
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    sys.modules[name] = loaded  # dataclasses look their module up
    found.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize(
    "speaks", [{"LC_ALL": "de_DE.UTF-8"}, {"LANG": "ru_RU.UTF-8"}, {"LANG": "C.UTF-8", "LANGUAGE": "de"}], ids=["LC_ALL", "LANG", "LANGUAGE"]
)
def test_a_guest_that_runs_is_left_running_whatever_the_language(speaks: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    guests = module("mikrotik_chr/files/guests.py", "chr_guests")
    virsh, called, description = tmp_path / "virsh", tmp_path / "called", tmp_path / "description"
    virsh.write_text(VIRSH)
    virsh.chmod(0o755)
    description.write_text(guests.hashlib.sha256(b"<domain/>").hexdigest() + "\n")
    for name in ("LC_ALL", "LANG", "LANGUAGE", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    its = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLED": str(called), "DESCRIPTION": str(description)}
    monkeypatch.setattr(os, "environ", os.environ.copy() | speaks | its)
    real = subprocess.run
    monkeypatch.setattr(guests.subprocess, "run", lambda *given, **more: real(*given, **more, env=dict(os.environ)))
    monkeypatch.setattr(guests.os.path, "exists", lambda path: True)

    guests.main(json.dumps({"check": False, "may_restart": False, "guests": {"chr-a": "<domain/>"}}))

    assert json.loads(capsys.readouterr().out) == {"changed": False, "done": [], "waiting": []}
    assert not called.exists()


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
