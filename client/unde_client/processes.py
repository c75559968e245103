"""What the client does on its own: one process writes, one verifies. They ask for what touches the world, and are told the answer.

Each is a generator of requests: whoever runs it carries a request out and sends the answer in, or throws what went wrong. So one logic serves every
driver, and the tests, which answer from a model of a shard and stop it anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from unde_client.errors import RefusedError
from unde_client.ledger import Check, Insert, Item, Ledger, by_kind
from unde_client.members import Lineage, Member, Order
from unde_client.writes import Entry, Kind

LOG = logging.getLogger("unde_client")
#: The timeline on which the server is primary; nothing if it replays another's WAL.
TIMELINE = "CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END"
LOOK = f"SELECT {TIMELINE}"
#: Fails the transaction on any other timeline.
GUARD = f"SELECT 1 / ({TIMELINE} = %(timeline)s)::int"
REPLAYS = "SELECT pg_is_in_recovery()"
#: A primary on a timeline lower than one that was seen is one that was overtaken and does not know it yet; Patroni demotes it within its lease. One that is
#: still alone after so long is a shard that was made anew, seconds.
OVERTAKEN_S = 60.0
#: Whoever does not say in this time what it is, is passed by, seconds: a pooler whose server is gone has its clients wait, while another may lead already.
ANSWER_WITHIN_S = 3.0
#: Between two attempts to find a primary, seconds: doubled from the one to the other.
PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
#: What says that the server does not lead (any more): read-only, in recovery.
DEMOTED = {"25006", "55000"}


class UnreachableError(Exception):
    """No member that was asked can be connected to, or none as it was wanted."""


class LostError(Exception):
    """The connection is gone, or silent for too long: what was sent may have been done, or not."""


class AnsweredError(Exception):
    """PostgreSQL refused a statement; the transaction is rolled back."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class Answer(NamedTuple):
    """What a statement brought: rows, and how many it made."""

    rows: Sequence[Sequence[Any]]
    made: int


@dataclass(frozen=True)
class Consult:
    """Read the routing record; answer: a Record, or nothing."""


@dataclass(frozen=True)
class Connect:
    """Connect to the first of these that can be had, one that takes writes if so; answer: (session, member)."""

    members: Sequence[Member]
    writable: bool


@dataclass(frozen=True)
class Ask:
    """Execute statements with their values in one transaction, in the time that the driver gives, or less; answer: an Answer for each."""

    session: Any
    statements: Sequence[tuple[str, Mapping[str, Any]]]
    within_s: float | None = None


