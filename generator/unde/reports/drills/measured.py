"""``docs/measured.md``: outage and loss by fault, RTT and loss of packets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from ...drills.faults import FAULTS
from ...drills.measured import Line, Spread

WRITTEN = "<!-- Written by `unde drill measured` from the reports of drills; changes made here are lost. -->"
ABOUT = """\
What drills measured, by fault, round-trip time between the sites and loss of packets on the way. How a run is judged, and what an outage is:
[drills](drills.md).

Each run counts with its worst, the longest outage of any judged worker. Outages (seconds) and losses (writes) are p50 / p95 / worst over the runs, n is their
number; percentiles are nearest-rank: p95 of fewer than twenty is the worst. *Lost before* are acknowledged writes that the new primary did not have before the
clients wrote them again; *lost after* is what was missing in the end, the most of any run, and promised to be 0. *Broken* are runs in which a rule was broken,
or something foretold or promised was off. The last column gives the line again."""
HEAD = (
    "fault", "RTT, ms", "loss, %", "n", "writes", "reads", "reads of replicas", "lost before", "lost after", "foretold of writes", "broken", "command",
)
NOTHING = ("not measured", *[""] * (len(HEAD) - 4))


def text(lines: Iterable[Line]) -> str:
    """Return the page."""
    rows = [HEAD, ("---",) * len(HEAD), *_rows(lines)]
    return "\n\n".join([WRITTEN, "# Measured", ABOUT, "\n".join(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def rows(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return every line for programs, those that nobody measured too."""
    return [
        {"name": f"{line.fault} {line.rtt_ms:g} ms {line.loss_percent:g} %", "fault": line.fault, "rtt_ms": line.rtt_ms, "loss_percent": line.loss_percent,
         "n": line.runs, "broken": line.broken, "not_over": line.open, "writes_s": _values(line.writes_s), "reads_s": _values(line.reads_s),
         "replica_reads_s": _values(line.replica_reads_s),
         "lost_before": _values(line.lost_before), "lost_after": line.lost_after, "foretold": line.said, "commands": line.commands}
        for line in lines
    ]


def _rows(lines: Iterable[Line]) -> Iterator[tuple[str, ...]]:
    """Yield a row for what was measured; what was not, of a fault in one row."""
    for name, group in groupby(lines, key=lambda line: line.fault):
        title, found = FAULTS[name].title, list(group)
        for line in found:
            if line.runs:
                yield (
                    title, f"{line.rtt_ms:g}", f"{line.loss_percent:g}", str(line.runs), _cell(line.writes_s, ".1f"), _cell(line.reads_s, ".1f"),
                    _cell(line.replica_reads_s, ".1f"), _cell(line.lost_before, "g"), str(line.lost_after), line.said or "–", _broken(line),
                    "<br>".join(f"`{each}`" for each in line.commands),
                )
        missing: dict[float, tuple[float, ...]] = {}
        for line in found:
            if not line.runs:
                missing[line.rtt_ms] = (*missing.get(line.rtt_ms, ()), line.loss_percent)
        for losses in dict.fromkeys(missing.values()):
            yield (title, _listed([rtt for rtt, own in missing.items() if own == losses]), _listed(losses), *NOTHING)


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in sorted(values))


def _cell(spread: Spread | None, form: str) -> str:
    return "–" if spread is None else " / ".join(format(value, form) for value in (spread.p50, spread.p95, spread.worst))


def _broken(line: Line) -> str:
    text = str(line.broken)
    return f"{text}; {line.open} outages were not over" if line.open else text


def _values(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else {"p50": spread.p50, "p95": spread.p95, "worst": spread.worst}
