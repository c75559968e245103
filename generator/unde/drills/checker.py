"""Whether a history is one that a sound shard can have, from what clients, states and observers wrote down; nothing is asked.

A write has a key, its user and its number, and as many attempts as it took. It is *acknowledged* when one of them was; it is *unknown* when none was and
one may have had an effect: that one may be there or not, and is neither lost nor kept. The rules, each of which names what breaks it:

======================  =========================================================================================================================
lost                    acknowledged, and not there after the clients wrote again what was missing
vanished                there before that, whoever acknowledged it, and not there after
duplicate               there twice
order                   of one user: acknowledged before another was begun, and stands behind it; or written again in another order than at first
split-brain             two members acknowledged at once (``unde.drills.leaders``)
stale-read              a member that called itself primary did not show what had been acknowledged before the question, and was not lost
phantom                 a row that nobody wrote, or whose every attempt had certainly failed; a read of a number that nobody wrote
clock                   seen before it was begun: the clocks of two clients are further apart than is known of them
======================  =========================================================================================================================

Times of two clients are compared beyond what their clocks may be off each other (``unde.drills.clocks``); what lies within is no breach, and is told
where it might be one. A replica may be late: how late is a figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from .findings import MANY, Breach, Key, Write, listed, writes
from .history import History, Table
from .leaders import split_brain
from .reads import Stale, reads


@dataclass(frozen=True)
class Checked:
    """What the checker found.

    Attributes:
        breaches: of rules.
        acknowledged, failed, unknown: writes, by the best of their attempts.
        unknown_kept: of the unknown ones, how many are there.
        in_flight: rows that a client was writing when it was killed.
        lost_before: acknowledged writes that were not there before the clients wrote them again, ``user/number``.
        lost_span_s: from the first of their acknowledgments to the last, seconds.
        replicas: what reads of replicas missed.
        remarks: what cannot be excluded.

    """

    breaches: tuple[Breach, ...]
    acknowledged: int
    failed: int
    unknown: int
    unknown_kept: int
    in_flight: int
    lost_before: tuple[str, ...]
    lost_span_s: float
    replicas: Stale
    remarks: tuple[str, ...]


def check(history: History) -> Checked:
    """Return what is wrong with a history."""
    breaches: list[Breach] = []
    remarks: list[str] = []
    made = writes(history)
    lost: list[Write] = []
    in_flight = 0
    for shard in history.shards:
        own = {key: write for key, write in made.items() if history.clients[write.attempts[0].client].header.shard == shard}
        before, after = history.tables[shard, "before-replay"], history.tables[shard, "after-replay"]
        lost += [write for write in own.values() if write.acknowledged and write.key not in before.keys]
        breaches += [*_lost(own, before, after), *_duplicates(before), *_duplicates(after, before), *_order(own, before, after)]
        phantoms, flying = _phantoms(history, shard, own, after)
        breaches += phantoms
        in_flight += flying
        split, doubts = split_brain(history, shard, own, before)
        breaches += split
        remarks += doubts
    stale, replicas = reads(history, made)
    unknown = [write for write in made.values() if not write.acknowledged and not write.failed]
    kept = frozenset[Key]().union(*(table.keys for (_, moment), table in history.tables.items() if moment == "before-replay"))
    times = [write.acknowledged.end for write in lost if write.acknowledged]
    return Checked(
        tuple(breaches + stale), sum(write.acknowledged is not None for write in made.values()), sum(write.failed for write in made.values()),
        len(unknown), sum(write.key in kept for write in unknown), in_flight, _names(lost), max(times) - min(times) if times else 0.0, replicas, tuple(remarks),
    )


def _names(writes: Iterable[Write]) -> tuple[str, ...]:
    return tuple(write.name for write in sorted(writes, key=lambda write: write.key))


def _lost(own: dict[Key, Write], before: Table, after: Table) -> Iterator[Breach]:
    """Yield what is not there in the end."""
    gone = [write for write in own.values() if write.acknowledged and write.key not in after.keys]
    if gone:
        details = "; ".join(
            f"{write.name} by {each.member} on timeline {each.timeline} ({each.place})" for write in gone[:MANY] if (each := write.acknowledged)
        )
        more = f"; and {len(gone) - MANY} more" if len(gone) > MANY else ""
        yield Breach("lost", _names(gone), f"{after.header.shard}: acknowledged, and not there after the replay ({after.file}): {details}{more}")
    missing = {write.key for write in gone}
    vanished = tuple(f"{user}/{number}" for user, number in sorted(before.keys - after.keys - missing))
    if vanished:
        yield Breach("vanished", vanished, f"{after.header.shard}: there before the replay ({before.file}), and not after ({after.file}): {listed(vanished)}")


def _duplicates(table: Table, earlier: Table | None = None) -> Iterator[Breach]:
    """Yield what is there twice, and was not so earlier."""
    known = _twice(earlier) if earlier else set()
    twice = tuple(f"{user}/{number}" for user, number in sorted(_twice(table) - known))
    if twice:
        yield Breach("duplicate", twice, f"{table.header.shard}: there twice {table.header.moment.replace('-', ' the ')} ({table.file}): {listed(twice)}")


def _twice(table: Table) -> set[Key]:
    return {key for key, count in Counter(key for key, _ in table.rows).items() if count > 1}


def _order(own: dict[Key, Write], before: Table, after: Table) -> Iterator[Breach]:
    """Yield pairs of a user's writes that stand in another order than they were made in.

    One client writes for a user, so that its own clock says which was acknowledged before another was begun. Of what was written again the
    numbers say the order, among themselves.
    """
    wrong: list[str] = []
    details: list[str] = []
    position = dict(before.rows)
    users: dict[int, list[Write]] = {}
    for write in own.values():
        if write.key in position:
            users.setdefault(write.key[0], []).append(write)
    for theirs in users.values():
        begun = sorted(theirs, key=lambda write: write.begin)
        done = sorted((write for write in theirs if write.acknowledged), key=lambda write: write.acknowledged.end if write.acknowledged else 0.0)
        latest, index = None, 0
        for write in begun:
            while index < len(done) and (each := done[index].acknowledged) and each.end < write.begin:
                if latest is None or position[done[index].key] > position[latest.key]:
                    latest = done[index]
                index += 1
            if latest is not None and position[latest.key] > position[write.key]:
                wrong += [latest.name, write.name]
                details.append(f"{latest.name} was acknowledged before {write.name} was begun ({write.attempts[0].place}), and stands behind it")
    again: dict[int, list[tuple[int, int]]] = {}
    for (user, number), place in after.rows:
        if (user, number) not in position:
            again.setdefault(user, []).append((place, number))
    for user, rows in again.items():
        numbers = [number for _, number in sorted(rows)]
        for one, other in pairwise(numbers):
            if one > other:
                wrong += [f"{user}/{one}", f"{user}/{other}"]
                details.append(f"{user}/{one} was written again before {user}/{other}")
    if wrong:
        more = f"; and {len(details) - MANY} more" if len(details) > MANY else ""
        yield Breach("order", tuple(dict.fromkeys(wrong)), f"{before.header.shard}: {'; '.join(details[:MANY])}{more}")


def _phantoms(history: History, shard: str, own: dict[Key, Write], after: Table) -> tuple[list[Breach], int]:
    """Return the rows that cannot be there, and how many may be because a client was killed before it wrote down that it had sent them."""
    last: dict[int, int] = {}
    for user, number in own:
        last[user] = max(last.get(user, -1), number)
    killed = {user for party in history.clients.values() if party.killed and party.header.shard == shard for user in party.header.users}
    nobody, failed, flying = [], [], 0
    for user, number in sorted(after.keys):
        write = own.get((user, number))
        if write is None and user in killed and number == last.get(user, number - 1) + 1:
            flying += 1
        elif write is None:
            nobody.append(f"{user}/{number}")
        elif write.failed:
            failed.append(write.name)
    found = []
    if nobody:
        found.append(Breach("phantom", tuple(nobody), f"{shard}: there ({after.file}), and no client wrote it: {listed(tuple(nobody))}"))
    if failed:
        found.append(Breach("phantom", tuple(failed), f"{shard}: there ({after.file}), though every attempt had certainly failed: {listed(tuple(failed))}"))
    return found, flying
