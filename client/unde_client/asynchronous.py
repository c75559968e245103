"""The client for programs that use asyncio; the other one (``synchronous``) runs this one in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from unde_client import processes, writes
from unde_client.errors import ClosedError, JournalBrokenError, JournalFullError, PendingError
from unde_client.files import Directory
from unde_client.journal import Journal
from unde_client.ledger import COUNTED, Ledger
from unde_client.members import Member, Order, Record
from unde_client.processes import Answer, Ask, Connect, Consult, Drop, Pause, Process, Remove, Request, Tell, Verifier, Writer
from unde_client.sessions import Psycopg
from unde_client.writes import Entry, Kind, Value

#: The routing record is a first guess: whoever does not give it in time is not waited for, seconds.
ROUTING_S = 1.0
#: A group of writes that is synced at once, bytes at most.
GROUP_BYTES = 1 << 20
#: Between two attempts to write down that writes have left, on a disk that is full, seconds.
DISK_PAUSE_S = 1.0
T = TypeVar("T")


class Sessions(Protocol):
    """What opens, asks and closes connections; see ``sessions``."""

    async def connect(self, members: Sequence[Member], writable: bool) -> tuple[Any, Member]:
        """Connect to the first member that can be had."""

    async def ask(self, session: Any, statements: Sequence[tuple[str, Mapping[str, Any]]], within_s: float | None) -> Sequence[Answer]:
        """Execute statements in one transaction."""

    async def drop(self, session: Any) -> None:
        """Close a connection."""


@dataclass(frozen=True)
class Settings:
    """What a client may be told beside where its shard and journal are.

    Attributes:
        capacity: how many bytes of writes the journal holds; its files take at most twice that, and three segments.
        segment_bytes: size of one file of the journal.
        forget_when_full: what happens when the journal is full: writes wait (false), or the oldest acknowledged ones go unverified (true). The latter
            keeps a shard writable whose standby is away for long, and gives up the promise for what is forgotten; unacknowledged writes are never forgotten.
        batch: writes in one transaction, at most.
        verify_s: seconds between two questions to a standby.
        look_s: seconds between two looks at an idle primary, as long as something is unverified.

    """

    capacity: int = 64 << 20
    segment_bytes: int = 4 << 20
    forget_when_full: bool = False
    batch: int = 500
    verify_s: float = 1.0
    look_s: float = 1.0


#: As they are told nothing else.
DEFAULTS = Settings()


class Ticket(NamedTuple):
    """A write that is in the journal.

    Attributes:
        id: its identity; whoever writes again with it writes nothing twice.
        acknowledged: done when the primary has committed it, or refuses it (RefusedError).

    """

    id: UUID
    acknowledged: asyncio.Future[None]

    async def result(self, timeout: float | None = None) -> UUID:
        """Return the id when the primary has committed it.

        Raises:
            PendingError: not within the time; it stays in the journal and is tried on.
            RefusedError: PostgreSQL refuses the write itself.

        """
        # Who gives up waiting does not take the write back.
        done, _ = await asyncio.wait({self.acknowledged}, timeout=timeout)
        if not done:
            raise PendingError(self.id)
        self.acknowledged.result()
        return self.id


class AsyncClient:
    """Writes to one shard, by one process, with one journal. ``async with await AsyncClient.open(…) as client: await client.write(…)``."""

    def __init__(self, journal: Journal, kinds: Iterable[Kind], order: Order, sessions: Sessions, routing: Callable[[], Record | None], settings: Settings):
        """See ``open``."""
        self.settings = settings
        self._journal, self._sessions, self._routing = journal, sessions, routing
        self._kinds = {kind.name: kind for kind in kinds}
        if unknown := {entry.kind for entry in journal.live.values()} - set(self._kinds):
            raise ValueError(f"the journal holds writes of kind {', '.join(sorted(unknown))}: give that kind until they are verified")
        self._ledger = Ledger(journal.entries(), settings.batch)
        self._seq = journal.next_seq
        #: Of writes that are in the journal, or on their way there.
        self._bytes = sum(entry.size for entry in journal.live.values())
        self._room = asyncio.Condition()
        #: The journal is called by one thread, one call after the other; another reads the routing record, whatever that takes.
        self._disk, self._reader = ThreadPoolExecutor(1, "unde-journal"), ThreadPoolExecutor(1, "unde-routing")
        self._reading: asyncio.Future[Record | None] | None = None
        self._tickets: dict[int, Ticket] = {}
        self._known: dict[UUID, Ticket] = {}
        self._group: list[tuple[Entry, asyncio.Future[None]]] = []
        self._grouped, self._ring = asyncio.Event(), asyncio.Event()
        self._connected: list[Any] = []
        self._pid = os.getpid()
        self._broken: Exception | None = None
        writer = Writer(self._ledger, self._kinds, str(journal.client), order, time.monotonic, settings.look_s)
        verifier = Verifier(self._ledger, self._kinds, order, settings.verify_s)
        works = (lambda: self._drive(writer.run()), lambda: self._drive(verifier.run()), self._store)
        self._tasks = [asyncio.create_task(self._guarded(work)) for work in works]

    @classmethod
    async def open(
        cls,
        directory: Path | str,
        members: Iterable[Member],
        kinds: Iterable[Kind],
        options: Mapping[str, Any],
        routing: Callable[[], Record | None] = lambda: None,
        settings: Settings = DEFAULTS,
    ) -> AsyncClient:
        """Open a journal, and go on with what it holds.

        Args:
            directory: of this journal, on a disk of this host; one for each process and shard.
            members: all of the shard's, in any order.
            kinds: of writes: those that will be written, and those that the journal still holds.
            options: of libpq, without hosts: ``dbname``, ``user``, ``password``, ``sslmode`` …
            routing: reads the routing record; asked in a thread before each connection. What it raises counts as no record.
            settings: what else there is to choose.

        Raises:
            JournalInUseError: another process has the journal.
            JournalBrokenError: it is damaged.
            ValueError: it holds writes of a kind that is not given; no members.
            OSError: the directory cannot be made or read.

        """
        order, sessions = Order(members), Psycopg(options)
        journal = await asyncio.to_thread(lambda: Journal(Directory(Path(directory)), settings.segment_bytes))
        try:
            return cls(journal, kinds, order, sessions, routing, settings)
        except ValueError:
            journal.close()
            raise

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def counts(self) -> dict[str, int]:
        """Return how things stand: the ledger's counts, and ``unacknowledged``, ``unverified`` (writes), ``bytes`` (of the journal's capacity)."""
        ledger, counted = self._ledger, {name: self._ledger.counts[name] for name in COUNTED}
        return {**counted, "unacknowledged": ledger.unacknowledged, "unverified": ledger.unverified, "bytes": self._bytes}

    async def submit(self, kind: str, user: str, values: Mapping[str, Value], id: UUID | None = None, timeout: float | None = None) -> Ticket:
        """Return when the write is on this host's disk: it will be tried until it is done.

        Writes of one user arrive in the order in which they were submitted. A call that is interrupted may have written or not; one with the same ``id``
        afterwards makes it once.

        Args:
            kind: name of a kind that was given.
            user: whose write it is.
            values: what the kind's SQL names.
            id: the write's identity, if whoever calls has one; made here otherwise.
            timeout: seconds to wait for room in the journal; None waits as long as it takes.

        Raises:
            ValueError: no such kind, a value that cannot be written, or a write larger than the journal.
            JournalFullError: no room within the time.
            JournalBrokenError: the journal's disk failed.
            ClosedError: the client is closed, or another process's.

        """
        if kind not in self._kinds:
            raise ValueError(f"no kind {kind}; there are {', '.join(sorted(self._kinds))}")
        self._usable()
        if missing := self._kinds[kind].names - set(values):
            raise ValueError(f"kind {kind}: no value for {', '.join(sorted(missing))}, which its insert names")
        id = id or writes.new_id()
        size = writes.entry(self._seq, id, user, kind, values).size
        if size > self.settings.capacity:
            raise ValueError(f"a write of {size} bytes never fits a journal of {self.settings.capacity}: raise capacity, or write less at once")
        if known := self._known.get(id):
            return known
        await self._wait_for_room(size, timeout)
        self._usable()
        if known := self._known.get(id):
            return known
        entry = writes.entry(self._seq, id, user, kind, values)
        self._seq += 1
        self._bytes += entry.size
        loop = asyncio.get_running_loop()
        ticket, stored = Ticket(id, loop.create_future()), loop.create_future()
        self._tickets[entry.seq] = self._known[id] = ticket
        self._group.append((entry, stored))
        self._grouped.set()
        await asyncio.shield(stored)
        return ticket

    async def write(self, kind: str, user: str, values: Mapping[str, Value], id: UUID | None = None, timeout: float | None = None) -> UUID:
        """Return the write's id when the primary has committed it; see ``submit`` for the arguments, ``timeout`` is for all of it.

        Raises:
            PendingError: it is in the journal and was not acknowledged in time; it is tried on.
            RefusedError: PostgreSQL refuses the write itself.
            ClientError, ValueError: as ``submit``.

        """
        began = time.monotonic()
        ticket = await self.submit(kind, user, values, id, timeout)
        return await ticket.result(None if timeout is None else max(0.0, began + timeout - time.monotonic()))

    async def close(self, timeout: float = 0.0) -> None:
        """Wait until everything is acknowledged, or so many seconds; then stop. What is left stays in the journal, for whoever opens it next."""
        end = time.monotonic() + timeout
        while not self._broken and (self._ledger.unacknowledged or self._group) and time.monotonic() < end:
            await asyncio.sleep(min(0.05, timeout))
        if isinstance(self._broken, ClosedError):
            return
        self._break(ClosedError("the client is closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._connected:
            await self._sessions.drop(session)
        await asyncio.get_running_loop().run_in_executor(self._disk, self._journal.close)
        self._disk.shutdown(wait=False)
        self._reader.shutdown(wait=False, cancel_futures=True)
        async with self._room:
            self._room.notify_all()

    # ── The journal ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _usable(self) -> None:
        if os.getpid() != self._pid:
            raise ClosedError("this client is of the process from which this one was forked; open one after the fork, with a journal of its own")
        if self._broken:
            raise self._broken

    async def _wait_for_room(self, size: int, timeout: float | None) -> None:
        def room() -> bool:
            return self._broken is not None or self._bytes + size <= self.settings.capacity

        try:
            async with asyncio.timeout(timeout):
                while not room():
                    gone = self._ledger.forget(self._bytes + size - self.settings.capacity) if self.settings.forget_when_full else []
                    if gone:
                        await self._remove(gone)
                    else:
                        async with self._room:
                            await self._room.wait()
        except TimeoutError:
            counts = self.counts
            raise JournalFullError(
                f"the journal holds {self._bytes} of {self.settings.capacity} bytes: {counts['unacknowledged']} writes that no primary has acknowledged, "
                f"{counts['unverified']} that no standby shows"
            ) from None

    async def _store(self) -> None:
        """Put writes into the journal, all that came while the disk was busy with one sync."""
        while True:
            await self._grouped.wait()
            self._grouped.clear()
            while self._group:
                group: list[tuple[Entry, asyncio.Future[None]]] = []
                size = 0
                while self._group and (not group or size < GROUP_BYTES):
                    group.append(self._group.pop(0))
                    size += group[-1][0].size
                entries = [entry for entry, _ in group]
                try:
                    await self._on_disk(self._journal.put, entries)
                except JournalFullError as error:
                    await self._free(entries)
                    for entry, stored in group:
                        self._known.pop(entry.id)
                        self._tickets.pop(entry.seq)
                        stored.set_exception(error)
                    continue
                except BaseException as error:
                    for _, stored in group:
                        stored.set_exception(self._broken or error)
                        stored.exception()  # it may have nobody who waits
                    raise
                self._ledger.accept(entries)
                for _, stored in group:
                    if not stored.done():
                        stored.set_result(None)
                self._ring.set()

    async def _on_disk(self, call: Callable[[T], None], argument: T) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, call, argument)

    async def _surely(self, call: Callable[[T], None], argument: T) -> None:
        """Have something written down that must be, and wait for room on the disk if need be."""
        while True:
            try:
                return await self._on_disk(call, argument)
            except JournalFullError:
                await asyncio.sleep(DISK_PAUSE_S)

    async def _remove(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        await self._surely(self._journal.done, [entry.seq for entry in entries])
        await self._free(entries)

    async def _free(self, entries: Sequence[Entry]) -> None:
        async with self._room:
            self._bytes -= sum(entry.size for entry in entries)
            self._room.notify_all()

    # ── The processes ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except JournalBrokenError as error:
            self._break(error)
        except Exception as error:
            self._break(JournalBrokenError(f"the client stopped; its journal is as it was: {error!r}"))
            raise

    def _break(self, error: Exception) -> None:
        """Let nobody wait for what nobody does any more."""
        self._broken = self._broken or error
        for future in (*(ticket.acknowledged for ticket in self._tickets.values()), *(stored for _, stored in self._group)):
            if not future.done():
                future.set_exception(error)
                future.exception()  # it may have nobody who waits
        self._tickets.clear()

    async def _drive(self, process: Process) -> None:
        """Carry out what a process asks for."""
        request = next(process)
        while True:
            try:
                answer = await self._carry_out(request)
            except (processes.UnreachableError, processes.LostError, processes.AnsweredError) as error:
                request = process.throw(error)
            else:
                request = process.send(answer)

    async def _carry_out(self, request: Request) -> object:
        match request:
            case Consult():
                return await self._record()
            case Connect(members, writable):
                session, member = await self._sessions.connect(members, writable)
                self._connected.append(session)
                return session, member
            case Ask(session, statements, within_s):
                return await self._sessions.ask(session, statements, within_s)
            case Drop(session):
                self._connected.remove(session)
                await self._sessions.drop(session)
            case Pause(seconds, rings):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await (self._ring.wait() if rings else asyncio.sleep(seconds))
                if rings:
                    self._ring.clear()
            case Tell(entries, error):
                for entry in entries:
                    ticket = self._tickets.pop(entry.seq, None)
                    self._known.pop(entry.id, None)
                    if ticket and not ticket.acknowledged.done():
                        ticket.acknowledged.set_exception(error) if error else ticket.acknowledged.set_result(None)
                if self.settings.forget_when_full:
                    async with self._room:
                        self._room.notify_all()
            case Remove(entries, shelve):
                for entry in entries if shelve else ():
                    await self._surely(lambda each: self._journal.shelve(each, shelve), entry)
                await self._remove(entries)
        return None

    async def _record(self) -> Record | None:
        """Read the routing record; one that is late is heard the next time."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(asyncio.get_running_loop().run_in_executor(self._reader, self._routing))
        done, _ = await asyncio.wait({self._reading}, timeout=ROUTING_S)
        if not done:
            return None
        reading, self._reading = self._reading, None
        return None if reading.exception() else reading.result()
