"""A shard of two members with their WAL, and one client of it: whatever fails between them does, in an order that a random number chooses."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from modelled_disk import Killed, ModelledDisk

from unde_client import Kind, Member, Record, writes
from unde_client.journal import SHELF, Journal
from unde_client.ledger import Ledger
from unde_client.members import Order
from unde_client.processes import (
    GUARD,
    LOOK,
    REPLAYS,
    Answer,
    AnsweredError,
    Ask,
    Connect,
    Consult,
    Drop,
    LostError,
    Pause,
    Process,
    Remove,
    Tell,
    UnreachableError,
    Verifier,
    Writer,
)

NOTE = Kind("note", "INSERT INTO note VALUES (%(id)s) ON CONFLICT DO NOTHING", "SELECT id FROM note WHERE id = ANY(%(ids)s)")
TASK = Kind("task", "INSERT INTO task VALUES (%(id)s) ON CONFLICT DO NOTHING", "SELECT id FROM task WHERE id = ANY(%(ids)s)")
Row = tuple[str, UUID, str, int]
number = itertools.count(1)


@dataclass(eq=False)
class Server:
    """A member: its WAL is a list of transactions, each itself and no other, with the rows that it made."""

    member: Member
    timeline: int = 1
    primary: bool = False
    reachable: bool = True
    wal: list[tuple[int, tuple[Row, ...]]] = field(default_factory=list)
    #: Transactions whose client heard nothing, and that go on.
    under_way: list[tuple[int, Sequence[Row]]] = field(default_factory=list)

    def rows(self) -> dict[UUID, Row]:
        """Return every row, in the order of the WAL."""
        return {row[1]: row for _, rows in self.wal for row in rows}

    def commit(self, rows: Sequence[Row]) -> list[int]:
        """Commit a transaction; return how many rows each statement made."""
        there = self.rows()
        fresh = [row for row in rows if row[1] not in there]
        if fresh:
            self.wal.append((next(number), tuple(fresh)))
        return [int(row[1] not in there) for row in rows]


class World:
    """Two members, a journal on a disk, and what callers were told."""

    def __init__(self, seed: int, refuses: bool = True) -> None:
        self.chance = random.Random(seed)
        self.servers = [Server(Member("a"), primary=True), Server(Member("b"))]
        self.disk = ModelledDisk()
        self.refuses = refuses
        self.acknowledged: dict[UUID, Row] = {}
        self.refused: set[UUID] = set()
        self.verified: set[UUID] = set()
        self.poisoned: set[UUID] = set()
        self.awaited: set[UUID] = set()
        self.log: list[str] = []
        self.clock = 0.0
        self.lives = 0
        self.faults = True
        self.start()

    # ── The client ───────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Open the journal, as a process does that has nothing else."""
        self.lives += 1
        self.awaited.clear()
        self.journal = Journal(self.disk, 2000)
        self.ledger = Ledger(self.journal.entries(), batch=8)
        order = Order([server.member for server in self.servers])
        kinds = {kind.name: kind for kind in (NOTE, TASK)}
        self.running: list[tuple[Process, Any]] = []
        for process in (Writer(self.ledger, kinds, "me", order, lambda: self.clock).run(), Verifier(self.ledger, kinds, order).run()):
            self.running.append((process, next(process)))

    def write(self) -> None:
        """Put a few writes into the journal."""
        group = []
        for seq in range(self.journal.next_seq, self.journal.next_seq + self.chance.randint(1, 4)):
            id = UUID(int=self.chance.getrandbits(128))
            if self.refuses and self.chance.random() < 0.04:
                self.poisoned.add(id)
            group.append(writes.entry(seq, id, self.chance.choice("abc"), self.chance.choice(["note", "task"]), {}))
        self.journal.put(group)
        self.awaited |= {entry.id for entry in group}
        self.ledger.accept(group)

    def advance(self, index: int) -> None:
        """Let one process have an answer, and ask the next thing."""
        process, request = self.running[index]
        try:
            answer = self.carry_out(request)
        except (UnreachableError, LostError, AnsweredError) as error:
            request = process.throw(error)
        else:
            request = process.send(answer)
        self.running[index] = process, request

    def carry_out(self, request: Any) -> Any:
        match request:
            case Consult():
                leads = max(self.servers, key=lambda each: each.timeline * each.primary)
                told = self.chance.choice(self.servers) if self.faults and self.chance.random() < 0.3 else leads
                return Record(told.member, told.timeline) if self.chance.random() < 0.8 else None
            case Connect(members, writable):
                for member in members:
                    server = self.server(member)
                    # A pooler may be wrong about what it stands before.
                    wrong = self.faults and self.chance.random() < 0.1
                    if server.reachable and (not writable or server.primary != wrong):
                        return server, member
                raise UnreachableError("nobody")
            case Ask(session, statements):
                return self.answer(session, statements)
            case Tell(entries, error):
                for entry in entries:
                    if error:
                        assert entry.id in self.poisoned, "a sound write was refused"
                        self.refused.add(entry.id)
                    else:
                        self.acknowledged[entry.id] = self.row(entry)
            case Remove(entries, shelve):
                for entry in entries:
                    if shelve:
                        self.journal.shelve(entry, shelve)
                    elif entry.id not in self.poisoned:
                        assert all(entry.id in server.rows() for server in self.servers), "it left, and is not on two members"
                        self.verified.add(entry.id)
                self.journal.done([entry.seq for entry in entries])
            case Pause(seconds):
                self.clock += seconds
            case Drop():
                pass
        return None

    def row(self, entry: writes.Entry) -> Row:
        return entry.kind, entry.id, entry.user, entry.seq

    # ── The shard ────────────────────────────────────────────────────────────────────────────────────────────────────

    def server(self, member: Member) -> Server:
        return next(server for server in self.servers if server.member == member)

    def answer(self, server: Server, statements: Sequence[tuple[str, Any]]) -> list[Answer]:
        """Be a member that is asked in one transaction."""
        fate = self.chance.random() if self.faults else 1.0
        if not server.reachable or fate < 0.04:
            raise LostError("before it arrived")
        answers: list[Answer] = []
        rows: list[Row] = []
        for text, values in statements:
            if text == LOOK:
                answers.append(Answer([[f"{server.timeline:08X}" if server.primary else ""]], 1))
            elif text == GUARD:
                if not server.primary or values["timeline"] != f"{server.timeline:08X}":
                    raise AnsweredError("22012", "division by zero")
                answers.append(Answer([[1]], 1))
            elif text == REPLAYS:
                answers.append(Answer([[not server.primary]], 1))
            elif values.get("ids") is not None:
                there = server.rows()
                answers.append(Answer([[id] for id in values["ids"] if id in there], len(values["ids"])))
            else:
                if values["id"] in self.poisoned:
                    raise AnsweredError("23514", "check constraint")
                if self.faults and self.chance.random() < 0.01:
                    raise AnsweredError("40P01", "deadlock detected")
                rows.append((text.split()[2], values["id"], values["user"], values["seq"]))
        if rows:
            if fate < 0.08:
                server.under_way.append((server.timeline, rows))
                raise LostError("and it goes on over there")
            answers += [Answer([], made) for made in server.commit(rows)]
            if fate < 0.12:
                raise LostError("after it was committed")
        return answers

    def leader(self) -> Server | None:
        """Return who leads as Patroni has it: the one on the highest timeline."""
        newest = max(self.servers, key=lambda each: each.timeline)
        return newest if newest.primary else None

    def replicate(self, most: int | None = None) -> None:
        """Let the standby have a part of what it lacks; one that has gone another way is rewound first, some time."""
        leader = self.leader()
        for server in self.servers:
            if leader is None or server is leader or server.primary:
                continue
            common = len(server.wal)
            if server.wal != leader.wal[:common]:
                if most is not None and self.chance.random() < 0.7:
                    continue
                common = next(i for i, (mine, its) in enumerate(itertools.zip_longest(server.wal, leader.wal)) if mine != its)
                server.wal = server.wal[:common]
            server.timeline = min(server.timeline, leader.timeline)
            count = len(leader.wal) if most is None else common + self.chance.randint(0, most)
            server.wal = leader.wal[: max(common, count)]

    def fail_over(self) -> None:
        """Promote a standby, whatever it lacks; the former primary goes on for a while, for whoever reaches it."""
        standby = self.chance.choice([server for server in self.servers if not server.primary] or [None])  # type: ignore[list-item]
        if standby:
            standby.timeline = 1 + max(server.timeline for server in self.servers)
            standby.primary = True
            self.log.append(f"{standby.member.host} leads on {standby.timeline}")

    def demote(self) -> None:
        """Have a primary that was overtaken notice."""
        leader = self.leader()
        for server in self.servers:
            if server.primary and server is not leader:
                server.primary = False
                server.under_way.clear()

    def finish(self) -> None:
        """Let transactions commit of which nobody hears."""
        for server in self.servers:
            for timeline, rows in server.under_way:
                if server.primary and server.timeline == timeline:
                    server.commit(rows)
            server.under_way.clear()

    def cut(self) -> None:
        self.chance.choice(self.servers).reachable = self.chance.random() < 0.6

    def die(self) -> None:
        """Kill the client, with or without the power of its host; it is started again."""
        if self.chance.random() < 0.4:
            self.disk.lose_power(self.chance)
        else:
            self.disk.begin_anew()
        self.start()

    # ── All of it ────────────────────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> None:
        """Let one thing happen."""
        deeds: dict[Any, int] = {
            self.write: 12, (lambda: self.advance(0)): 60, (lambda: self.advance(1)): 30, (lambda: self.replicate(3)): 14,
            self.fail_over: 1, self.demote: 3, self.finish: 4, self.cut: 2, self.die: 1, self.aim: 1,
        }  # fmt: skip
        [deed] = self.chance.choices(list(deeds), list(deeds.values()))
        try:
            deed()
        except Killed:
            self.die()
        for server in self.servers:
            self.in_order(server)

    def aim(self) -> None:
        """Have the process killed before one of its next system calls."""
        self.disk.kill_before = self.disk.calls + self.chance.randint(1, 20)

    def in_order(self, server: Server) -> None:
        last: dict[str, int] = {}
        for _, id, user, seq in server.rows().values():
            assert seq > last.get(user, 0), f"{id} of {user} came after a later one"
            last[user] = seq

    def heal(self) -> None:
        """Let nothing fail any more, until nothing is left to do."""
        self.faults, self.disk.kill_before = False, 0
        for server in self.servers:
            server.reachable = True
        for _ in range(400):
            self.demote()
            self.finish()
            self.advance(0)
            self.advance(1)
            self.replicate()
            if not self.ledger.unacknowledged and self.ledger.unverified and not self.ledger.question():
                # What was only replayed leaves with the next write.
                self.refuses = False
                self.write()
        assert not self.journal.live, [self.ledger.__dict__, self.running]

    def judge(self) -> None:
        leader = self.leader()
        assert leader
        rows = leader.rows()
        lost = {id for id in self.acknowledged if id not in rows}
        shelved = self.disk.files[SHELF].now.decode() if SHELF in self.disk.files else ""
        assert not {id for id in lost if id.hex not in shelved}, "acknowledged, and lost"
        assert self.verified <= set(rows), "verified, and lost"
        assert not self.poisoned & set(rows)
        assert not self.refused & set(self.acknowledged)
