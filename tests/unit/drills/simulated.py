"""A shard with a failover, simulated: what its clients, its members and an observer would write down, as plain data to write, to spoil, to judge.

Sound by construction: a member applies writes in the order in which they reach it, the new leader begins with what had reached it, no member
acknowledges after another has been promoted. A test spoils one thing and looks whether that is found.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies

import support

Row = dict[str, Any]
FIRST, SECOND = "shard-a", "shard-b"
BOOT = "kernel-one"
WALL = 1_700_000_000.0


@dataclass
class Setting:
    """What of a run may differ.

    Attributes:
        before, outage, after: seconds.
        unreplicated: how many seconds before the fault the replica is behind: acknowledged then means lost.
        clocks: host → (boot id, when its monotonic clock began, by how much its time of day is ahead), seconds.

    """

    seed: int = 0
    before: float = 3.0
    outage: float = 18.0
    after: float = 4.0
    unreplicated: float = 0.0
    interval: float = 0.1
    workers: int = 2
    failover: bool = True
    mended: float | None = None
    clocks: dict[str, tuple[str, float, float]] = field(default_factory=dict)


@dataclass
class Made:
    """The files of a run, by name: their lines; ``run`` and ``foretold`` are run.json and foretold.json."""

    run: Row
    foretold: list[Row] | None
    files: dict[str, list[Row]]

    def write(self, folder: Path) -> Path:
        """Write them."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps(self.run), encoding="utf-8")
        if self.foretold is not None:
            (folder / "foretold.json").write_text(json.dumps(self.foretold), encoding="utf-8")
        for name, lines in self.files.items():
            told = [line | {"lines": len(lines) - 2} if line["kind"] == "end" else line for line in lines]
            (folder / name).write_text("".join(json.dumps(line) + "\n" for line in told), encoding="utf-8")
        return folder

    def lines(self, name: str, kind: str) -> list[Row]:
        """Return the lines of a kind, to change in place."""
        return [line for line in self.files[name] if line["kind"] == kind]

    def operations(self, name: str = "near.jsonl", **wanted: Any) -> list[Row]:
        """Return the operations of a client with some values."""
        return [line for line in self.lines(name, "operation") if all(line.get(key) == value for key, value in wanted.items())]

    def row(self, moment: str, user: int, number: int) -> Row:
        """Return a row of a state."""
        [row] = [row for row in self.lines(f"{moment}.jsonl", "row") if (row["user"], row["number"]) == (user, number)]
        return row

    def drop(self, moment: str, user: int, number: int) -> None:
        """Take a row away."""
        self.files[f"{moment}.jsonl"].remove(self.row(moment, user, number))


class Clock:
    """What a host's clocks say at a moment of the run."""

    def __init__(self, setting: Setting, host: str) -> None:
        """By default all hosts are containers of one machine."""
        self.host = host
        self.boot, self.began, self.ahead = setting.clocks.get(host, (BOOT, 5000.0, 0.0))

    def at(self, moment: float) -> float:
        """Return the monotonic time."""
        return round(self.began + moment, 6)

    def head(self, moment: float) -> Row:
        """Return what a first line says of it."""
        return {"host": self.host, "boot": self.boot, "wall": WALL + moment + self.ahead, "monotonic": self.at(moment)}

    def end(self, moment: float) -> Row:
        """Return a last line."""
        return {"kind": "end", "wall": WALL + moment + self.ahead, "monotonic": self.at(moment), "lines": 0}


