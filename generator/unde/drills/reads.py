"""What reads showed, beside what had been acknowledged before they were asked."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

from .findings import MANY, Breach, Key, Write, span
from .history import Attempt, History


@dataclass(frozen=True)
class Stale:
    """How late the replicas' answers were, seconds, of each read of a replica that missed something acknowledged before; sorted."""

    reads: int
    late_s: tuple[float, ...]


@dataclass(frozen=True)
class _Kept:
    """A user's acknowledged writes that were not lost, by the ends of their acknowledgments, and the largest number until each."""

    ends: list[float]
    largest: list[int]
    by_number: dict[int, float]
    boot: str

    def due(self, moment: float) -> int:
        """Return the largest number that was acknowledged before a moment; -1: none was."""
        index = bisect_left(self.ends, moment)
        return self.largest[index - 1] if index else -1

    def since(self, seen: int) -> float:
        """Return when the first number beyond one was acknowledged."""
        return min(end for number, end in self.by_number.items() if number > seen)


def reads(history: History, writes: dict[Key, Write]) -> tuple[list[Breach], Stale]:
    """Return what is wrong with reads, and how late replicas were."""
    kept = _kept(history, writes)
    stale: list[tuple[Attempt, int]] = []
    never: list[Attempt] = []
    early: list[tuple[Attempt, Write, float]] = []
    late: list[float] = []
    replicas = 0
    for each in history.of("read"):
        if each.result != "ok":
            continue
        replicas += each.of == "replica"
        seen = -1 if each.seen is None else each.seen
        write = writes.get((each.user, seen))
        if write is not None:
            ahead = write.begin - each.end - history.between(history.boot(each.client), history.boot(write.attempts[0].client))
            if ahead > 0:
                early.append((each, write, ahead))
        elif seen >= 0 and not _may_be_in_flight(history, each.user):
            never.append(each)
        own = kept.get(each.user)
        if own is None:
            continue
        due = own.due(each.begin - history.between(history.boot(each.client), own.boot))
        if due > seen and each.of == "primary":
            stale.append((each, due))
        elif due > seen:
            late.append(each.begin - own.since(seen))
    breaches = []
    if stale:
        details = "; ".join(f"{each.place}: {each.member} showed {_seen(each)}, {each.user}/{due} was acknowledged before" for each, due in stale[:MANY])
        more = f"; and {len(stale) - MANY} more" if len(stale) > MANY else ""
        breaches.append(Breach("stale-read", tuple(each.place for each, _ in stale), f"a primary did not show what had been acknowledged: {details}{more}"))
    if never:
        ids = tuple(each.place for each in never)
        breaches.append(Breach("phantom", ids, f"a read showed what no client wrote: {'; '.join(f'{each.place}: {_seen(each)}' for each in never[:MANY])}"))
    if early:
        details = "; ".join(
            f"{each.place} ({each.client}) saw {write.name} {span(ahead)} before {write.attempts[0].place} ({write.attempts[0].client}) began it"
            for each, write, ahead in early[:MANY]
        )
        breaches.append(Breach("clock", tuple(each.place for each, _, _ in early), f"clocks are further apart than is known of them: {details}"))
    return breaches, Stale(replicas, tuple(sorted(late)))


def _seen(each: Attempt) -> str:
    return f"nothing of user {each.user}" if each.seen is None else f"{each.user}/{each.seen}"


def _may_be_in_flight(history: History, user: int) -> bool:
    """Return whether a user's client was killed: what it sent last stands nowhere."""
    return any(party.killed and user in party.header.users for party in history.clients.values())


def _kept(history: History, writes: dict[Key, Write]) -> dict[int, _Kept]:
    """Return each user's acknowledged writes that were there before the replay."""
    there = frozenset[Key]().union(*(table.keys for (_, moment), table in history.tables.items() if moment == "before-replay"))
    users: dict[int, list[tuple[float, int, str]]] = {}
    for write in writes.values():
        if write.acknowledged and write.key in there:
            users.setdefault(write.key[0], []).append((write.acknowledged.end, write.key[1], history.boot(write.acknowledged.client)))
    made = {}
    for user, found in users.items():
        found.sort()
        made[user] = _Kept([end for end, _, _ in found], list(accumulate((number for _, number, _ in found), max)),
                           {number: end for end, number, _ in found}, found[0][2])
    return made
