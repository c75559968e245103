"""The running lab, as its tests see it: commands on hosts, and the plan that they are compared with."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "unde-lab-"
#: Of the one version that a host has; Debian's own in /usr/bin reads the cluster's configuration first, and fails while Patroni writes it.
PSQL = "/usr/lib/postgresql/*/bin/psql"
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


def router(host: str, command: str, *, check: bool = True, stdin: str | None = None) -> str:
    """Run a command where a host's tunnels end and its packets are forwarded: in its router, where it has one, else on the host itself."""
    inside = f"in-router a sh -c {shlex.quote(command)}" if host in hosts("mikrotik_chr") else command
    return run(host, inside, check=check, stdin=stdin)


#: Prints menus of the active router, an entry a line, without what it counts; asked by the API as the program that counts asks.
MENU = """
import json, runpy, sys
asking = runpy.run_path("/usr/local/sbin/unde-chr-counters")
settings = json.load(open("/etc/unde/chr/counters.json"))
router = asking["connect"](settings["routers"][0], settings)
counted = {"bytes", "rx", "tx", "last-handshake", "current-endpoint-address", "current-endpoint-port"}
counted |= set() if "packets" in sys.argv else {"packets"}
for menu in sys.argv[1].split(";"):
    for entry in router.path(*menu.split()):
        print(json.dumps({key: value for key, value in entry.items() if key not in counted}))
"""


def menu(gateway: str, *paths: str) -> list[dict[str, Any]]:
    """Return the entries of a router's menus, with the packets that they counted."""
    said = run(gateway, f"python3 -c {shlex.quote(MENU)} {shlex.quote(';'.join(paths))} packets")
    return [json.loads(line) for line in said.splitlines()]


def spoofed(gateway: str, tunnel: str) -> int:
    """Return how many packets a gateway dropped because what came by a tunnel claimed to be another's."""
    if gateway in hosts("mikrotik_chr"):
        return sum(entry["packets"] for entry in menu(gateway, "ip firewall raw") if entry["comment"] == f"unde: spoofed {tunnel}")
    rules = run(gateway, "nft list table inet unde_gateway")
    return sum(int(packets) for packets in re.findall(rf'counter packets (\d+) .*comment "spoofed: {tunnel}"', rules))


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
    return run(host, f"{PSQL} -X -A -t -v ON_ERROR_STOP=1 -d {database} -f -", stdin=query, user="postgres")


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


def switch_over(shard: dict[str, Any], candidate: str) -> None:
    """Let another member lead, as soon as Patroni lets it, which refuses a standby that is behind; patronictl ends well whatever the answer was.

    Raises:
        AssertionError: it does not lead in time.

    """

    def accepted() -> bool:
        former = leader(shard)
        said = run(str(former), f"patronictl -c /etc/patroni/config.yml switchover --leader {former} --candidate {candidate} --force", timeout=120)
        return "Successfully switched over" in said

    until(f"Patroni lets {candidate} lead", accepted, 120, pause=2)
    until(f"{candidate} leads", lambda: leader(shard) == candidate, 60)


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
