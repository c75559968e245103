"""When things happened after the fault, by what observers saw; an observer that looks now and then sees late, never early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import records
from .findings import Breach
from .history import History, Sighting


@dataclass(frozen=True)
class AlertSeen:
    """An alert.

    Attributes:
        fired_s, resolved_s: seconds after the fault; None: it did not end while anybody looked.

    """

    name: str
    watch: str
    about: str
    fired_s: float
    resolved_s: float | None


@dataclass(frozen=True)
class Times:
    """Seconds after the fault.

    Attributes:
        mended_s: until what was broken was given back, the last of it; None: nobody saw it.
        promoted_s: shard → until another member led; only shards whose leader changed.
        routed_s: ``site shard`` → until the site's record named the new leader; None: it never did.
        whole_s: shard → until every member ran and followed for good; None: it did not again; only shards that were not whole for a time.
        late_s: by how much any of these may be seen late, the longest time between two looks.
        alerts: that fired after the fault, in that order.
        lag_bytes: the most that a member was behind.

    """

    mended_s: float | None
    promoted_s: dict[str, float]
    routed_s: dict[str, float | None]
    whole_s: dict[str, float | None]
    late_s: float
    alerts: tuple[AlertSeen, ...]
    lag_bytes: int | None


def times(history: History) -> Times:
    """Return when things happened."""
    at, seen = history.fault_at, history.sightings
    after = [each for each in seen if each.at >= at]
    mended = [each.at - at for each in after if isinstance(each.event, records.Mended)]
    moves = dict(_moves(history))
    lags = [each.event.lag_bytes for each in seen if isinstance(each.event, records.Lag)]
    judged = (records.Leader, records.Routing, records.Whole)
    return Times(
        mended_s=max(mended, default=None),
        promoted_s={shard: moment - at for shard, (_, moment) in moves.items()},
        routed_s=dict(_routed(after, moves, at)),
        whole_s=dict(_whole(after, at)),
        late_s=max((each.at - each.since for each in after if each.since is not None and isinstance(each.event, judged)), default=0.0),
        alerts=tuple(sorted(_alerts(after, at), key=lambda alert: (alert.fired_s, alert.name, alert.watch, alert.about))),
        lag_bytes=max(lags, default=None),
    )


def breaches(history: History, seen: Times) -> Iterator[Breach]:
    """Yield what did not come about that has to: redundancy, routing, the alerts that the drill names."""
    for shard, moment in seen.whole_s.items():
        if moment is None:
            yield Breach("not-whole", (shard,), f"{shard}: not every member ran and followed in the end")
    for record, moment in seen.routed_s.items():
        if moment is None:
            yield Breach("not-routed", (record,), f"the routing record of {record.replace(' ', ' for ')} never named the new leader")
    fired = {alert.name for alert in seen.alerts}
    for name in history.run.alerts:
        if name not in fired:
            yield Breach("alert-missing", (name,), f"the alert {name} did not fire")


def leader_before(history: History, shard: str) -> str | None:
    """Return who led a shard when the fault began."""
    led = [each.event for each in history.sightings if isinstance(each.event, records.Leader) and each.event.shard == shard and each.at < history.fault_at]
    return next((event.member for event in reversed(led) if event.member), None)


def _moves(history: History) -> Iterator[tuple[str, tuple[str, float]]]:
    """Yield each shard that another member led after the fault, the first such member, and when it was seen."""
    for shard in history.shards:
        before = leader_before(history, shard)
        for each in history.sightings:
            event = each.event
            if isinstance(event, records.Leader) and event.shard == shard and each.at >= history.fault_at and event.member not in (None, before):
                if before is not None and event.member is not None:
                    yield shard, (event.member, each.at)
                break


def _routed(after: list[Sighting], moves: dict[str, tuple[str, float]], at: float) -> Iterator[tuple[str, float | None]]:
    """Yield each site that has a record of a shard that moved, and when that named the new leader; or who led by then, of a site that was away meanwhile."""
    routed: dict[tuple[str, str], float | None] = {}
    leads = {shard: member for shard, (member, _) in moves.items()}
    for each in after:
        event = each.event
        if isinstance(event, records.Leader) and event.shard in moves and each.at >= moves[event.shard][1] and event.member:
            leads[event.shard] = event.member
        elif isinstance(event, records.Routing) and event.shard in moves:
            right = event.member in (moves[event.shard][0], leads[event.shard]) and not event.stale
            if routed.get((event.site, event.shard)) is None:
                routed[event.site, event.shard] = each.at - at if right else None
    for (site, shard), moment in sorted(routed.items()):
        yield f"{site} {shard}", moment


def _whole(after: list[Sighting], at: float) -> Iterator[tuple[str, float | None]]:
    """Yield each shard that was not whole after the fault, and when it was so again for good."""
    said: dict[str, list[tuple[float, bool]]] = {}
    for each in after:
        if isinstance(each.event, records.Whole):
            said.setdefault(each.event.shard, []).append((each.at - at, each.event.whole))
    for shard, looks in sorted(said.items()):
        broken = [number for number, (_, whole) in enumerate(looks) if not whole]
        if broken:
            again = looks[broken[-1] + 1 :]
            yield shard, again[0][0] if again else None


def _alerts(after: list[Sighting], at: float) -> Iterator[AlertSeen]:
    """Yield each alert that fired, and when it was resolved after that."""
    said = [(each.at - at, each.event) for each in after if isinstance(each.event, records.Alert)]
    ends = [(moment, event) for moment, event in said if event.state == "resolved"]
    for moment, event in said:
        if event.state == "firing":
            own = [end for end, other in ends if end >= moment and (other.name, other.watch, other.about) == (event.name, event.watch, event.about)]
            yield AlertSeen(event.name, event.watch, event.about, moment, min(own, default=None))
