from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from test_sessions import OPTIONS, PROGRAMS, folder, pair, until  # noqa: F401  (fixtures)

import support

PROGRAM = support.ROOT / "playbooks/drills/files/write_client.py"
TABLE = "CREATE TABLE writes (writer text, number bigint, id uuid UNIQUE, PRIMARY KEY (writer, number))"


@pytest.mark.skipif(Path() == PROGRAMS, reason="this machine has no PostgreSQL server")
def test_the_raw_writer_loses_what_the_library_brings_back(pair, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    first, second = pair
    first.sql(TABLE)
    until(lambda: second.sql("SELECT to_regclass('writes')") == [("writes",)])
    wish = tmp_path / "wish.json"
    wish.write_text(json.dumps({
        "hosts": [server.member.host for server in pair], "port": 5432, "database": OPTIONS["dbname"], "user": OPTIONS["user"], "password": "",
        "table": "writes", "interval_s": 0.02, "seconds": 30, "sslmode": "disable",
    }))  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(support.ROOT / "client")}
    writing = subprocess.Popen([sys.executable, PROGRAM, wish], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: writing.poll() is not None or len(second.sql("SELECT number FROM writes")) > 20)
    assert writing.poll() is None, writing.communicate()[1]
    second.stop()
    before = len(first.sql("SELECT number FROM writes"))
    until(lambda: len(first.sql("SELECT number FROM writes")) > before + 20)
    first.stop()
    second.start()
    second.promote()
    told, said = writing.communicate(timeout=200)
    assert writing.returncode == 0, said
    assert not wish.exists()
    figures = json.loads(told)
    assert figures["lost_before_replay"] > 0
    assert figures["replayed"] > 0
    assert figures["lost_after_replay"] == 0
    assert 0 < figures["outage_s"] < time.monotonic()



def test_it_is_given_to_the_client_with_its_library_beside_it() -> None:
    tasks = yaml.safe_load((support.ROOT / "playbooks/drills/tasks/under_load.yml").read_text(encoding="utf-8"))
    [copied] = [task["loop"] for task in tasks if "loop" in task]
    assert [(support.ROOT / "playbooks/drills/tasks" / path).resolve() for path in copied] == [PROGRAM, support.ROOT / "client/unde_client"]
