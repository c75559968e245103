"""What Patroni calls at a change of role: when the pooler's connections are renewed."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import jinja2
import pytest

import support

TEMPLATE = support.ROOT / "roles/pgbouncer/templates/reconnect.sh.j2"
HANGS_S = 60
#: Answers ``t`` to the first three questions whether it is in recovery, as a server does whose promotion is under way; not at all to the first.
PSQL = """#!/bin/sh
for word; do last=$word; done
echo "$last" >> {log}
case $last in *pg_is_in_recovery*)
  asked=$(grep -c pg_is_in_recovery {log})
  [ "$asked" -gt 1 ] || exit 2
  [ "$asked" -gt 3 ] && echo f || echo t
esac
"""


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """Return the program, with a psql that writes down what it is asked."""
    psql = tmp_path / "postgresql/17/bin/psql"
    psql.parent.mkdir(parents=True)
    psql.write_text(PSQL.format(log=tmp_path / "log"), encoding="utf-8")
    psql.chmod(0o755)
    values = {"__pgbouncer_socket": "/run/postgresql", "pgbouncer_port": 6432, "pgbouncer_server_port": 5432}
    text = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), undefined=jinja2.StrictUndefined).render(values)
    file = tmp_path / "hook"
    file.write_text(text.replace("/usr/lib/postgresql", str(tmp_path / "postgresql")), encoding="utf-8")
    return file


def asked(hook: Path) -> list[str]:
    """Return what psql was asked."""
    log = hook.with_name("log")
    return log.read_text(encoding="utf-8").splitlines() if log.is_file() else []


def test_after_a_promotion_the_pool_is_renewed_when_recovery_is_over(hook: Path) -> None:
    """A connection that the pool opened before that is remembered as one to a standby, and no client that wants to write would come in any more."""
    subprocess.run(["sh", hook, "on_role_change", "primary", "shard0"], check=True)
    end = time.monotonic() + HANGS_S
    while "RECONNECT" not in asked(hook) and time.monotonic() < end:
        time.sleep(0.05)
    assert asked(hook) == [*["SELECT pg_is_in_recovery()"] * 4, "RECONNECT"]


@pytest.mark.parametrize(("action", "role"), [("on_start", "replica"), ("on_role_change", "replica"), ("on_restart", "standby_leader")])
def test_of_a_standby_at_once(hook: Path, action: str, role: str) -> None:
    subprocess.run(["sh", hook, action, role, "shard0"], check=True)
    assert asked(hook) == ["RECONNECT"]
