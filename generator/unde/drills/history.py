"""What happened in a run: the files of its folder read strictly, merged, all times in seconds since the run began.

Refused, each with file and line: what is torn in the middle, unknown, of another type, or contradicts another file. Tolerated and told: the last
line of a client or an observer that was killed while it wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..errors import UnreadableHistory, clipped, nearest
from . import clocks, reading, records
from .clocks import Clock
from .reading import File
from .records import Client, Foretold, Moment, Run, Seen, State

#: A clock that was set by more than this while the drill ran is told, seconds.
STEP_S = 0.001


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a client; times are seconds since the run began.

    Attributes:
        place: where it is written down, ``file:line``.
        result: ``ok``, ``failed`` (certainly without effect) or ``unknown``.
        number, seen: of a write, and of a read: the user's number (see ``records.Operation``).

    """

    client: str
    place: str
    what: records.What
    worker: int
    user: int
    number: int | None
    begin: float
    end: float
    result: records.Result
    member: str | None
    timeline: int | None
    of: str | None
    seen: int | None

    @property
    def key(self) -> tuple[int, int]:
        """The user and the number of a write."""
        assert self.number is not None
        return (self.user, self.number)


@dataclass(frozen=True)
class Party:
    """A client and what became of it; ``until``: when it is last known to have run; ``killed``: its file has no end."""

    header: Client
    file: str
    until: float
    killed: bool


@dataclass(frozen=True)
class Table:
    """What a shard held; rows are (user, number) and position."""

    header: State
    file: str
    at: float
    rows: tuple[tuple[tuple[int, int], int], ...]

    @cached_property
    def keys(self) -> frozenset[tuple[int, int]]:
        """The writes that are there."""
        return frozenset(key for key, _ in self.rows)


@dataclass(frozen=True)
class Sighting:
    """An event; ``at``, ``since``: seconds since the run began; ``boot``: whose clock it was seen by."""

    at: float
    since: float | None
    event: Seen
    boot: str


@dataclass(frozen=True)
class History:
    """Everything that a run wrote down.

    Attributes:
        attempts: of all clients, in the order of their beginnings.
        tables: (shard, moment) → what it held.
        clocks: boot id → its clock.
        remarks: what was tolerated, or has to be known of the clocks.

    """

    run: Run
    predictions: Foretold | None
    clients: dict[str, Party]
    attempts: tuple[Attempt, ...]
    tables: dict[tuple[str, Moment], Table]
    sightings: tuple[Sighting, ...]
    clocks: dict[str, Clock]
    remarks: tuple[str, ...] = field(default=())

    @cached_property
    def fault_at(self) -> float:
        """When the fault began."""
        return min(each.at for each in self.sightings if isinstance(each.event, records.Injected))

    @property
    def shards(self) -> list[str]:
        """The shards that were written to, sorted."""
        return sorted({shard for shard, _ in self.tables})

    def of(self, *whats: records.What) -> Iterator[Attempt]:
        """Yield the attempts of some kinds."""
        return (each for each in self.attempts if each.what in whats)

    def judged(self, client: str) -> bool:
        """Return whether a client's outage counts: one that the fault leaves a way, and that connects again."""
        return self.clients[client].header.reconnects and (not self.run.judged or client in self.run.judged)

    def boot(self, client: str) -> str:
        """Return whose clock a client has."""
        return self.clients[client].header.boot

    def between(self, one: str, other: str) -> float:
        """Return by how much times of two boots may be off each other, seconds."""
        return clocks.between(self.clocks, one, other)


def read(folder: Path) -> History:
    """Return the history of the run in a folder.

    Raises:
        UnreadableHistory: it cannot be judged; with everything that was found.

    """
    problems: list[str] = []
    run = reading.run(folder, problems)
    files = [file for path in sorted(folder.glob("*.jsonl")) if (file := reading.file(path, problems)) is not None]
    if run is None or problems:
        raise UnreadableHistory(problems)
    predictions = reading.predictions(folder / "foretold.json", run, problems)
    known, remarks = _clocks(run, files, problems)
    if problems:
        raise UnreadableHistory(problems)
    history = _merged(run, predictions, files, known, remarks)
    problems += _contradictions(history, files)
    if problems:
        raise UnreadableHistory(problems)
    return history


def _clocks(run: Run, files: Sequence[File], problems: list[str]) -> tuple[dict[str, Clock], list[str]]:
    """Return the clock of every kernel that wrote something, and what has to be known of them."""
    known, remarks = {run.boot: clocks.reference(run)}, []
    length = max((file.last - file.header.monotonic for file in files), default=0.0)
    for boot in dict.fromkeys(file.header.boot for file in files):
        own = [file for file in files if file.header.boot == boot]
        first = run if boot == run.boot else own[0].header
        pairs = [(each.wall, each.monotonic) for file in own for each in (file.header, file.end) if each is not None]
        step = max(abs((wall - monotonic) - (first.wall - first.monotonic)) for wall, monotonic in pairs)
        if step > STEP_S:
            remarks.append(f"the time of day of {first.host} was set while the drill ran, by {step:.3f} s: its monotonic clock counts")
        if boot == run.boot:
            continue
        clock = clocks.related(run, first, step, length)
        if clock is None:
            problems.append(f"{own[0].name}:1: the clock of {first.host} (boot {clipped(boot)}) cannot be compared with that of {run.host}: run.json has no "
                            "sample of it in 'clocks' — ask it at the beginning and at the end: date +%s.%N")
            continue
        known[boot] = clock
        moved = ", and moved while the drill ran" if clock.moved else ""
        remarks.append(f"the clock of {first.host} is {clock.ahead_s:+.3f} s off that of {run.host}, uncertain by {clock.uncertain_s:.3f} s{moved}: corrected")
    return known, remarks


