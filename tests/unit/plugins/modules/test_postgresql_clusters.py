"""The module ``unde.infra.postgresql_clusters``: which clusters a host has, and what the running one answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.unde.infra.plugins.modules import postgresql_clusters

CONTROL = """pg_control version number:            1700
Database system identifier:           7412345678901234567
Bytes per WAL segment:                16777216
Data page checksum version:           1
"""


def cluster(base: Path, version: str, pid: int | None = None, port: int = 5432) -> Path:
    """Make what a data directory is known by."""
    data = base / version / "main"
    (data / "global").mkdir(parents=True)
    (data / "global/pg_control").touch()
    (data / "PG_VERSION").write_text(f"{version}\n")
    if pid is not None:
        (data / "postmaster.pid").write_text(f"{pid}\n{data}\n1700000000\n{port}\n/var/run/postgresql\n")
    return data


def test_clusters_by_version_and_which_one_runs(tmp_path: Path) -> None:
    cluster(tmp_path, "17", os.getpid())
    cluster(tmp_path, "9.6")
    cluster(tmp_path, "18", 2**22 + 1)  # more than the kernel gives: a server that was killed
    (tmp_path / "16/main").mkdir(parents=True)  # empty: none
    found = postgresql_clusters.clusters(tmp_path)
    assert [(each["version"], each["name"], each["running"], each["port"]) for each in found] == [
        ("9.6", "main", False, 0),
        ("17", "main", True, 5432),
        ("18", "main", False, 0),
    ]
    assert postgresql_clusters.clusters(tmp_path / "nowhere") == []


def test_what_cannot_be_changed_afterwards() -> None:
    assert postgresql_clusters.controlled(CONTROL) == {
        "system_identifier": "7412345678901234567",
        "wal_segment_bytes": 16 * 1024 * 1024,
        "data_checksums": True,
    }
    assert postgresql_clusters.controlled("") == {"system_identifier": "", "wal_segment_bytes": 0, "data_checksums": False}


def test_questions_go_to_the_version_s_own_program(programs: Any, called: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    cluster(tmp_path, "17", os.getpid())
    cluster(tmp_path, "16", os.getpid(), 5433)
    programs.say("id -nG postgres", "postgres unde-tls\n")
    programs.say("SHOW archive_command", "\n")
    programs.say("SELECT datname", "postgres\nunde\n")
    programs.say("SELECT 1", "1\n")
    programs.say("broken", code=1)
    queries = [
        {"name": "archive", "database": "postgres", "sql": "SHOW archive_command"}, {"name": "everywhere", "sql": "SELECT 1"},
        {"name": "broken", "database": "unde", "sql": "broken"},
    ]  # fmt: skip
    result = called(postgresql_clusters, queries=queries, data_directory=str(tmp_path), programs_directory="/usr/lib/postgresql")
    assert result["answers"] == {"archive": [""], "everywhere": ["1", "1"]}
    asked = [line for line in programs.asked if "-XqAtw" in line]
    assert len(asked) == 5
    assert all(line.startswith("setpriv --reuid=postgres") and " /usr/lib/postgresql/17/bin/psql -XqAtw -p 5432 " in line for line in asked)
    assert (result["changed"], result["groups"], result["missing_packages"]) == (False, ["postgres", "unde-tls"], [])


def test_a_package_that_a_killed_run_left_half_installed_is_missing(programs: Any, called: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    programs.say("dpkg-query", "postgresql-17 installed\npostgresql-17-pgvector half-configured\n", code=1)
    programs.say("id -nG postgres", code=1)
    result = called(postgresql_clusters, packages=["postgresql-17", "postgresql-17-pgvector", "patroni"], data_directory=str(tmp_path))
    assert (result["missing_packages"], result["groups"]) == (["postgresql-17-pgvector", "patroni"], [])
