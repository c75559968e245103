"""The load of a drill, against two real servers, one of which is lost with writes that nobody else has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_sessions import OPTIONS, PROGRAMS, folder, pair, until  # noqa: F401  (fixtures)

import support

PROGRAM = support.ROOT / "playbooks/drills/files/load.py"
#: As playbooks/drills/files/schema.sql, where there is no pgvector.
SCHEMA = """
CREATE SCHEMA extensions;
CREATE DOMAIN extensions.vector AS text;
CREATE FUNCTION extensions.far(text, text) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT abs(length($1) - length($2))::float8';
CREATE OPERATOR extensions.<=> (FUNCTION = extensions.far, LEFTARG = text, RIGHTARG = text);
CREATE SCHEMA unde_drill;
CREATE TABLE unde_drill.writes (
    usr bigint, number bigint, position bigint GENERATED ALWAYS AS IDENTITY, body text, place extensions.vector, PRIMARY KEY (usr, number));
CREATE TABLE unde_drill.kept (id uuid PRIMARY KEY, client text, seq bigint);
"""
pytestmark = pytest.mark.skipif(Path() == PROGRAMS, reason="this machine has no PostgreSQL server")


def lines(file: Path) -> list[dict[str, Any]]:
    """Return what stands in a file, but for a line that is being written."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture(scope="module")
def drilled(pair, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]  # noqa: F811
    """Lose the primary under load, with writes that the standby has not; return the folder of the run."""
    first, second = pair
    tmp_path = tmp_path_factory.mktemp("drill")
    first.sql(SCHEMA)
    until(lambda: second.sql("SELECT to_regclass('unde_drill.kept') IS NOT NULL") == [(True,)])
    settings = tmp_path / "settings"
    settings.write_text(json.dumps({
        "client": "app", "site": "local", "shard": "shard0", "members": {first.member.host: "first", second.member.host: "second"}, "port": 5432,
        "database": OPTIONS["dbname"], "user": OPTIONS["user"], "password": "", "sslmode": "disable", "schema": "unde_drill", "users": [1, 2, 3],
        "left_out": [7],
        "write_interval_s": 0.02, "read_interval_s": 0.02, "search_interval_s": 0.05, "journal": str(tmp_path),
    }), encoding="utf-8")  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(support.ROOT / "client")}
    working = subprocess.Popen([sys.executable, PROGRAM, "run", settings], env=environment, stderr=subprocess.PIPE, text=True)

    def state(moment: str) -> None:
        subprocess.run([sys.executable, PROGRAM, "state", settings, moment], env=environment, check=True)

    def count(server: Any) -> int:
        return int(server.sql("SELECT count(*) FROM unde_drill.writes")[0][0])

    until(lambda: working.poll() is not None or count(second) > 20)
    assert working.poll() is None, working.communicate()[1]
    second.stop()
    before = count(first)
    until(lambda: count(first) > before + 20)
    first.stop()
    refused = {("write", None), ("read", "primary"), ("read", "replica")}
    until(lambda: working.poll() is not None or refused <= {
        (line["what"], line.get("of")) for line in lines(tmp_path / "app.jsonl") if line.get("result") == "failed"
    })  # fmt: skip
    second.start()
    second.promote()
    # Of a client that is lost with its host, and what it wrote down with it.
    second.sql("INSERT INTO unde_drill.writes (usr, number) VALUES (7, 1)")
    kept = count(second)
    until(lambda: working.poll() is not None or count(second) > kept + 20)
    (tmp_path / "stop").touch()
    until(lambda: working.poll() is not None or (tmp_path / "silent").exists())
    state("before-replay")
    (tmp_path / "replay").touch()
    assert working.wait(timeout=600) == 0, working.communicate()[1]
    state("after-replay")
    return tmp_path


def test_what_it_writes_down_is_judged(drilled: Path) -> None:
    """All that was acknowledged is there in the end; what was missing before is a figure; what the library wrote is there by itself."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    operations = lines(drilled / "app.jsonl")
    began = {"host": "here", "boot": boot, "wall": operations[0]["wall"], "monotonic": operations[0]["monotonic"]}
    (drilled / "run.json").write_text(json.dumps({
        "format": 1, "name": "one", "drill": "lose_primary", "fault": "host-lost", "targets": ["first"], "rtt_ms": 0.0, "loss_percent": 0.0,
        "command": "pytest", **began,
    }), encoding="utf-8")  # fmt: skip
    at = next(line["begin"] for line in operations if line.get("result") in ("failed", "unknown") and line["what"] == "write")
    events = [
        {"kind": "observer", "format": 1, "observer": "here", **began},
        {"kind": "fault", "at": at, "name": "host-lost", "target": "first"},
        {"kind": "end", "wall": operations[-1]["wall"], "monotonic": operations[-1]["monotonic"], "lines": 1},
    ]
    (drilled / "here.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    done = support.unde("drill", "report", drilled, "--format", "json")
    [found] = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert found["held"]
    assert found["lost_before_replay"] > 0
    library = json.loads((drilled / "library.json").read_text(encoding="utf-8"))
    assert library["lost"] == library["refused"] == 0
    assert library["acknowledged"] > 0
    assert 0 < library["outage_s"] < 600
    log = (drilled / "library.log").read_text(encoding="utf-8")
    assert log.count("is the primary, on timeline") >= 2


def test_every_sort_of_operation_is_tried_and_said_to_be_what_it_was(drilled: Path) -> None:
    done = {(line["what"], line.get("of"), line["result"]) for line in lines(drilled / "app.jsonl") if line["kind"] == "operation"}
    assert {("write", None, "ok"), ("replay", None, "ok"), ("read", "primary", "ok"), ("search", "primary", "ok"), ("read", "replica", "ok")} <= done
    assert ("search", "replica", "ok") in done
    assert {("write", None, "failed"), ("read", "primary", "failed"), ("read", "replica", "failed")} <= done
    members = {line["member"] for line in lines(drilled / "app.jsonl") if line.get("what") == "write" and line["result"] == "ok"}
    assert members == {"first", "second"}
    session = lines(drilled / "app-session.jsonl")
    assert {line["member"] for line in session if line.get("what") == "write" and line["result"] == "ok"} == {"first"}
    assert session[-1]["kind"] == "end"
