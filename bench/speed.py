#!/usr/bin/env python3
"""How long the generator and the inventory take, as ratios to a yardstick that is measured in the same run.

Each ratio is that of the shortest of several runs of two commands, taken in turn, so that a slow minute of the machine hits both.
The yardstick of the inventory is ``plugins/published.py``, which publishes the same variables (this is checked) and computes nothing.
A ratio beyond its bound ends with exit code 1, but with ``--tell``. Figures: wall clock in seconds, peak resident memory in MiB, both of the whole process.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
#: Shards → the estate that has them: the shipped one, and two that outgrow its pools (bench/wide.yml).
SHIPPED, MIDDLE, LARGE = 1, 186, 1986
#: An estate of 79 hosts within the shipped pools, for the losses.
LOSSES = 25
#: How much longer than the yardstick the whole inventory may take.
LIST = 1.10
#: How long the 99th of 100 callers of the gate may wait while PostHog is dead, milliseconds.
GATE_MS = 50
#: A process killed after this long has failed, seconds.
LIMIT_S = 300


@dataclass(frozen=True)
class Command:
    """A command with the variables that it needs besides the caller's."""

    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return what to type in the top folder."""
        return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in self.variables.items()), shlex.join(self.words)])

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment: nothing of the caller's that would change what is measured."""
        strange = ("UNDE_", "ANSIBLE_", "PYTHON")
        return {name: value for name, value in os.environ.items() if not name.startswith(strange)} | self.variables


@dataclass
class Figure:
    """The best of several runs."""

    wall_s: float = float("inf")
    peak_mib: float = float("inf")

    def add(self, command: Command) -> None:
        """Run the command once more.

        Raises:
            SystemExit: it failed.

        """
        began = time.perf_counter()
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command.words, cwd=ROOT, env=command.environment, stdout=subprocess.DEVNULL, stderr=said)
            guard = threading.Timer(LIMIT_S, process.kill)
            guard.start()
            _, status, used = os.wait4(process.pid, 0)
            guard.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                said.seek(0)
                sys.exit(f"{command}\nended with {process.returncode}: {said.read().decode()[-2000:]}")
        self.wall_s = min(self.wall_s, time.perf_counter() - began)
        self.peak_mib = min(self.peak_mib, used.ru_maxrss / 1024)


@dataclass(frozen=True)
class Ratio:
    """One line of the result; ``bound`` is None where the figure is only told."""

    name: str
    ours: float
    yardstick: float
    bound: float | None
    unit: str
    command: str
    beside: str

    @property
    def value(self) -> float:
        """Return how many times the yardstick it is."""
        return self.ours / self.yardstick

    @property
    def kept(self) -> bool:
        """Tell whether the bound is kept."""
        return self.bound is None or self.value <= self.bound


def taken_in_turn(one: Command, other: Command, rounds: int, bound: float) -> tuple[Figure, Figure]:
    """Return the figures of two commands; one unmeasured run each goes before, for the caches of the machine and our own.

    Where the bound is not kept, up to twice as many rounds follow: the shortest run is what a command takes, the rest is the machine's.
    """
    figures = (Figure(), Figure())
    for command in (one, other):
        Figure().add(command)
    for number in range(3 * rounds):
        if number >= rounds and figures[0].wall_s <= bound * figures[1].wall_s:
            break
        for figure, command in zip(figures, (one, other), strict=True):
            figure.add(command)
    return figures


def python(code: str) -> Command:
    """Return a command for a line of Python."""
    return Command((sys.executable, "-c", code))


def unde(*words: str) -> Command:
    """Return a command of ours."""
    return Command((str(Path(sys.executable).parent / "unde"), *words))


def estate(shards: int) -> dict[str, str]:
    """Return the variables that make the estate so large."""
    if shards == SHIPPED:
        return {}
    return {"UNDE_OVERLAY": str(BENCH / "wide.yml"), "UNDE_SET": f"shards.count={shards}"}