def simulated(setting: Setting) -> Made:
    """Return what a run writes down: two clients that write, one of which keeps its session, one that reads, an observer, two states."""
    dice = random.Random(setting.seed)
    fault, promoted = setting.before, setting.before + setting.outage
    stop = promoted + setting.after
    rows: list[tuple[float, int, int]] = []  # when committed, user, number
    files: dict[str, list[Row]] = {}
    acknowledged: list[tuple[float, int, int]] = []

    def taken(moment: float) -> tuple[str, int] | None:
        """Return who takes a write at a moment, and on which timeline."""
        if moment < fault or not setting.failover:
            return FIRST, 1
        return (SECOND, 2) if moment >= promoted else None

    def survives(commit: float) -> bool:
        return not setting.failover or commit < fault - setting.unreplicated or commit >= promoted

    for number, (name, site, reconnects) in enumerate((("near", "local", True), ("far", "helsinki", True), ("pinned", "local", False))):
        clock, lines = Clock(setting, f"{name}-host"), []
        users = list(range(100 * number, 100 * number + setting.workers))
        for worker, user in enumerate(users):
            moment, count = 0.1 + dice.random() * setting.interval, 1
            while moment < stop:
                member = taken(moment)
                if member and not reconnects and member[0] == SECOND:
                    member = None
                latency = 0.002 + dice.random() * (0.01 if site == "local" else 0.1)
                call = {"kind": "operation", "what": "write", "worker": worker, "user": user, "number": count, "begin": clock.at(moment)}
                if member is not None:
                    commit = moment + latency / 2
                    if taken(commit) != member:  # it was lost on the way
                        lines.append(call | {"end": clock.at(moment + 1.0), "result": "unknown", "error": "timeout"})
                        moment += 1.0
                        continue
                    if not any((user, count) == (other, known) and (member[0] == FIRST or survives(known_at)) for known_at, other, known in rows[-50:]):
                        rows.append((commit, user, count))
                    answered = moment + latency
                    if answered > fault > moment and setting.failover:
                        lines.append(call | {"end": clock.at(moment + 1.0), "result": "unknown", "error": "server closed the connection"})
                        moment += 1.0
                        continue
                    lines.append(call | {"end": clock.at(answered), "result": "ok", "member": member[0], "timeline": member[1]})
                    acknowledged.append((answered, user, count))
                    count += 1
                    moment += max(setting.interval, latency + 0.001)
                else:
                    result = "failed" if dice.random() < 0.5 else "unknown"
                    spent = 0.05 + dice.random() * 0.5
                    lines.append(call | {"end": clock.at(moment + spent), "result": result, "error": "no member takes writes"})
                    moment += spent + 0.01
        lines.sort(key=lambda line: line["end"])
        head = {"kind": "client", "format": 1, "client": name, "site": site, "shard": "shard0", "users": users, "write_interval_s": setting.interval,
                "reconnects": reconnects, **clock.head(0.05)}
        files[f"{name}.jsonl"] = [head, *lines, clock.end(stop + 0.5)]

    rows.sort()
    kept = [row for row in rows if survives(row[0])]
    files["reader.jsonl"] = _reader(setting, dice, rows, kept, stop)
    files["before.jsonl"], files["after.jsonl"], again = _states(setting, kept, acknowledged, stop)
    files["near.jsonl"][-1:] = [*again, Clock(setting, "near-host").end(stop + 2.5)]
    files["observer.jsonl"] = _observer(setting, fault, promoted, stop)
    run = {
        "format": 1, "name": "2026-11-30-host-lost-1", "drill": "host_lost", "fault": "host-lost", "targets": [FIRST], "losses": [f"host:{FIRST}"],
        "rtt_ms": 120, "loss_percent": 0, "command": "ansible-playbook playbooks/drills/lose_primary.yml -e drill=yes", "revision": "abc1234",
        "alerts": ["ShardWithoutPrimary"], "bounds": {},
        "clocks": [sample(setting, host, moment) for host in setting.clocks for moment in (0.0, stop)], **Clock(setting, "runner").head(0.0),
    }
    foretold = [
        {"name": "scenario-1", "kind": "promise", "holds": True, "tried": 1, "broken": [], "where": "scenario 1", "stays": False, "within_s": 30,
         "adds_ms": None},
        {"name": f"host:{FIRST}", "kind": "loss", "rto_s": [16, 29], "shards": [
            {"name": "shard0", "state": "writable", "where": SECOND, "site": "helsinki", "moved": True, "rto_s": [16.0, 29.0]}]},
    ]
    return Made(run, foretold, files)


def _reader(setting: Setting, dice: random.Random, rows: list[tuple[float, int, int]], kept: list[tuple[float, int, int]], stop: float) -> list[Row]:
    """Return what a client that reads writes down: users of all writers, of the primary and of the replica in turn, and searches."""
    clock, fault, promoted = Clock(setting, "reader-host"), setting.before, setting.before + setting.outage
    users, lines, moment, turn = sorted({user for _, user, _ in rows}), [], 0.2, 0
    while moment < stop:
        user, latency = dice.choice(users), 0.002 + dice.random() * 0.02
        asked, moved = moment + latency / 2, setting.failover and moment >= promoted
        call = {"kind": "operation", "what": "read", "worker": 0, "user": user, "begin": clock.at(moment), "of": "replica"}
        if turn % 5 == 4:
            call["what"] = "search"
        primary = turn % 3 != 2
        if primary:
            call |= {"worker": 1, "of": "primary"}
        if primary and setting.failover and fault <= asked < promoted:
            lines.append(call | {"end": clock.at(moment + 0.5), "result": "failed", "error": "timeout"})
            moment += 0.51
        else:
            behind = 0.0 if primary else 0.3
            there = kept if moved or not primary else rows
            visible = [number for commit, other, number in there if other == user and commit <= asked - behind]
            lines.append(call | {"end": clock.at(moment + latency), "result": "ok", "member": SECOND if moved == primary else FIRST,
                                 "seen": max(visible, default=None)})
            moment += max(0.05, latency + 0.001)
        turn += 1
    head = {"kind": "client", "format": 1, "client": "reader", "site": "helsinki", "shard": "shard0", "read_interval_s": 0.05, "search_interval_s": 0.25,
            **clock.head(0.05)}
    return [head, *lines, clock.end(stop + 0.5)]


