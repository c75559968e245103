"""The running lab, as its tests see it: commands on hosts, and the plan that they are compared with."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "unde-lab-"
PARALLEL = 16

Result = TypeVar("Result")


class CommandFailed(AssertionError):
    """A command on a host failed; the text says which and what it said."""


def run(host: str, command: str, *, check: bool = True, stdin: str | None = None, timeout: float = 60, user: str = "root") -> str:
    """Run a shell command on a host and return what it prints.

    Raises:
        CommandFailed: the command failed and ``check`` is set.

    """
    done = subprocess.run(
        ["docker", "exec", "-i", "-u", user, PREFIX + host, "sh", "-c", command],
        input=stdin if stdin is not None else "", text=True, capture_output=True, timeout=timeout, check=False,
    )
    if check and done.returncode != 0:
        raise CommandFailed(f"{host}: `{command}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout.strip()


def everywhere(hosts: Iterable[str], act: Callable[[str], Result]) -> dict[str, Result]:
    """Do something for many hosts side by side; return host → result."""
    names = list(hosts)
    with ThreadPoolExecutor(PARALLEL) as pool:
        return dict(zip(names, pool.map(act, names), strict=True))


@cache
def plan(section: str) -> list[dict[str, Any]]:
    """Return a listing of the plan, with the lab's overlay (the environment names it)."""
    environment = {"UNDE_OVERLAY": str(ROOT / "molecule/estate/lab.yml"), **os.environ}
    done = subprocess.run(
        ["unde", "plan", section, "--format", "json"], cwd=ROOT, env=environment, text=True, capture_output=True, check=True
    )
    return list(json.loads(done.stdout))


def hosts(role: str | None = None) -> list[str]:
    """Return the names of all hosts, or of those with a role."""
    return [host["name"] for host in plan("hosts") if role is None or role in host["roles"]]


def shards() -> list[dict[str, Any]]:
    """Return the Patroni clusters of the plan."""
    return [cluster for cluster in plan("clusters") if cluster["kind"] == "patroni"]


def sql(host: str, query: str, database: str = "unde") -> str:
    """Run SQL on a host as the superuser over the local socket; return the unaligned result."""
    return run(host, f"psql -X -A -t -v ON_ERROR_STOP=1 -d {database} -f -", stdin=query, user="postgres")


def patroni(host: str) -> list[dict[str, Any]]:
    """Return Patroni's view of a host's shard."""
    return list(json.loads(run(host, "patronictl -c /etc/patroni/config.yml list --format json")))


def leader(shard: dict[str, Any]) -> str | None:
    """Return the member that accepts writes now, by asking every member that answers."""
    for member in shard["members"]:
        try:
            if sql(member, "SELECT pg_is_in_recovery()", "postgres") == "f":
                return str(member)
        except (CommandFailed, subprocess.TimeoutExpired):
            continue
    return None


def until(what: str, condition: Callable[[], Result], seconds: float, pause: float = 0.5) -> Result:
    """Wait until a condition holds and return its (true) value.

    Raises:
        AssertionError: it did not hold in time; the text says what was waited for and the last error.

    """
    end, last = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            if value := condition():
                return value
        except (AssertionError, subprocess.TimeoutExpired, ValueError) as error:
            last = f" (last: {error})"
        time.sleep(pause)
    raise AssertionError(f"not within {seconds:.0f} s: {what}{last}")
