"""PostgreSQL's programs are called by their own path.

What Debian has in /usr/bin under their names is one wrapper (pg_wrapper): it reads the cluster's configuration first, and ends with "Invalid data
directory" when it meets a file that Patroni is writing at that moment.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import support

#: Links to pg_wrapper in Debian's postgresql-client-common.
WRAPPED = (
    "clusterdb", "createdb", "createuser", "dropdb", "dropuser", "pg_amcheck", "pg_basebackup", "pg_combinebackup", "pg_createsubscriber", "pg_dump",
    "pg_dumpall", "pg_isready", "pg_receivewal", "pg_recvlogical", "pg_restore", "pg_verifybackup", "pgbench", "psql", "reindexdb", "vacuumdb", "vacuumlo",
)
#: The name alone or in /usr/bin; not one in another directory, nor a variable of that name, nor a name that a session gave itself.
BARE = re.compile(r"(?<![\w./$-])(?<!<> ')(?:/usr/bin/)?(" + "|".join(WRAPPED) + r")(?![\w(=/])(?! *=)(?! in /usr)")
#: What Python puts into a directory: `directory / "psql"`, `program("psql")`.
PLACED = re.compile(r"(?:(?<=/ )|(?<=program\())[\"'](?:" + "|".join(WRAPPED) + r")[\"']")
#: Where nothing of a cluster that Patroni configures is called.
ELSEWHERE = {
    "roles/posthog": "inside the stack's own container",
    "plugins/module_utils/luks.py": "named in a message",
    "molecule/estate/summary.py": "told to people",
}
ROOMS = ("roles", "playbooks", "plugins", "scripts", "bench", "molecule/estate", "molecule/patroni")
COMMENT = re.compile(r"^\s*(#|--\s|//|;)|\s#\s.*$")


def strings(source: str) -> list[str]:
    """Return what a Python program has in quotes, without what explains it."""
    tree = ast.parse(PLACED.sub('""', source))
    explained = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explained]


def calls(text: str, *, python: bool = False) -> list[str]:
    """Return the lines that call a program by its bare name."""
    lines = [line for string in strings(text) for line in string.splitlines()] if python else text.splitlines()
    return [line.strip() for line in lines if BARE.search(COMMENT.sub("", line) if not COMMENT.match(line) else "")]


def files() -> list[Path]:
    """Return the files in which something of PostgreSQL may be called."""
    found = [path for room in ROOMS for path in sorted((support.ROOT / room).rglob("*")) if path.is_file() and path.suffix not in (".md", ".sql", ".pyc")]
    kept = [path for path in found if not any(str(path.relative_to(support.ROOT)).startswith(place) for place in ELSEWHERE)]
    return [path for path in kept if b"\0" not in path.read_bytes()[:1000]]


def test_programs_are_called_by_their_own_path() -> None:
    """Nobody calls the wrapper."""
    texts = {path: path.read_text(encoding="utf-8") for path in files()}
    each = {path: calls(text, python=path.suffix == ".py" or text.startswith("#!/usr/bin/env python3")) for path, text in texts.items()}
    found = {str(path.relative_to(support.ROOT)): lines for path, lines in each.items() if lines}
    assert found == {}, "call it as /usr/lib/postgresql/<version>/bin/…"


@pytest.mark.parametrize(
    "line",
    [
        "    argv: [psql, -X, -d, unde]", "loaded() { runuser -u postgres -- psql -XqAt; }", "  command: pg_isready -q", "exec psql -Xq",
        "x=$(psql -c 'SELECT 1')", "argv: [/usr/bin/psql, -XqAtw]", "timeout 3 psql -d unde", "          - psql", "createdb unde", "/usr/bin/pg_dump unde",
    ],
)
def test_a_bare_call_is_found(line: str) -> None:
    """In every form that a file of ours may have it."""
    assert calls(line)
    assert calls(f"run({line!r})", python=True)


@pytest.mark.parametrize(
    "line", ["/usr/lib/postgresql/17/bin/psql -X", "# psql unde", "SELECT pg_is_in_recovery()", '"{{ x }}/psql", -X', "psql=$x", '"$psql" -X']
)
def test_its_own_path_is_not(line: str) -> None:
    """And what only looks like it neither."""
    assert not calls(line)


@pytest.mark.parametrize("line", ['run([program("psql")])', 'run([str(directory / "psql")])', "from common import psql, run", '"""psql."""'])
def test_python_names_are_not(line: str) -> None:
    """A function may be called so, and a path may end so."""
    assert not calls(line, python=True)
