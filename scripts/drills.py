#!/usr/bin/env python3
"""Run drills one after the other on the running lab, in an order that a seed gives: ``scripts/drills.py --seed 7 --count 6``, or ``--hours 2``.

Every fault comes once before any comes again, each time in another order; the same seed gives the same sequence. After each drill every gate is judged. What
came of them is a table and ``.cache/drills/sequence-<seed>.json``; the records of each are beside it (docs/drills.md). Ends with 1 if a drill did not hold,
or a gate was red after it; the sequence goes on all the same, unless the estate is not whole, when no further drill begins.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "playbooks/vars/drill.yml"
RECORDS = ROOT / ".cache/drills"


def faults() -> list[str]:
    """Return every fault, as the table has them."""
    return list(yaml.safe_load(TABLE.read_text(encoding="utf-8"))["drill_faults"])


def sequence(seed: int, names: Sequence[str]) -> Iterator[str]:
    """Yield faults for ever: all in an order, then all in another one."""
    # Who draws in earnest is not asked for; the same seed gives the same order with any release of Python.
    draw = random.Random(seed)
    while True:
        round_ = list(names)
        draw.shuffle(round_)
        yield from round_


def play(playbook: str, *words: str) -> bool:
    """Run a playbook on the lab; return whether it ended well."""
    return subprocess.run(["scripts/lab-playbook", f"playbooks/{playbook}", *words], cwd=ROOT, check=False).returncode == 0


def run(seed: int, names: Sequence[str], count: int | None, hours: float | None, shard: int) -> list[dict[str, Any]]:
    """Run drills until so many have run, or so many hours are over; return what came of each."""
    done: list[dict[str, Any]] = []
    end = time.monotonic() + hours * 3600 if hours else None
    for fault in itertools.islice(sequence(seed, names), count if end is None else None):
        if end is not None and time.monotonic() > end:
            break
        began = time.monotonic()
        held = play("drills/drill.yml", "-e", "drill=yes", "-e", f"fault={fault}", "-e", f"shard={shard}")
        green = play("gates/all.yml")
        done.append({"fault": fault, "held": held, "green": green, "seconds": round(time.monotonic() - began, 1)})
        print(f"── {len(done)} {fault}: {'held' if held else 'did not hold'}, gates {'green' if green else 'red'}", flush=True)
        RECORDS.mkdir(parents=True, exist_ok=True)
        (RECORDS / f"sequence-{seed}.json").write_text(json.dumps({"seed": seed, "shard": shard, "drills": done}, indent=1) + "\n", encoding="utf-8")
        if not green:
            print("The estate is not whole: no further drill begins.", file=sys.stderr)
            break
    return done


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="of the order (default: %(default)s)")
    parser.add_argument("--count", type=int, default=None, help="drills to run (default: every fault once)")
    parser.add_argument("--hours", type=float, default=None, help="in place of a count: begin drills for so long")
    parser.add_argument("--shard", type=int, default=0, help="whose members they break (default: %(default)s)")
    parser.add_argument("faults", nargs="*", help="only these (default: all)")
    given = parser.parse_args()
    names = given.faults or faults()
    if unknown := sorted(set(names) - set(faults())):
        parser.error(f"there is no fault {', '.join(unknown)}; there are {', '.join(faults())}")
    done = run(given.seed, names, given.count or len(names), given.hours, given.shard)
    for number, each in enumerate(done, 1):
        print(f"{number:3} {each['fault']:20} {'held' if each['held'] else 'BROKEN':8} gates {'green' if each['green'] else 'RED':6} {each['seconds']:7.1f} s")
    return 0 if done and all(each["held"] and each["green"] for each in done) else 1


if __name__ == "__main__":
    sys.exit(main())
