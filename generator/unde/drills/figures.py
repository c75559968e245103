"""All that is told of a run, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from . import events, outage
from .checker import Checked, check
from .events import Times
from .findings import Breach
from .history import Attempt, History
from .outage import SORTS, Outage, Sort

Outages = dict[Sort, Outage | None]


@dataclass(frozen=True)
class ClientFigures:
    """What one client went through.

    Attributes:
        judged: whether its outages count (``Run.judged``, and that it connects again).
        reconnects: no: it kept the session that it had before the fault.
        killed: its file has no end.
        attempts: ok, failed, unknown, of each sort.
        outages: of each sort, of all its workers; None: it does none.

    """

    client: str
    site: str
    shard: str
    judged: bool
    reconnects: bool
    killed: bool
    attempts: dict[Sort, tuple[int, int, int]]
    outages: Outages


@dataclass(frozen=True)
class Figures:
    """What a run measured; times are seconds, after the fault where nothing else is said.

    Attributes:
        fault_at: when the fault began, since the beginning of the run.
        length_s: from the first attempt to the last.
        writes_per_s: acknowledged before the fault, a second.
        outages: of all judged clients, by sort.
        by_shard, by_site: the same of those that speak to a shard, or stand at a site.
        served_by: shard → the member that acknowledged the first write after its outage; None: none did.
        moved: the shards whose writes another member acknowledged after the fault than before.
        added_ms: how much longer a write took after the outage than before the fault (median of the client where most).

    """

    fault_at: float
    length_s: float
    writes_per_s: float
    outages: Outages
    by_shard: dict[str, Outages]
    by_site: dict[str, Outages]
    clients: tuple[ClientFigures, ...]
    served_by: dict[str, str | None]
    moved: tuple[str, ...]
    added_ms: float | None
    checked: Checked
    times: Times
    breaches: tuple[Breach, ...]

    @property
    def writes(self) -> Outage | None:
        """The outage of writes."""
        return self.outages["writes"]


def figures(history: History) -> Figures:
    """Return everything that a run measured."""
    checked, times = check(history), events.times(history)
    outages = _every(history, history.judged)
    writes = outages["writes"]
    clients = {name: party.header for name, party in history.clients.items()}
    sites = sorted({client.site for client in clients.values()})
    by_shard = {shard: _every(history, lambda name, shard=shard: history.judged(name) and clients[name].shard == shard)  # type: ignore[misc]
                for shard in history.shards}
    acknowledged = [each for each in history.of("write") if each.result == "ok"]
    before = [each for each in acknowledged if each.end <= history.fault_at]
    began = min((each.begin for each in history.attempts), default=0.0)
    served = {shard: _served_by(history, shard, acknowledged, by_shard[shard]["writes"]) for shard in history.shards}
    recovered = writes.ended if writes and writes.worst_s > outage.CONTINUES_S else history.fault_at
    return Figures(
        fault_at=history.fault_at,
        length_s=max((each.end for each in history.attempts), default=0.0) - began,
        writes_per_s=len(before) / (history.fault_at - began) if history.fault_at > began else 0.0,
        outages=outages, by_shard=by_shard,
        by_site={site: _every(history, lambda name, site=site: history.judged(name) and clients[name].site == site) for site in sites},  # type: ignore[misc]
        clients=tuple(_client(history, name) for name in sorted(history.clients)),
        served_by=served,
        moved=tuple(shard for shard in history.shards if _moved(history, shard, acknowledged)),
        added_ms=outage.added_ms(history, recovered) if recovered is not None else None,
        checked=checked, times=times, breaches=(*checked.breaches, *events.breaches(history, times)),
    )


def _every(history: History, chosen: outage.Chosen) -> Outages:
    """Return the outages of some clients."""
    return {sort: outage.outage(history, sort, chosen) for sort in SORTS}


def _client(history: History, name: str) -> ClientFigures:
    party = history.clients[name]
    return ClientFigures(
        name, party.header.site, party.header.shard, history.judged(name), party.header.reconnects, party.killed,
        {sort: _counts(history, name, sort) for sort in SORTS}, _every(history, lambda each: each == name),
    )


def _counts(history: History, name: str, sort: Sort) -> tuple[int, int, int]:
    """Return how many attempts of a client were ok, failed, unknown."""
    results = [each.result for each in outage.attempts(history, sort) if each.client == name]
    return results.count("ok"), results.count("failed"), results.count("unknown")


def _of_shard(history: History, shard: str, attempts: list[Attempt]) -> list[Attempt]:
    return [each for each in attempts if history.clients[each.client].header.shard == shard]


def _served_by(history: History, shard: str, acknowledged: list[Attempt], found: Outage | None) -> str | None:
    """Return who acknowledged the first write of judged clients from the end of the outage on."""
    ended = None if found is None else found.ended
    own = [each for each in _of_shard(history, shard, acknowledged) if history.judged(each.client) and ended is not None and each.end >= ended]
    return min(own, key=lambda each: each.end).member if own else None


def _moved(history: History, shard: str, acknowledged: list[Attempt]) -> bool:
    """Return whether writes of a shard were acknowledged by another member after the fault than before."""
    own = _of_shard(history, shard, acknowledged)
    before = {each.member for each in own if each.end <= history.fault_at}
    return bool(before) and bool({each.member for each in own if each.end > history.fault_at} - before)
