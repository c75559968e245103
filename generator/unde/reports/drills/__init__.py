"""What a drill measured, as rows: for programs everything, for people what they look for first.

``page`` draws a run and the history over runs as HTML, ``timeline`` a run's course, ``measured`` is the table in ``docs/measured.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from ...drills import Figures, Judgement
from ...drills.faults import FAULTS
from ...drills.figures import ClientFigures, Outages
from ...drills.measured import Kept
from ...drills.outage import SORTS, Outage, percentile
from ...drills.records import FORMAT

Row = dict[str, Any]


def report(judged: Judgement) -> Row:
    """Return everything for programs; times in seconds."""
    run, found, checked = judged.history.run, judged.figures, judged.figures.checked
    broken = {rule: sum(len(each.ids) for each in found.breaches if each.rule == rule) for rule in ("lost", "duplicate", "order", "split-brain", "stale-read")}
    return {
        "name": run.name, "format": FORMAT, "began": began(judged), "drill": run.drill, "fault": run.fault, "targets": run.targets, "losses": run.losses,
        "rtt_ms": run.rtt_ms, "loss_percent": run.loss_percent, "command": run.command, "revision": run.revision, "held": judged.held,
        "length_s": _round(found.length_s), "writes_per_s": _round(found.writes_per_s, 1),
        **_outages(found.outages), "by_shard": _parts(found.by_shard), "by_site": _parts(found.by_site),
        "acknowledged": checked.acknowledged, "failed": checked.failed, "unknown": checked.unknown, "unknown_kept": checked.unknown_kept,
        "in_flight": checked.in_flight,
        "lost_before_replay": len(checked.lost_before), "lost_span_s": _round(checked.lost_span_s), "lost_after_replay": broken["lost"],
        "duplicates": broken["duplicate"], "out_of_order": broken["order"], "split_brain": broken["split-brain"], "stale_reads": broken["stale-read"],
        "answers_of_replicas": checked.replicas.reads, "late_answers_of_replicas": len(checked.replicas.late_s), "late_s": _late(checked.replicas.late_s),
        "added_ms": _round(found.added_ms, 1), "served_by": found.served_by, "moved": found.moved,
        "mended_s": _round(found.times.mended_s), "promoted_s": _rounded(found.times.promoted_s), "routed_s": _rounded(found.times.routed_s),
        "whole_s": _rounded(found.times.whole_s), "seen_late_s": _round(found.times.late_s), "lag_bytes": found.times.lag_bytes,
        "alerts": [asdict(each) | {"fired_s": _round(each.fired_s), "resolved_s": _round(each.resolved_s)} for each in found.times.alerts],
        "clients": [_client(each) for each in found.clients],
        "foretold": [asdict(each) for each in judged.comparisons], "breaches": [asdict(each) for each in found.breaches],
        "lost_before_replay_ids": checked.lost_before, "remarks": [*judged.history.remarks, *checked.remarks],
    }


def outage(found: Outage | None) -> Row | None:
    """Return an outage for programs."""
    if found is None:
        return None
    values = {key: _round(getattr(found, key)) for key in ("p50_s", "p95_s", "worst_s", "silence_s", "usual_s")}
    return {"streams": found.streams, **values, "open": found.open, "worst_client": found.worst.client, "worst_worker": found.worst.worker}


def began(judged: Judgement) -> str:
    """Return when a run began, by the clock of the machine that ran it."""
    return datetime.fromtimestamp(judged.history.run.wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def heading(judged: Judgement) -> str:
    """Return a run in one line."""
    run = judged.history.run
    return f"{run.name}: {FAULTS[run.fault].title}, RTT {run.rtt_ms:g} ms, {run.loss_percent:g} % loss"


def verdict(judged: Judgement) -> str:
    """Return the judgement in one line."""
    broken, off = len(judged.figures.breaches), sum(not each.held for each in judged.comparisons)
    rules = "1 rule broken" if broken == 1 else f"{broken} rules broken"
    if judged.held:
        return "held: nothing is broken, nothing foretold was off" if judged.comparisons else "held: nothing is broken; nothing was foretold or promised"
    return "BROKEN: " + ", ".join([rules] * bool(broken) + [f"{off} foretold or promised otherwise"] * bool(off))


def figures(found: Figures) -> list[Row]:
    """Return the figures as lines of what and how, for people."""
    checked, times = found.checked, found.times
    replicas = checked.replicas
    worst = f", the worst by {replicas.late_s[-1]:.2f} s" if replicas.late_s else ""
    rows = [
        *((f"outage of {sort}", spoken(found.outages[sort])) for sort in SORTS),
        ("writes", f"{checked.acknowledged} acknowledged ({found.writes_per_s:.0f}/s before the fault), {checked.failed} failed, {checked.unknown} unknown"
                   f" ({checked.unknown_kept} of them there)" + (f", {checked.in_flight} under way when a client was killed" if checked.in_flight else "")),
        ("lost before the replay", _lost_before(found)),
        ("lost after the replay", f"{sum(len(each.ids) for each in found.breaches if each.rule == 'lost')}"),
        ("served by", ", ".join(f"{shard} by {member or 'nobody'}" for shard, member in found.served_by.items()) or "–"),
        *((f"{shard} promoted", f"after {moment:.1f} s") for shard, moment in times.promoted_s.items()),
        *((f"{record.replace(' ', ' told of ')}", "never" if moment is None else f"after {moment:.1f} s") for record, moment in times.routed_s.items()),
        *((f"{shard} whole again", "not" if moment is None else f"after {moment:.1f} s") for shard, moment in times.whole_s.items()),
        ("mended", "nobody saw it" if times.mended_s is None else f"after {times.mended_s:.1f} s"),
        ("a write takes longer", "–" if found.added_ms is None else f"{found.added_ms:+.0f} ms"),
        ("replica reads", f"{replicas.reads}, {len(replicas.late_s)} of them late{worst}"),
    ]
    return [{"what": what, "how": how} for what, how in rows]


def clients(found: Figures) -> list[Row]:
    """Return the clients as lines of a table."""
    return [
        {"client": each.client, "site": each.site, "shard": each.shard, "counts": _counts(each),
         "ok/failed/unknown": _each({sort: "/".join(map(str, counts)) for sort, counts in each.attempts.items() if any(counts)}),
         "outage p50/p95/worst": _each({sort: spoken(found, brief=True) for sort, found in each.outages.items() if found})}
        for each in found.clients
    ]


def comparisons(judged: Judgement) -> list[Row]:
    """Return what was said and what was measured, as lines of a table."""
    return [
        {"what": each.what, "said by": each.source, "said": each.said, "measured": each.measured, "held": "yes" if each.held else "NO"}
        for each in judged.comparisons
    ]


def alerts(found: Figures) -> list[Row]:
    """Return the alerts as lines of a table."""
    return [
        {"alert": each.name, "about": each.about, "watch": each.watch, "fired after": f"{each.fired_s:.1f} s",
         "resolved after": "not" if each.resolved_s is None else f"{each.resolved_s:.1f} s"}
        for each in found.times.alerts
    ]


def breaches(found: Figures) -> list[Row]:
    """Return what is broken, as lines of a table."""
    return [{"rule": each.rule, "what": each.message} for each in found.breaches]


def tables(judged: Judgement) -> Iterator[tuple[str, list[Row]]]:
    """Yield the tables of a report for people, those that hold something."""
    found = judged.figures
    remarks = [{"what": each} for each in chain(judged.history.remarks, found.checked.remarks)]
    for title, rows in (
        ("Broken", breaches(found)), ("Foretold and promised", comparisons(judged)), ("Figures", figures(found)), ("Clients", clients(found)),
        ("Alerts", alerts(found)), ("To know", remarks),
    ):
        if rows:
            yield title, rows


def runs(kept: list[Kept]) -> list[Row]:
    """Return runs over time, a line each."""
    return [
        {"name": each.report.name, "began": each.report.began, "fault": each.report.fault, "rtt_ms": each.report.rtt_ms,
         "loss_percent": each.report.loss_percent, "held": each.report.held,
         "write_outage_s": each.report.writes.worst_s if each.report.writes else None,
         "read_outage_s": each.report.reads.worst_s if each.report.reads else None,
         "lost_before_replay": each.report.lost_before_replay, "lost_after_replay": each.report.lost_after_replay, "revision": each.report.revision}
        for each in kept
    ]


def spoken(found: Outage | None, *, brief: bool = False) -> str:
    """Return an outage in words."""
    if found is None:
        return "–"
    never = " and not over" if found.open else ""
    text = f"{found.p50_s:.2f} / {found.p95_s:.2f} / {found.worst_s:.2f} s{never}"
    if brief:
        return text
    return (f"{text} (p50 / p95 / worst of {found.streams} streams); nobody had an answer for {found.silence_s:.2f} s; before the fault at most "
            f"{found.usual_s:.2f} s")


def _lost_before(found: Figures) -> str:
    lost = found.checked.lost_before
    return f"{len(lost)}, acknowledged within {found.checked.lost_span_s:.2f} s: {', '.join(lost[:5])}{' …' if len(lost) > 5 else ''}" if lost else "0"


def _counts(each: ClientFigures) -> str:
    """Return whether a client's outage counts, or why not."""
    if not each.reconnects:
        return "no: keeps its session"
    return ("yes" if each.judged else "no: cut off by the fault") + (", was killed" if each.killed else "")