def _merged(run: Run, predictions: Foretold | None, files: Sequence[File], known: dict[str, Clock], remarks: list[str]) -> History:
    """Return all files as one history."""
    parties: dict[str, Party] = {}
    attempts: list[Attempt] = []
    tables: dict[tuple[str, Moment], Table] = {}
    sightings: list[Sighting] = []
    for file in files:
        header, shift = file.header, known[file.header.boot].shift_s
        if isinstance(header, State):
            rows = tuple(((line.user, line.number), line.position) for _, line in file.lines)
            tables[header.shard, header.moment] = Table(header, file.name, header.monotonic + shift, rows)
            continue
        if file.torn:
            remarks.append(f"{file.name}: its last line is torn, and was left out: whoever wrote it was killed")
        elif file.end is None:
            remarks.append(f"{file.name}: has no end: whoever wrote it was killed")
        if isinstance(header, Client):
            parties[header.client] = Party(header, file.name, file.last + shift, file.end is None)
            attempts += [
                Attempt(header.client, f"{file.name}:{number}", line.what, line.worker, line.user, line.number, line.begin + shift, line.end + shift,
                        line.result, line.member, line.timeline, line.of, line.seen)
                for number, line in file.lines
            ]
        else:
            sightings += [Sighting(line.at + shift, None if line.since is None else line.since + shift, line, header.boot) for _, line in file.lines]
    attempts.sort(key=lambda each: (each.begin, each.end, each.place))
    sightings.sort(key=lambda each: each.at)
    return History(run, predictions, parties, tuple(attempts), tables, tuple(sightings), known, tuple(remarks))


def _contradictions(history: History, files: Sequence[File]) -> Iterator[str]:
    """Yield what of a history cannot be, each with both parties."""
    yield from _twice(files)
    owners: dict[int, Client] = {}
    for party in history.clients.values():
        for user in party.header.users:
            other = owners.setdefault(user, party.header)
            if other is not party.header:
                yield f"{party.file}:1: user {user} is {party.header.client}'s and {other.client}'s: their order could not be judged — one client for each user"
    for file in files:
        if isinstance(file.header, Client):
            yield from _misfits(file, file.header)
    if not any(isinstance(each.event, records.Injected) for each in history.sightings):
        yield "no observer saw the fault begin: a line of kind 'fault' is needed"
    for name in history.run.judged:
        if name not in history.clients:
            yield f"run.json: judged: there is no client '{clipped(name)}' — {nearest(name, history.clients)}"
    shards = {party.header.shard for party in history.clients.values() if party.header.write_interval_s is not None}
    for shard in sorted(shards):
        for moment in ("before-replay", "after-replay"):
            if (shard, moment) not in history.tables:
                yield f"nobody read what {shard} held {moment.replace('-', ' the ')}: a file of kind 'state' is needed"
    yield from _early(history)


def _twice(files: Sequence[File]) -> Iterator[str]:
    """Yield what two files claim to be."""
    known: dict[tuple[str, ...], str] = {}
    for file in files:
        header = file.header
        name = header.client if isinstance(header, Client) else f"{header.shard} {header.moment}" if isinstance(header, State) else header.observer
        other = known.setdefault((header.kind, name), file.name)
        if other != file.name:
            yield f"{file.name}:1: is the {header.kind} '{name}', and so is {other}"


def _misfits(file: File, header: Client) -> Iterator[str]:
    """Yield a client's attempts that are not what its first line says."""
    users, busy = frozenset(header.users), dict[int, tuple[int, float]]()
    for number, line in file.lines:
        where = f"{file.name}:{number}"
        if line.what == "write" and line.user not in users:
            yield f"{where}: writes for user {line.user}, who is not among the client's users"
        if line.what != "replay" and header.interval_s(line.what) is None:
            yield f"{where}: a {line.what} of a client whose first line has no {line.what}_interval_s"
        if line.begin < header.monotonic:
            yield f"{where}: begin {line.begin} lies before the client's own beginning, {header.monotonic}"
        before, until = busy.get(line.worker, (0, 0.0))
        if line.begin < until:
            yield f"{where}: worker {line.worker} begins at {line.begin}, while line {before} is under way until {until}"
        busy[line.worker] = (number, line.end)


def _early(history: History) -> Iterator[str]:
    """Yield the states that were read while somebody still wrote: what such a one lacks is not lost."""
    for (shard, moment), table in history.tables.items():
        kinds: Iterable[records.What] = ("write",) if moment == "before-replay" else ("write", "replay")
        for each in history.of(*kinds):
            header = history.clients[each.client].header
            late = each.end - table.at - history.between(header.boot, table.header.boot)
            if header.shard == shard and each.result == "ok" and late > 0:
                write = f"{each.user}/{each.number} ({each.place})"
                yield f"{table.file}:1: was read {late:.3f} s before {each.client} had write {write} acknowledged: read it later"
                break
