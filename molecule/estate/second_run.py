#!/usr/bin/env python3
"""Run site.yml once more on the running lab and show that it changes nothing and restarts nothing.

Compares the start time of every process of every service that matters before and after, and reads the recap: a changed
task, a failed host or a restarted process ends with exit code 1. Prints how long each role took. With ``--no-op``, what it took is told as a multiple of one
task that does nothing, on all hosts, by the same strategy and in the same minutes, too: that figure holds on any machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tests"))
import lab

#: Main processes of what must not be restarted; a postmaster under Patroni has no unit of its own.
PROCESSES = "postgres|patroni|etcd|redis-server|unde-routing|pgbouncer|wireguard-go|chronyd|sshd|systemd-journald|prometheus|prometheus-.*"
#: So many tasks that do nothing tell how long one takes: the difference to a play with a single one.
NOTHINGS = 11
#: Direct children of the first process or of Patroni only: connections and workers come and go.
LIST = (
    "for p in /proc/[0-9]*; do n=$(cat $p/comm 2>/dev/null) || continue; "
    f"echo \"$n\" | grep -qxE '{PROCESSES}' || continue; set -- $(sed 's/.*) //' $p/stat); "
    "parent=$2; pc=$(cat /proc/$parent/comm 2>/dev/null); "
    "case \"$parent:$pc\" in 1:*|*:patroni|*:systemd) echo \"$n ${p#/proc/} ${20}\";; esac; done | sort; "
    "ip -o link show type tun 2>/dev/null | cut -d: -f1,2; ip -o link show type wireguard 2>/dev/null | cut -d: -f1,2"
)
#: Why something restarted, as its host tells it: what systemd and Patroni did since some time before the run, in seconds since 1970.
WHY = "journalctl -q --no-hostname -o short-iso --since @{since:.0f} -u init.scope -u patroni -n 60"
#: Seconds before the run of which the host is asked, too: what happens in it may have begun earlier.
EARLIER_S = 180


def processes() -> dict[str, list[str]]:
    """Return host → its services' processes with their start time in clock ticks, and its tunnels with their index."""
    return {host: said.splitlines() for host, said in lab.everywhere(lab.hosts(), lambda host: lab.run(host, LIST)).items()}


def nothing_s(tasks: int) -> float:
    """Return the seconds of a playbook of so many tasks that do nothing, on all hosts."""
    play = {"hosts": "all", "gather_facts": False, "become": True, "tasks": [{"ansible.builtin.ping": {}}] * tasks}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as playbook:
        json.dump([play], playbook)
        playbook.flush()
        began = time.monotonic()
        subprocess.run([str(lab.ROOT / "scripts/lab-playbook"), playbook.name], cwd=lab.ROOT, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def main() -> int:
    """Run, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--no-op", action="store_true", help="measure a task that does nothing beside it, half a minute")
    arguments = parser.parse_args()
    before, since = processes(), time.time() - EARLIER_S
    environment = {**os.environ, "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_roles", "ANSIBLE_FORCE_COLOR": "0"}
    began = time.monotonic()
    run = subprocess.Popen(
        [str(lab.ROOT / "scripts/lab-playbook"), "site.yml"], cwd=lab.ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    assert run.stdout is not None
    lines = []
    for line in run.stdout:
        print(line, end="", flush=True)
        lines.append(line.rstrip())
    run.wait()
    seconds = time.monotonic() - began
    after = processes()

    recap = {
        found[1]: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", found[2])}
        for line in lines
        if (found := re.match(r"^(\S+)\s+: (ok=.*)$", line))
    }
    problems = [f"{host} is missing from the recap" for host in before if host not in recap]
    for host, counts in recap.items():
        problems += [f"{host}: {key}={counts[key]}" for key in ("changed", "failed", "unreachable", "ignored", "rescued") if counts.get(key)]
    restarted = {host: gone for host in before if (gone := [line for line in before[host] if line not in after[host]])}
    for host, gone in restarted.items():
        problems += [f"{host}: was running, is gone or restarted: {line}" for line in gone]
    if run.returncode != 0:
        problems.append(f"site.yml ended with {run.returncode}")
    watched = sum(map(len, before.values()))
    tasks, skipped = (sum(counts.get(key, 0) for counts in recap.values()) for key in ("ok", "skipped"))
    print(f"\nsecond run: {seconds:.0f} s, {tasks} tasks run and {skipped} skipped on {len(recap)} hosts, "
          f"{watched} processes and tunnels watched")
    for host in restarted:
        print(f"\n  {host} says:\n{lab.run(host, WHY.format(since=since))}")
    for problem in problems:
        print(f"  {problem}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {"seconds": round(seconds, 1), "tasks": tasks, "skipped": skipped, "hosts": len(recap), "problems": problems}
        if arguments.no_op:
            no_op_s = (nothing_s(NOTHINGS) - nothing_s(1)) / (NOTHINGS - 1)
            print(f"a task that does nothing on all hosts: {no_op_s:.2f} s; the second run is {seconds / no_op_s:.0f} of them")
            figures |= {"no_op_s": round(no_op_s, 3), "no_ops": round(seconds / no_op_s, 1)}
        arguments.json.write_text(json.dumps(figures, indent=2))
    print("nothing changed, nothing restarted" if not problems else f"{len(problems)} problems")
    return 1 if problems or not watched else 0


if __name__ == "__main__":
    sys.exit(main())
