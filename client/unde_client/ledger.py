"""What is known of each write that is in the journal, and what is to be done next: pure, without clock, disk or network.

A write is *queued* until it is sent, *sent* until it is known what became of it, *in doubt* where that will not be told, and *held* when the primary has
acknowledged it. It leaves when another member is known to have it too. What that knowledge rests on:

- A lineage is a member and the timeline on which it is primary. Each transaction says on which one it counts, and fails on another. All of one lineage's
  transactions go through one connection, one after the other, so that the order of batches is the order in its WAL.
- A *tracer* is a write that was sent once, and by which a row came to be. Where a standby other than that primary shows the row, it has replayed the
  primary's WAL up to there: with it every batch of that lineage up to the tracer's. Rows that may have been written before, on whatever member, prove
  nothing: a former primary that was not rewound yet shows them, and will lose them.
- On another lineage everything that was held is in doubt again: it is asked for, and sent again where it is missing, before anything new.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from unde_client.members import Lineage
from unde_client.writes import Entry

#: Classes of errors that the same write would meet every time: data, integrity, syntax and rights, unsupported, and what a trigger or view refuses.
FINAL = {"0A", "21", "22", "23", "27", "2F", "38", "39", "42", "44", "P0"}
#: What is counted.
COUNTED = ("acknowledged", "replayed", "verified", "refused", "forgotten", "lineages")
#: How many tracers one question names: spread over all, so that some are old enough whatever the lag.
TRACERS = 100


@dataclass
class Item:
    """A write, and what is known of it.

    Attributes:
        attempts: how often it was sent.
        batch: which transaction of the lineage had it, while it is held.
        tracer: its row on a standby proves that the standby has this batch.
        promised: somebody was told that it is acknowledged, or may have been: it comes from the disk.

    """

    entry: Entry
    attempts: int = 0
    batch: int = 0
    tracer: bool = False
    promised: bool = False


@dataclass(frozen=True)
class Check:
    """Ask the primary which of these it has."""

    items: Sequence[Item]


@dataclass(frozen=True)
class Insert:
    """Write these, in this order, in one transaction."""

    items: Sequence[Item]


@dataclass(frozen=True)
class Question:
    """Ask a standby which of these it has."""

    lineage: Lineage
    items: Sequence[Item]


class Ledger:
    """The writes of one journal.

    Attributes:
        counts: of writes: ``acknowledged``, ``replayed`` (acknowledged, then missing on another primary, and written again), ``verified``, ``refused``,
            ``forgotten``; and of ``lineages``.

    """

    def __init__(self, recovered: Iterable[Entry] = (), batch: int = 500, batch_bytes: int = 1 << 20, hold_s: float = 1.0) -> None:
        self.lineage: Lineage | None = None
        self.counts: Counter[str] = Counter()
        self._most, self._most_bytes, self._hold_s = batch, batch_bytes, hold_s
        self._limit = batch
        self._batch = 0
        self._queued: dict[int, Item] = {}
        self._doubtful: dict[int, Item] = {entry.seq: Item(entry, attempts=1, promised=True) for entry in recovered}
        self._sent: list[Item] = []
        self._held: dict[int, Item] = {}
        self._waiting: dict[str, float] = {}

    @property
    def unacknowledged(self) -> int:
        """Return how many writes the present primary has not acknowledged."""
        return len(self._queued) + len(self._doubtful) + len(self._sent)

    @property
    def unverified(self) -> int:
        """Return how many writes it has acknowledged, and no other member is known to have."""
        return len(self._held)

    def accept(self, entries: Iterable[Entry]) -> None:
        """Take up writes that the journal has, in their order."""
        self._queued.update((entry.seq, Item(entry)) for entry in entries)

    # ── The primary ──────────────────────────────────────────────────────────────────────────────────────────────────

    def arrived(self, lineage: Lineage) -> None:
        """Be told who is primary; on another lineage nothing that was held counts."""
        if lineage == self.lineage:
            return
        if self.lineage:
            self.counts["lineages"] += 1
        self.lineage = lineage
        self._doubtful = dict(sorted({**self._doubtful, **self._held}.items()))
        self._held.clear()

    def work(self, now: float) -> Check | Insert | None:
        """Return what to do next; nothing where there is nothing, or nothing yet.

        Whatever is in doubt is asked for first, then what is missing goes before what is new: the queue is in the order of the running numbers.
        """
        if self._doubtful:
            return Check(list(self._doubtful.values())[: self._most])
        self._waiting = {user: until for user, until in self._waiting.items() if until > now}
        items: list[Item] = []
        size = 0
        for item in self._queued.values():
            if item.entry.user in self._waiting:
                continue
            size += item.entry.size
            if len(items) >= self._limit or (items and size > self._most_bytes):
                break
            items.append(item)
        return Insert(items) if items else None

    def checked(self, work: Check, found: Collection[UUID]) -> list[Entry]:
        """Learn which of the writes in doubt the primary has; return those that are acknowledged by this for the first time."""
        self._batch += 1
        fresh = []
        missing = {}
        for item in work.items:
            del self._doubtful[item.entry.seq]
            if item.entry.id in found:
                fresh += self._acknowledged(item, tracer=False)
            else:
                missing[item.entry.seq] = item
        if missing:
            self._queued = dict(sorted({**missing, **self._queued}.items()))
        return fresh

    def sent(self, work: Insert) -> None:
        """Note that a batch is on its way: from now on nobody knows, until somebody says so."""
        self._sent = list(work.items)
        for item in work.items:
            item.attempts += 1
            del self._queued[item.entry.seq]

    def committed(self, rows: Sequence[int]) -> list[Entry]:
        """Learn that the batch is committed, and how many rows each write made; return those that are acknowledged for the first time."""
        self._batch += 1
        self._limit = min(self._most, 2 * self._limit)
        fresh = []
        for item, made in zip(self._sent, rows, strict=True):
            self.counts["replayed"] += bool(made and item.promised)
            fresh += self._acknowledged(item, tracer=bool(made) and item.attempts == 1)
        self._sent = []
        return fresh

    def failed(self, sqlstate: str, now: float) -> Item | None:
        """Learn that PostgreSQL refused the batch as a whole; return the write that is to blame and has left, if it is known and the refusal final.

        A batch is halved until the one is alone. Where its refusal may pass, its user waits, and nobody else does.
        """
        items, self._sent = self._sent, []
        if len(items) == 1 and sqlstate[:2] in FINAL:
            self.counts["refused"] += 1
            return items[0]
        if len(items) == 1:
            self._waiting[items[0].entry.user] = now + self._hold_s
        self._limit = max(1, len(items) // 2)
        self._queued = dict(sorted({**{item.entry.seq: item for item in items}, **self._queued}.items()))
        return None

    def lost(self) -> None:
        """Learn that nobody will say what became of what was sent; it may have been too much for a slow way, and is sent in smaller batches next."""
        if self._sent:
            self._limit = max(1, len(self._sent) // 2)
        self._doubtful = dict(sorted({**self._doubtful, **{item.entry.seq: item for item in self._sent}}.items()))
        self._sent = []

    def _acknowledged(self, item: Item, tracer: bool) -> list[Entry]:
        item.batch, item.tracer = self._batch, tracer
        self._held[item.entry.seq] = item
        if item.promised:
            return []
        item.promised = True
        self.counts["acknowledged"] += 1
        return [item.entry]

    # ── The standby ──────────────────────────────────────────────────────────────────────────────────────────────────

    def question(self) -> Question | None:
        """Return what a standby is to be asked; nothing where there is no tracer."""
        tracers = [item for item in self._held.values() if item.tracer]
        if not tracers or not self.lineage:
            return None
        last = len(tracers) - 1
        chosen = {round(last * step / max(1, TRACERS - 1)) for step in range(TRACERS)}
        return Question(self.lineage, [tracers[index] for index in sorted(chosen)])

    def proved(self, question: Question, found: Collection[UUID]) -> list[Entry]:
        """Learn which tracers a standby shows, one that is not the lineage's own member; return the writes that may leave."""
        batches = [item.batch for item in question.items if item.entry.id in found and item.tracer and self._held.get(item.entry.seq) is item]
        if question.lineage != self.lineage or not batches:
            return []
        return self._leave(lambda item: item.batch <= max(batches), "verified")

    def forget(self, size: int) -> list[Entry]:
        """Let the oldest acknowledged writes go unverified, so many bytes or a little more; return them."""
        room = 0

        def wanted(item: Item) -> bool:
            nonlocal room
            room += item.entry.size
            return room - item.entry.size < size

        return self._leave(wanted, "forgotten")

    def _leave(self, may: Callable[[Item], bool], why: str) -> list[Entry]:
        gone = []
        for item in self._held.values():
            if not may(item):
                break
            gone.append(item.entry)
        for entry in gone:
            del self._held[entry.seq]
        self.counts[why] += len(gone)
        return gone


def by_kind(items: Iterable[Item]) -> Mapping[str, list[Entry]]:
    """Return the writes of each kind."""
    kinds: dict[str, list[Entry]] = defaultdict(list)
    for item in items:
        kinds[item.entry.kind].append(item.entry)
    return kinds
