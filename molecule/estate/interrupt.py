#!/usr/bin/env python3
"""Kill site.yml at fixed points, run it again, and show that it converges all the same.

A point is the start of a task on a host: the whole process group of the run is killed with SIGKILL the moment the task
begins, as a lost laptop or a power cut would. The points lie in the order of the run, so that each new run passes the
one before and dies at the next; the last run is not disturbed and must end well.

Between the points, a row is written to the first shard as soon as its plain PostgreSQL of day 9 answers, and looked for
at the end, when Patroni leads.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tests"))
import lab

#: Name → the task's title as Ansible prints it (role and title).
POINTS: dict[str, str] = {
    "packages": "base : Install what is missing",
    "keys": "wireguard_keys : Make the private keys that do not exist yet",
    "firewall": "gateway : Load the firewall where another one is loaded",
    "tunnels": "wireguard_peer : Change the running interfaces where they differ",
    "authority": "certificates : Make the authority's key and certificate",
    "first-primary": "postgres_shard : Create the cluster where this host is the first primary",
    "schema": "postgres_shard : Apply the schema",
    "copy": "postgres_shard : Copy the primary and follow it",
    "votes": "etcd : Start etcd",
    "handover": "patroni : Start Patroni on the standbys",
}


def spread(count: int) -> list[str]:
    """Return that many points, evenly over the run."""
    names = list(POINTS)
    return [names[(2 * number + 1) * len(names) // (2 * count)] for number in range(count)]


def die_at(title: str, limit: float) -> bool:
    """Run site.yml until a task begins, then kill it; return whether the task was reached.

    Raises:
        TimeoutError: neither the task nor the end of the run came in time.

    """
    run = subprocess.Popen(
        [str(lab.ROOT / "scripts/lab-playbook"), "site.yml"], cwd=lab.ROOT, text=True, start_new_session=True,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    end = time.monotonic() + limit
    assert run.stdout is not None
    try:
        for line in run.stdout:
            print(f"    {line}", end="", flush=True)
            if line.startswith("TASK [") and title in line:
                time.sleep(0.7)  # into the task, not before it
                return True
            if time.monotonic() > end:
                raise TimeoutError(f"'{title}' did not come within {limit:.0f} s")
        return False
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def mark_day_9() -> bool:
    """Write the row of day 9 once PostgreSQL answers and Patroni is not there yet; return whether it stands."""
    try:
        shard = lab.shards()[0]["members"][0]
        lab.sql(shard, "CREATE TABLE IF NOT EXISTS public.day_9 (row text PRIMARY KEY)")
        lab.sql(shard, "INSERT INTO public.day_9 VALUES ('kept') ON CONFLICT DO NOTHING")
        return True
    except (lab.CommandFailed, subprocess.TimeoutExpired):
        return False


def main() -> int:
    """Kill, run again, check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("points", nargs="*", help=f"which points; all unless given: {', '.join(POINTS)}")
    parser.add_argument("--spread", type=int, metavar="N", help="N points, evenly over the run")
    parser.add_argument("--limit", type=float, default=1500, help="seconds for one run")
    arguments = parser.parse_args()
    unknown = [point for point in arguments.points if point not in POINTS]
    if unknown:
        parser.error(f"unknown point {', '.join(unknown)}; known: {', '.join(POINTS)}")
    if arguments.spread:
        arguments.points = spread(arguments.spread)
    marked = False
    for point in arguments.points or POINTS:
        print(f"── {point}: killed at '{POINTS[point]}'", flush=True)
        if not die_at(POINTS[point], arguments.limit):
            print(f"   the run ended without reaching '{POINTS[point]}': nothing was interrupted")
            return 1
        marked = marked or mark_day_9()
    print("── the last run, undisturbed", flush=True)
    done = subprocess.run([str(lab.ROOT / "scripts/lab-playbook"), "site.yml"], cwd=lab.ROOT, check=False)
    if done.returncode != 0:
        print(f"site.yml does not converge after the kills: exit code {done.returncode}")
        return 1
    if marked:
        leader = lab.leader(lab.shards()[0])
        if leader is None or lab.sql(leader, "SELECT row FROM public.day_9") != "kept":
            print("the row written on day 9 is lost")
            return 1
        print("the row written on day 9 is there after day 11")
    print(f"{len(arguments.points or POINTS)} kills, converged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
