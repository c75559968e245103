"""Whether two members acknowledged writes at once."""

from __future__ import annotations

from dataclasses import dataclass

from . import records
from .findings import Breach, Key, Write, listed, span
from .history import Attempt, History, Table


@dataclass(frozen=True)
class _Reign:
    """When a timeline is first known to have had a primary: ``at`` on the clock ``boot``, and how that is known."""

    timeline: int
    member: str
    at: float
    boot: str
    how: str


def split_brain(history: History, shard: str, own: dict[Key, Write], before: Table) -> tuple[list[Breach], list[str]]:
    """Return where two members acknowledged writes at once, and where that cannot be excluded.

    A promotion begins a new timeline (PostgreSQL never goes back to an older one), so that from its first sign on, an acknowledged write or an
    observer's word, nobody may acknowledge on an older one. An acknowledgment of an older timeline that came after it breaks that,

    - whatever became of the write, when it was begun after it: the member was asked, and said yes, while another one led;
    - when it was begun before it, unless the new timeline has the write: then it was committed before the promotion and only its answer was late, as
      of packets that had to be sent again. Without the write there the answer was given by a member that had been succeeded, or says so too late
      to be told from one.

    And two members on one timeline are two primaries at any time.
    """
    acknowledged = [each for write in own.values() for each in write.attempts if each.result == "ok"]
    reigns = _reigns(history, shard, acknowledged)
    breaches: list[Breach] = []
    doubts: list[str] = []
    members: dict[int, dict[str, Attempt]] = {}
    for each in acknowledged:
        members.setdefault(each.timeline or 0, {}).setdefault(str(each.member), each)
    for timeline, by_member in sorted(members.items()):
        if len(by_member) > 1:
            details = ", ".join(f"{member} ({each.user}/{each.number}, {each.place})" for member, each in sorted(by_member.items()))
            ids = tuple(f"{each.user}/{each.number}" for _, each in sorted(by_member.items()))
            breaches.append(Breach("split-brain", ids, f"{shard}: more than one member acknowledged on timeline {timeline}: {details}"))
    late: dict[tuple[int, str, _Reign], list[tuple[float, Attempt]]] = {}
    for each in acknowledged:
        for reign in reigns:
            if reign.timeline <= (each.timeline or 0):
                continue
            known = history.between(history.boot(each.client), reign.boot)
            if each.end > reign.at + known and (each.begin > reign.at + known or each.key not in before.keys):
                late.setdefault((each.timeline or 0, str(each.member), reign), []).append((each.end - reign.at, each))
                break
            if abs(each.end - reign.at) <= known and each.key not in before.keys:
                apart = f"{1000 * abs(each.end - reign.at):.0f} ms apart, by clocks that are uncertain by {1000 * known:.0f} ms"
                doubts.append(f"{shard}: whether {each.member} acknowledged {each.user}/{each.number} ({each.place}) before {reign.member} led timeline "
                              f"{reign.timeline} is not known: {apart}")
                break
    for (timeline, member, reign), found in late.items():
        ids = tuple(f"{each.user}/{each.number}" for _, each in sorted(found, key=lambda one: one[1].key))
        by, worst = max(found, key=lambda one: one[0])
        breaches.append(Breach("split-brain", ids, (
            f"{shard}: {member} acknowledged on timeline {timeline} {span(by)} after {reign.member} led timeline {reign.timeline} ({reign.how}): "
            f"{listed(ids)}; the last at {worst.place}"
        )))
    return breaches, doubts


def _reigns(history: History, shard: str, acknowledged: list[Attempt]) -> list[_Reign]:
    """Return the first sign of every timeline, the earliest of each sort of sign, in the order of time."""
    signs: dict[tuple[int, str], _Reign] = {}
    for each in acknowledged:
        reign = _Reign(each.timeline or 0, str(each.member), each.end, history.boot(each.client), f"{each.user}/{each.number}, {each.place}")
        key = (reign.timeline, reign.boot)
        if key not in signs or reign.at < signs[key].at:
            signs[key] = reign
    for sighting in history.sightings:
        event = sighting.event
        if isinstance(event, records.Leader) and event.shard == shard and event.member is not None and event.timeline is not None:
            key = (event.timeline, sighting.boot)
            if key not in signs or sighting.at < signs[key].at:
                signs[key] = _Reign(event.timeline, event.member, sighting.at, sighting.boot, "an observer saw it")
    return sorted(signs.values(), key=lambda reign: reign.at)