@dataclass(frozen=True)
class Drop:
    """Close a session, without a word if need be."""

    session: Any


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds; less if there is something new to write and it is wanted (``rings``)."""

    seconds: float
    rings: bool = False


@dataclass(frozen=True)
class Tell:
    """Tell whoever waits for these writes that they are acknowledged, or refused."""

    entries: Sequence[Entry]
    error: RefusedError | None = None


@dataclass(frozen=True)
class Remove:
    """Take writes out of the journal; those that were promised and are refused now are laid aside for a person first."""

    entries: Sequence[Entry]
    shelve: str = ""


Request = Consult | Connect | Ask | Drop | Pause | Tell | Remove
Process = Generator[Request, Any, None]


class Writer:
    """Writes what is in the ledger to whoever is primary; on another primary verifies and replays first."""

    def __init__(self, ledger: Ledger, kinds: Mapping[str, Kind], client: str, order: Order, clock: Callable[[], float], look_s: float = 1.0) -> None:
        self.ledger, self.kinds, self.client, self.order, self.clock, self.look_s = ledger, kinds, client, order, clock, look_s
        self._highest = ""
        self._alone_since = 0.0
        self._failures = 0

    def run(self) -> Process:
        """Find the primary and write to it, again and again."""
        while True:
            session: Any = None
            member: Member | None = None
            try:
                # A pooler may be wrong about what its server is, until it connects anew: every second time whoever answers is asked.
                self.order.heard((yield Consult()))
                session, member = yield Connect(self.order.now(), writable=self._failures % 2 == 0)
                yield from self._look(session, member)
                yield from self._write(session, member)
            except (UnreachableError, LostError) as error:
                LOG.warning("%s: %s", f"{member.host}:{member.port}" if member else "no primary", " ".join(str(error).split()))
                self.ledger.lost()
            if member:
                # A pooler whose server is gone lets its clients in, and has them wait: the next attempt begins with another member.
                self.order.passed(member)
                yield Drop(session)
            yield Pause(min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(self._failures, 10)))
            self._failures += 1

    def _look(self, session: Any, member: Member) -> Process:
        """Learn on which timeline the member is primary.

        Raises:
            LostError: it is none, or one that was overtaken.

        """
        try:
            [answer] = yield Ask(session, [(LOOK, {})], within_s=ANSWER_WITHIN_S)
        except AnsweredError as error:
            raise LostError(str(error)) from error
        [[timeline]] = answer.rows
        if not timeline or self._overtaken(timeline):
            raise LostError(f"{member.host}:{member.port} does not lead")
        self.order.leads(member)
        lineage = Lineage(member, timeline)
        if lineage != self.ledger.lineage or self._failures:
            LOG.info("%s:%s is the primary, on timeline %s", *member, timeline)
        self.ledger.arrived(lineage)

    def _overtaken(self, timeline: str) -> bool:
        # Eight hexadecimal digits: they compare as the numbers do.
        if timeline >= self._highest:
            self._highest, self._alone_since = timeline, 0.0
            return False
        self._alone_since = self._alone_since or self.clock()
        if self.clock() - self._alone_since < OVERTAKEN_S:
            return True
        self._highest, self._alone_since = timeline, 0.0
        return False

    def _write(self, session: Any, member: Member) -> Process:
        while True:
            work = self.ledger.work(self.clock())
            if not isinstance(work, Check):
                # Before it writes, it has been told what it asked.
                self._failures = 0
            if isinstance(work, Check):
                yield from self._check(session, member, work)
            elif isinstance(work, Insert):
                yield from self._insert(session, member, work)
            else:
                yield Pause(self.look_s, rings=True)
                if self.ledger.unverified and not self.ledger.work(self.clock()):
                    # Nobody writes: a failover would be seen with the next write only, and until then the primary would lack what it lost.
                    yield from self._look(session, member)

    def _guard(self) -> tuple[str, Mapping[str, Any]]:
        return GUARD, {"timeline": self.ledger.lineage.timeline if self.ledger.lineage else ""}

    def _check(self, session: Any, member: Member, work: Check) -> Process:
        try:
            answers = yield Ask(session, [self._guard(), *questions(self.kinds, work.items)])
        except AnsweredError as error:
            yield from self._look(session, member)
            # The question itself is refused: nothing can be done before somebody mends the schema, or the kind.
            raise LostError(str(error)) from error
        yield Tell(self.ledger.checked(work, ids(answers[1:])))

    def _insert(self, session: Any, member: Member, work: Insert) -> Process:
        inserts = [(self.kinds[item.entry.kind].insert, item.entry.parameters(self.client)) for item in work.items]
        self.ledger.sent(work)
        try:
            answers = yield Ask(session, [self._guard(), *inserts])
        except AnsweredError as error:
            yield from self._refused(session, member, error)
        else:
            yield Tell(self.ledger.committed([answer.made for answer in answers[1:]]))

    def _refused(self, session: Any, member: Member, error: AnsweredError) -> Process:
        """Find out whether the member does not lead any more, or a write is at fault."""
        before = self.ledger.lineage
        try:
            if error.sqlstate in DEMOTED:
                raise LostError(str(error))
            yield from self._look(session, member)
        except LostError:
            self.ledger.lost()
            raise
        if self.ledger.lineage != before:
            self.ledger.lost()
            return
        blamed: Item | None = self.ledger.failed(error.sqlstate, self.clock())
        if blamed:
            yield Remove([blamed.entry], shelve=str(error) if blamed.promised else "")
            yield Tell([blamed.entry], RefusedError(error.sqlstate, str(error)))


class Verifier:
    """Asks the other members what they have, and lets go of what is on two."""

    def __init__(self, ledger: Ledger, kinds: Mapping[str, Kind], order: Order, interval_s: float = 1.0) -> None:
        self.ledger, self.kinds, self.order, self.interval_s = ledger, kinds, order, interval_s
        self._sessions: dict[Member, Any] = {}

    def run(self) -> Process:
        """Ask again and again, as long as there is something to verify."""
        while True:
            yield Pause(self.interval_s)
            question = self.ledger.question()
            if question is None:
                continue
            for member in self.order.others(question.lineage.member):
                try:
                    if member not in self._sessions:
                        self._sessions[member], _ = yield Connect([member], writable=False)
                    answers = yield Ask(self._sessions[member], [(REPLAYS, {}), *questions(self.kinds, question.items)])
                except (UnreachableError, LostError, AnsweredError):
                    if member in self._sessions:
                        yield Drop(self._sessions.pop(member))
                    continue
                [[replays]] = answers[0].rows
                # One that was promoted has its row and is alone with it, until there is a standby again.
                gone = self.ledger.proved(question, ids(answers[1:])) if replays else []
                if gone:
                    yield Remove(gone)
                    break


def questions(kinds: Mapping[str, Kind], items: Sequence[Item]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the statements that ask which writes are there, one for each kind."""
    return [
        (kinds[kind].present, {"ids": [entry.id for entry in entries], "users": [entry.user for entry in entries]})
        for kind, entries in by_kind(items).items()
    ]


def ids(answers: Sequence[Answer]) -> Collection[UUID]:
    """Return the ids that were found."""
    return {row[0] if isinstance(row[0], UUID) else UUID(str(row[0])) for answer in answers for row in answer.rows}