def ansible(words: list[str], variables: dict[str, str]) -> Command:
    """Return a command of Ansible's, as it is set up in this checkout."""
    name, *others = words
    return Command((str(Path(sys.executable).parent / name), *others), {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **variables})


def asked(command: Command) -> dict:
    """Return what a command prints as JSON."""
    return json.loads(subprocess.run(command.words, cwd=ROOT, env=command.environment, check=True, capture_output=True, timeout=LIMIT_S).stdout)


def publish(shards: int, folder: Path) -> dict[str, str]:
    """Write the ready-made plan of an estate; return the variables by which Ansible reads it."""
    known = asked(ansible(["ansible-inventory", "--list", "--export"], estate(shards)))
    hosts = known.pop("_meta")["hostvars"]
    whole = known.pop("all")
    members: dict[str, list[str]] = {host: [] for host in hosts}
    for group, content in known.items():
        for host in content.get("hosts", []):
            members[host].append(group)
    plan = {"all": whole.get("vars", {}), "groups": {group: content.get("vars", {}) for group, content in known.items()}, "hosts": hosts, "members": members}
    file = folder / f"{shards}.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    return {"ANSIBLE_INVENTORY": str(file), "ANSIBLE_INVENTORY_PLUGINS": str(BENCH / "plugins"), "ANSIBLE_INVENTORY_ENABLED": "published"}


def same(one: Command, other: Command) -> None:
    """Compare two inventories.

    Raises:
        SystemExit: they differ: the yardstick measures something else.

    """
    first, second = asked(one)["_meta"], asked(other)["_meta"]
    if first != second:
        sys.exit(f"not the same inventory: {one} and {other}")


def generator(rounds: int) -> Iterator[Ratio]:
    """Yield the ratios of the command line."""
    layout = ["--set", f"shards.count={LOSSES}"]
    for name, ours, yardstick, bound in (
        ("unde check", unde("check"), python("import pydantic, yaml"), 4.0),
        ("unde --help", unde("--help"), python("import typer"), 3.0),
        ("unde survive --pairs, 79 hosts", unde("survive", "--pairs", "--format", "json", *layout), unde("check", *layout), 5.0),
    ):
        figures = taken_in_turn(ours, yardstick, rounds, bound)
        yield Ratio(name, figures[0].wall_s, figures[1].wall_s, bound, "s", str(ours), str(yardstick))


