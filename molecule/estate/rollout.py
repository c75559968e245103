#!/usr/bin/env python3
"""From nothing to day 15, each day by its own playbook, on hosts that were just made; optionally with days that are killed half way.

A day that does not need to be believed: before day 9, day 10 is tried and has to refuse, since a gate that it needs is red. A point is the
start of a task on a host: the whole process group of the day's run is killed with SIGKILL the moment the task begins, as a lost laptop or a
power cut would; then the day is run again, and has to end well. A row that is written to the first shard on day 9, when it is plain
PostgreSQL, is looked for when Patroni leads. In the end every gate is measured once more, and each day is told with its gates and its time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tests"))
import lab

#: Name → day, and the task's title as Ansible prints it (role and title). The gateway's engine decides which of router and gateway there is.
POINTS: dict[str, tuple[int, str]] = {
    "packages": (1, "base : Install the missing packages"),
    "router": (1, "mikrotik_chr : Create a certificate"),
    "keys": (8, "wireguard_keys : Create missing private keys"),
    "gateway": (8, "gateway : Load the ruleset and enable forwarding"),
    "tunnels": (8, "wireguard_peer : Apply the configuration to the interfaces"),
    "first-primary": (9, "postgres_shard : Create the cluster of a first primary"),
    "schema": (9, "postgres_shard : Apply the schema"),
    "copy": (10, "postgres_shard : Clone the primary and start streaming"),
    "votes": (11, "etcd : Start etcd"),
    "handover": (11, "patroni : Start Patroni on the standbys"),
}
#: A gate's line in what a run says.
GATE = re.compile(r"[✓✗] day +\d+  [^\"]*")
#: A day that is tried before the one it needs.
TOO_EARLY, NEEDED = 10, 9
LIMIT_S = 1500


@dataclass(frozen=True)
class Run:
    """How one run of a playbook ended."""

    code: int
    said: str
    seconds: float

    @property
    def gates(self) -> list[str]:
        """Return the lines of its gates."""
        return [line.strip() for line in GATE.findall(self.said)]


def playbook(name: str, *words: str, die_at: str = "") -> Run:
    """Run a playbook on the lab, showing what it says; with ``die_at`` until that task begins, and then kill it.

    Raises:
        TimeoutError: it did not end in time.

    """
    began = time.monotonic()
    run = subprocess.Popen(
        [str(lab.ROOT / "scripts/lab-playbook"), name, *words], cwd=lab.ROOT, text=True, start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    assert run.stdout is not None
    said = []
    try:
        for line in run.stdout:
            print(f"    {line}", end="", flush=True)
            said.append(line)
            if die_at and re.match(r"(\x1b\[\S+)?TASK \[", line) and die_at in line:
                time.sleep(0.7)  # into the task, not before it
                os.killpg(run.pid, signal.SIGKILL)
                return Run(-signal.SIGKILL, "".join(said), time.monotonic() - began)
            if time.monotonic() - began > LIMIT_S:
                raise TimeoutError(f"{name} did not end within {LIMIT_S} s")
        return Run(run.wait(), "".join(said), time.monotonic() - began)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def days() -> dict[int, str]:
    """Return day → its playbook.

    Raises:
        SystemExit: a day of the layout has none, or the other way round.

    """
    files = {int(path.name[4:6]): str(path.relative_to(lab.ROOT)) for path in sorted((lab.ROOT / "playbooks/days").glob("day_*.yml"))}
    planned = [day["day"] for day in lab.plan("rollout")]
    if sorted(files) != planned:
        sys.exit(f"the layout has days {planned}, playbooks/days has {sorted(files)}")
    return files


def refuse_too_early(files: dict[int, str]) -> None:
    """Try a day whose gate is red.

    Raises:
        SystemExit: it began.

    """
    tried = playbook(files[TOO_EARLY])
    if tried.code == 0 or f"Day {TOO_EARLY} does not begin" not in tried.said or re.search(r"changed=[1-9]", tried.said):
        sys.exit(f"day {TOO_EARLY} began, although the gate of day {NEEDED} is red")


def killed(name: str, files: dict[int, str]) -> None:
    """Run a day, and kill it at a point.

    Raises:
        SystemExit: it did not come by there.

    """
    day, title = POINTS[name]
    print(f"── day {day}, killed at '{title}'", flush=True)
    if playbook(files[day], die_at=title).code != -signal.SIGKILL:
        sys.exit(f"day {day} ended without reaching '{title}': nothing was interrupted")


def mark() -> None:
    """Write the row of day 9, to PostgreSQL that no Patroni leads yet."""
    shard = lab.shards()[0]["members"][0]
    lab.sql(shard, "CREATE TABLE IF NOT EXISTS public.day_9 (row text PRIMARY KEY); INSERT INTO public.day_9 VALUES ('kept') ON CONFLICT DO NOTHING")


def marked() -> bool:
    """Return whether the row of day 9 is there."""
    leader = lab.leader(lab.shards()[0])
    return leader is not None and lab.sql(leader, "SELECT row FROM public.day_9") == "kept"


def main() -> int:
    """Roll out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kill", nargs="*", default=[], choices=POINTS, metavar="POINT", help=f"where: {', '.join(POINTS)}")
    parser.add_argument("--begin", type=int, default=1, metavar="DAY", help="go on from this day, on a lab that stands before it")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    arguments = parser.parse_args()
    files, told = days(), {}
    for day, file in files.items():
        if day < arguments.begin:
            continue
        if day == NEEDED:
            refuse_too_early(files)
        for name in arguments.kill:
            if POINTS[name][0] == day:
                killed(name, files)
        print(f"── day {day}: {file}", flush=True)
        told[day] = playbook(file, *(["-e", "drill=yes"] if day == max(files) else []))
        if told[day].code != 0:
            print(f"day {day} ended with {told[day].code}; run it again, it goes on from what is there: scripts/lab-playbook {file}")
            return 1
        if day == NEEDED:
            mark()
    end = playbook("playbooks/gates/all.yml", "-e", f"until={max(files)}")
    if not marked():
        print("the row that was written on day 9 is lost")
        return 1
    print()
    for day, run in told.items():
        print(f"day {day:2}  {run.seconds:6.1f} s  {files[day]}")
        print("".join(f"                  {line}\n" for line in run.gates if re.match(rf". day +{day} ", line)), end="")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({day: {"seconds": round(run.seconds, 1), "gates": run.gates} for day, run in told.items()}, ensure_ascii=False))
    verdict = "every gate is green" if end.code == 0 else "not every gate is green"
    print(f"{sum(run.seconds for run in told.values()):.0f} s, {len(arguments.kill)} kills, {verdict}")
    return end.code


if __name__ == "__main__":
    sys.exit(main())