def _each(by_sort: dict[Any, str]) -> str:
    """Return what is told of each sort, in one cell."""
    return "\n".join(f"{sort} {words}" for sort, words in by_sort.items()) or "–"


def _outages(found: Outages) -> Row:
    return {sort.replace(" ", "_"): outage(each) for sort, each in found.items()}


def _parts(parts: dict[str, Outages]) -> Row:
    return {name: _outages(found) for name, found in parts.items()}


def _client(each: ClientFigures) -> Row:
    """Return a client for programs."""
    return {
        "name": each.client, "site": each.site, "shard": each.shard, "judged": each.judged, "reconnects": each.reconnects, "killed": each.killed,
        "attempts": {sort.replace(" ", "_"): dict(zip(("ok", "failed", "unknown"), counts, strict=True)) for sort, counts in each.attempts.items()},
        **_outages(each.outages),
    }


def _late(values: tuple[float, ...]) -> Row | None:
    if not values:
        return None
    return {"p50_s": _round(percentile(values, 50)), "p95_s": _round(percentile(values, 95)), "worst_s": _round(values[-1])}


def _rounded(times: dict[str, float] | dict[str, float | None]) -> dict[str, float | None]:
    return {name: _round(moment) for name, moment in times.items()}


def _round(value: float | None, digits: int = 3) -> float | None:
    """Return a time in milliseconds' precision: what is below is no clock's."""
    return None if value is None else round(value, digits)