def inventory(rounds: int, folder: Path, sizes: list[int]) -> Iterator[Ratio]:
    """Yield the ratios of the inventory."""
    per_host: dict[int, float] = {}
    for shards in sizes:
        published, ready = estate(shards), publish(shards, folder)
        count = len(json.loads((folder / f"{shards}.json").read_text(encoding="utf-8"))["hosts"])
        times = rounds if shards == SHIPPED else max(2, rounds // 3)
        ours, yardstick = (ansible(["ansible-inventory", "--list"], variables) for variables in (published, ready))
        same(ours, yardstick)
        figures = taken_in_turn(ours, yardstick, times, LIST)
        per_host[shards] = figures[0].wall_s / count
        time_bound, memory_bound = (None, None) if shards == MIDDLE else (LIST, 1.15)  # the middle is there for the time of each host
        yield Ratio(f"inventory --list, {count} hosts", figures[0].wall_s, figures[1].wall_s, time_bound, "s", str(ours), str(yardstick))
        yield Ratio(f"inventory --list, {count} hosts: memory", figures[0].peak_mib, figures[1].peak_mib, memory_bound, "MiB", str(ours), str(yardstick))
        first = ansible(["ansible-inventory", "--list"], {**published, "ANSIBLE_INVENTORY_CACHE": "false"})
        cold = Figure()
        for _ in range(times):
            cold.add(first)
        yield Ratio(f"the same, the first after a change, {count} hosts", cold.wall_s, figures[1].wall_s, None, "s", str(first), str(yardstick))
        if shards == LARGE:
            ours, yardstick = (ansible(["ansible", "all", "--list-hosts"], variables) for variables in (published, ready))
            figures = taken_in_turn(ours, yardstick, times, 1.15)
            yield Ratio(f"ansible all --list-hosts, {count} hosts", figures[0].wall_s, figures[1].wall_s, 1.15, "s", str(ours), str(yardstick))
            large = per_host[LARGE] * 1000, per_host[MIDDLE] * 1000
            yield Ratio(f"inventory --list, each of {count} hosts beside each of 400", *large, 1.2, "ms", "as above", "as above")


def gate(events: int = 1000) -> Ratio:
    """Return how soon the gate in front of PostHog answers when nobody stands behind it: the 99th of 100 answers."""
    sys.path.insert(0, str(ROOT / "roles/posthog/files"))
    from unde_gate.counters import Counters
    from unde_gate.policy import Policy
    from unde_gate.relay import Relay
    from unde_gate.server import Gate

    with socket.create_server(("127.0.0.1", 0)) as nobody:
        upstream = nobody.getsockname()[:2]
    counters, known = Counters(), json.loads((ROOT / "roles/posthog/files/unde_gate/events.json").read_text(encoding="utf-8"))
    relay = Relay(counters, upstream, "/i/v0/e/", 500, 1.0)
    relay.start()
    server = Gate(("127.0.0.1", 0), Policy(known, b"a key of the bench"), relay, counters)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    event = {"api_key": "phc_" + "k3Jd9sLq2M" * 4, "event": "user_message_sent", "distinct_id": hashlib.sha256(b"somebody").hexdigest(), "properties": {}}
    connection, took = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=LIMIT_S), []
    for _ in range(events):
        began = time.perf_counter()
        connection.request("POST", "/i/v0/e/", json.dumps(event))
        answer = connection.getresponse()
        said = answer.read().decode()
        if answer.status != 200:
            sys.exit(f"the gate answered {answer.status}: {said}")
        took.append((time.perf_counter() - began) * 1000)
    server.shutdown()
    server.server_close()
    return Ratio("gate of a dead PostHog, the 99th of 100 answers", sorted(took)[events * 99 // 100], GATE_MS, 1.0, "ms", "in this process", "the promise")


def table(ratios: list[Ratio]) -> Table:
    """Return the result as a table."""
    shown = Table(box=None, header_style="bold")
    for title in ("what", "ours", "yardstick", "ratio", "bound", ""):
        shown.add_column(title, justify="left" if title in ("what", "") else "right")
    for ratio in ratios:
        bound = f"≤ {ratio.bound:.2f}" if ratio.bound else ""
        shown.add_row(
            ratio.name, f"{ratio.ours:.3g} {ratio.unit}", f"{ratio.yardstick:.3g} {ratio.unit}", f"{ratio.value:.2f}", bound, "" if ratio.kept else "beyond",
        )
    return shown


def main() -> int:
    """Measure, tell, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="runs of each small command; large ones take a third (default %(default)s)")
    parser.add_argument("--small", action="store_true", help="leave out the estate of four thousand hosts, which takes minutes")
    parser.add_argument("--tell", action="store_true", help="show the figures and judge none: a busy machine fails nothing")
    parser.add_argument("--json", type=Path, help="write the figures here, each with the command that gives it")
    arguments = parser.parse_args()
    # Without them every start would compile the sources anew, and that would be measured.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "generator"), str(ROOT / "plugins"), str(BENCH)], check=True)
    sizes = [SHIPPED, MIDDLE] if arguments.small else [SHIPPED, MIDDLE, LARGE]
    with tempfile.TemporaryDirectory() as folder:
        ratios = [*generator(arguments.rounds), *inventory(arguments.rounds, Path(folder), sizes), gate()]
    Console(soft_wrap=True).print(table(ratios))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        figures = [{**asdict(ratio), "ratio": round(ratio.value, 3), "kept": ratio.kept} for ratio in ratios]
        arguments.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if arguments.tell or all(ratio.kept for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
