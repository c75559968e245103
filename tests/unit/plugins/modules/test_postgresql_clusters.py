"""The module ``unde.infra.postgresql_clusters``: which clusters a host has, and what the running one answers."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import support

CONTROL = """pg_control version number:            1700
Database system identifier:           7412345678901234567
Bytes per WAL segment:                16777216
Data page checksum version:           1
"""


@pytest.fixture(scope="module")
def module() -> ModuleType:
    """Return the module's own code."""
    spec = importlib.util.spec_from_file_location("postgresql_clusters", support.ROOT / "plugins/modules/postgresql_clusters.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def cluster(base: Path, version: str, pid: int | None = None, port: int = 5432) -> Path:
    """Make what a data directory is known by."""
    data = base / version / "main"
    (data / "global").mkdir(parents=True)
    (data / "global/pg_control").touch()
    (data / "PG_VERSION").write_text(f"{version}\n")
    if pid is not None:
        (data / "postmaster.pid").write_text(f"{pid}\n{data}\n1700000000\n{port}\n/var/run/postgresql\n")
    return data


class Runner:
    """In the module's place: what each program says, and what was asked."""

    def __init__(self, answers: dict[str, tuple[int, str]]) -> None:
        """Take question → exit code and output."""
        self.answers = answers
        self.asked: list[list[str]] = []

    def run_command(self, words: list[str], **_more: Any) -> tuple[int, str, str]:
        """Answer."""
        self.asked.append(words)
        code, said = self.answers.get(words[-1], (1, ""))
        return code, said, ""


def test_clusters_by_version_and_which_one_runs(module: ModuleType, tmp_path: Path) -> None:
    cluster(tmp_path, "17", os.getpid())
    cluster(tmp_path, "9.6")
    cluster(tmp_path, "18", 2**22 + 1)  # more than the kernel gives: a server that was killed
    (tmp_path / "16/main").mkdir(parents=True)  # empty: none
    found = module.clusters(tmp_path)
    assert [(each["version"], each["name"], each["running"], each["port"]) for each in found] == [
        ("9.6", "main", False, 0), ("17", "main", True, 5432), ("18", "main", False, 0)
    ]
    assert module.clusters(tmp_path / "nowhere") == []


def test_what_cannot_be_changed_afterwards(module: ModuleType) -> None:
    assert module.controlled(CONTROL) == {"system_identifier": "7412345678901234567", "wal_segment_bytes": 16 * 1024 * 1024, "data_checksums": True}
    assert module.controlled("") == {"system_identifier": "", "wal_segment_bytes": 0, "data_checksums": False}


def test_questions_go_to_the_version_s_own_psql(module: ModuleType) -> None:
    runner = Runner({"SHOW archive_command": (0, "\n"), module.DATABASES: (0, "postgres\nunde\n"), "SELECT 1": (0, "1\n"), "broken": (1, "")})
    server = module.Server(runner, Path("/usr/lib/postgresql/17/bin"), 5432)
    assert server.answer({"database": "postgres", "sql": "SHOW archive_command"}) == [""]
    assert server.answer({"database": None, "sql": "SELECT 1"}) == ["1", "1"]
    assert server.answer({"database": "unde", "sql": "broken"}) is None
    assert {words[4] for words in runner.asked} == {"/usr/lib/postgresql/17/bin/psql"}
