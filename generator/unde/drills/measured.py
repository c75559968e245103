"""What many runs measured: their kept reports gathered by fault and condition.

A report is what ``unde drill report --format json`` printed, kept as ``report.json`` beside the files that it was made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import UnreadableHistory, clipped, nearest
from .faults import FAULTS
from .outage import percentile

NAME = "report.json"


class _Kept(BaseModel):
    """Of a report what is gathered; the rest is let through."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class KeptOutage(_Kept):
    """An outage."""

    worst_s: float
    open: bool


class KeptComparison(_Kept):
    """A comparison."""

    what: str
    source: str
    said: str
    measured: str
    held: bool


class KeptReport(_Kept):
    """A report."""

    format: Literal[1]
    name: str
    began: str
    drill: str
    fault: str
    rtt_ms: float
    loss_percent: float
    command: str
    revision: str | None
    held: bool
    writes: KeptOutage | None
    reads: KeptOutage | None
    replica_reads: KeptOutage | None
    lost_before_replay: Annotated[int, Field(ge=0)]
    lost_after_replay: Annotated[int, Field(ge=0)]
    foretold: tuple[KeptComparison, ...]


@dataclass(frozen=True)
class Kept:
    """A report and the folder that it stands in."""

    folder: Path
    report: KeptReport


@dataclass(frozen=True)
class Spread:
    """Values of several runs: nearest-rank percentiles, and the worst."""

    p50: float
    p95: float
    worst: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """Return the spread of values; None of none."""
        return cls(percentile(values, 50), percentile(values, 95), max(values)) if values else None


@dataclass(frozen=True)
class Line:
    """A fault under a condition.

    Attributes:
        runs: how many; none: nobody measured it.
        broken: how many of them did not hold what was promised.
        open: how many had an outage that did not end while anybody looked: their seconds are too few.
        writes_s, reads_s, replica_reads_s: of each run the worst outage of a judged client; seconds.
        lost_before, lost_after: acknowledged writes that were lost before and after the clients' replay.
        said: what `unde survive` said of the writes, of the latest run.
        commands: that give the runs.

    """

    fault: str
    rtt_ms: float
    loss_percent: float
    runs: int = 0
    broken: int = 0
    open: int = 0
    writes_s: Spread | None = None
    reads_s: Spread | None = None
    replica_reads_s: Spread | None = None
    lost_before: Spread | None = None
    lost_after: int | None = None
    said: str | None = None
    commands: tuple[str, ...] = ()


def read(folder: Path) -> list[Kept]:
    """Return every kept report below a folder, the earliest first.

    Raises:
        UnreadableHistory: the folder is none, or a report is none; all that was found.

    """
    if not folder.is_dir():
        raise UnreadableHistory([f"{folder}: is no folder"])
    problems: list[str] = []
    kept: list[Kept] = []
    for path in sorted(folder.rglob(NAME)):
        try:
            reports = TypeAdapter(tuple[KeptReport, ...]).validate_json(path.read_bytes())
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror}")
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            problems.append(f"{path}: {where}: {first['msg']}: is not what `unde drill report --format json` prints")
        else:
            kept += [Kept(path.parent, report) for report in reports]
    names: dict[str, Path] = {}
    for each in kept:
        if names.setdefault(each.report.name, each.folder) != each.folder:
            problems.append(f"{each.folder}: is the run '{clipped(each.report.name)}', and so is {names[each.report.name]}: count it once")
        if each.report.fault not in FAULTS:
            problems.append(f"{each.folder}: fault: '{clipped(each.report.fault)}' is not known — {nearest(each.report.fault, FAULTS)}")
    if problems:
        raise UnreadableHistory(problems)
    return sorted(kept, key=lambda each: (each.report.began, each.report.name))


def unjudged(folder: Path) -> list[Path]:
    """Return the folders of runs below a folder that nobody has kept a report of."""
    return [path.parent for path in sorted(folder.rglob("run.json")) if not (path.parent / NAME).exists()]


def lines(kept: Sequence[Kept]) -> Iterator[Line]:
    """Yield a line for every fault under every condition that it is to be measured under, and under every other one that it was."""
    for name, fault in FAULTS.items():
        own = [each.report for each in kept if each.report.fault == name]
        for rtt, loss in sorted({*fault.conditions, *((each.rtt_ms, each.loss_percent) for each in own)}):
            yield _line(name, rtt, loss, [each for each in own if (each.rtt_ms, each.loss_percent) == (rtt, loss)])


def _line(fault: str, rtt: float, loss: float, runs: list[KeptReport]) -> Line:
    """Return the line of some runs."""
    if not runs:
        return Line(fault, rtt, loss)
    outages = [each for run in runs for each in (run.writes, run.reads, run.replica_reads) if each is not None]
    return Line(
        fault, rtt, loss, len(runs), sum(not run.held for run in runs), sum(each.open for each in outages),
        Spread.of([run.writes.worst_s for run in runs if run.writes]), Spread.of([run.reads.worst_s for run in runs if run.reads]),
        Spread.of([run.replica_reads.worst_s for run in runs if run.replica_reads]),
        Spread.of([float(run.lost_before_replay) for run in runs]), max(run.lost_after_replay for run in runs),
        next((each.said for each in runs[-1].foretold if each.source == "unde survive" and each.what.startswith("writes of")), None),
        tuple(dict.fromkeys(run.command for run in runs)),
    )