def _states(setting: Setting, rows: list[tuple[float, int, int]], acknowledged: list[tuple[float, int, int]],
            stop: float) -> tuple[list[Row], list[Row], list[Row]]:
    """Return both states, and what a client wrote again between them."""
    clock, writer = Clock(setting, "shard-b-host"), Clock(setting, "near-host")
    member, timeline = (SECOND, 2) if setting.failover else (FIRST, 1)
    head = {"kind": "state", "format": 1, "shard": "shard0", "member": member, "timeline": timeline}
    kept = [{"kind": "row", "user": user, "number": number, "position": place} for place, (_, user, number) in enumerate(rows, 1)]
    lost = sorted({(user, number) for _, user, number in acknowledged} - {(user, number) for _, user, number in rows})
    again = [{"kind": "operation", "what": "replay", "worker": 0, "user": user, "number": number, "begin": writer.at(stop + 1 + place / 1000),
              "end": writer.at(stop + 1.0005 + place / 1000), "result": "ok", "member": member, "timeline": timeline}
             for place, (user, number) in enumerate(lost)]
    added = [{"kind": "row", "user": user, "number": number, "position": len(rows) + 32 + place} for place, (user, number) in enumerate(lost, 1)]
    before = [head | {"moment": "before-replay"} | clock.head(stop + 0.9), *kept, clock.end(stop + 0.95)]
    after = [head | {"moment": "after-replay"} | clock.head(stop + 3), *kept, *added, clock.end(stop + 3.1)]
    return json.loads(json.dumps(before)), json.loads(json.dumps(after)), again


def _observer(setting: Setting, fault: float, promoted: float, stop: float) -> list[Row]:
    """Return what an observer writes down."""
    clock = Clock(setting, "runner")
    led = {"kind": "leader", "shard": "shard0"}
    lines = [
        led | {"at": 0.1, "member": FIRST, "timeline": 1}, {"kind": "votes-leader", "at": 0.1, "member": "etcd-2"},
        {"kind": "routing", "at": 0.1, "site": "local", "shard": "shard0", "member": FIRST, "epoch": 7},
        {"kind": "whole", "at": 0.1, "shard": "shard0", "whole": True},
        *({"kind": "lag", "at": moment / 2, "shard": "shard0", "member": SECOND, "lag_bytes": 1000 * moment} for moment in range(1, int(2 * fault))),
        {"kind": "fault", "at": fault, "name": "power", "target": FIRST},
        {"kind": "mended", "at": setting.mended or promoted + 1, "name": "power", "target": FIRST},
    ]
    if setting.failover:
        lines += [
            {"kind": "whole", "at": fault + 1, "shard": "shard0", "whole": False},
            led | {"at": promoted, "since": promoted - 0.2, "member": SECOND, "timeline": 2},
            {"kind": "routing", "at": promoted + 0.6, "since": promoted + 0.4, "site": "local", "shard": "shard0", "member": SECOND, "epoch": 8},
            {"kind": "whole", "at": stop + 4, "since": stop + 3, "shard": "shard0", "whole": True},
        ]
    lines += [
        {"kind": "alert", "at": fault + 8, "name": "ShardWithoutPrimary", "state": "firing", "watch": "helsinki", "about": "shard0"},
        {"kind": "alert", "at": stop + 2, "name": "ShardWithoutPrimary", "state": "resolved", "watch": "helsinki", "about": "shard0"},
    ]
    timed = [line | {key: clock.at(line[key]) for key in ("at", "since") if key in line} for line in sorted(lines, key=lambda line: line["at"])]
    return [{"kind": "observer", "format": 1, "observer": "runner", **clock.head(0.0)}, *timed, clock.end(stop + 5)]


def sample(setting: Setting, host: str, moment: float, there: float = 0.01, back: float = 0.01) -> Row:
    """Return what the machine that runs the drill learns of a host's time of day."""
    clock = Clock(setting, host)
    sent = WALL + moment
    return {"host": host, "boot": clock.boot, "sent": sent, "answered": sent + there + clock.ahead, "received": sent + there + back}


def documented(folder: Path) -> Path:
    """Write the run that docs/drills.md shows: every block of JSON there is a file, named before it."""
    text = (support.ROOT / "docs" / "drills.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^`([\w-]+\.jsonl?)`[^\n]*\n\n```json\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    folder.mkdir(parents=True, exist_ok=True)
    for name, block in blocks:
        (folder / name).write_text(block, encoding="utf-8")
    return folder


@strategies.composite
def settings(draw: Callable[..., Any]) -> Setting:
    """Return any setting of a sound run, several kernels and clocks that are off among them."""
    def off() -> float:
        return draw(strategies.floats(-5, 5))

    many = draw(strategies.booleans())
    hosts = ("near-host", "far-host", "pinned-host", "reader-host", "shard-b-host")
    return Setting(
        seed=draw(strategies.integers(0, 2**16)),
        before=draw(strategies.floats(1, 3)), outage=draw(strategies.floats(0.5, 8)), after=draw(strategies.floats(1, 3)),
        unreplicated=draw(strategies.sampled_from([0.0, 0.3, 0.9])), failover=draw(strategies.booleans()), interval=draw(strategies.sampled_from([0.05, 0.2])),
        clocks={host: (f"kernel of {host}", draw(strategies.floats(1, 1e6)), off()) for host in hosts} if many else {},
    )
