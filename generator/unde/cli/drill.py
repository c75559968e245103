"""``unde drill``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..reports.output import complain
from .map import write
from .options import OK, REFUSED, Format, OutputFormat, counted, named


class Question(StrEnum):
    """What is asked of drills that have run."""

    report = "report"
    history = "history"
    measured = "measured"


def drill(what: Annotated[Question, typer.Argument(help="report: judge one run; history: all kept reports over time; measured: them by fault and condition.")],
          folder: Annotated[str, typer.Argument(metavar="DIRECTORY", help="A run's folder, or one with many below it.", callback=named)],
          output: OutputFormat = Format.table,
          page: Annotated[str | None, typer.Option("--html", metavar="FILE", help="report, history: write it as one HTML page, too.", callback=named)] = None,
          file: Annotated[str | None, typer.Option(
              "--output", "-o", metavar="FILE", help="measured: the Markdown page to write, as docs/measured.md.", callback=named)] = None) -> None:
    """Judge what a drill wrote down: outage, writes lost, duplicates, order, two primaries; beside what was foretold and promised.

    The reports that history and measured gather are report.json in each run's folder, as `unde drill report --format json` prints it.
    Ends with 1 if a rule is broken or something foretold was off (of a history: in the latest run of a fault under a condition), with 2 if what was written
    down cannot be judged.

    Example: unde drill report .cache/drills/host-lost-1 --html run.html
    """
    from ..errors import WrongCall

    if page is not None and what is Question.measured:
        raise WrongCall("--html is for report and history: measured writes Markdown, by --output")
    if file is not None and what is not Question.measured:
        raise WrongCall(f"--output is for measured: {what.value} is written to standard output, and as a page by --html")
    held = {Question.report: _report, Question.history: _history, Question.measured: _measured}[what](Path(folder), output, page or file)
    raise typer.Exit(OK if held else REFUSED)


def _report(folder: Path, output: Format, page: str | None) -> bool:
    """Judge one run; return whether all held."""
    from .. import drills
    from ..reports import drills as report
    from ..reports import render
    from ..reports.drills import page as pages

    judged = drills.judge(folder)
    if page:
        write(page, pages.run(judged))
    if output is Format.json:
        render.show(render.as_json([report.report(judged)]))
    else:
        render.show("\n\n".join([report.heading(judged), *(render.as_table(title, rows) for title, rows in report.tables(judged))]))
    complain(f"{folder}: {report.verdict(judged)}")
    return judged.held


def _history(folder: Path, output: Format, page: str | None) -> bool:
    """Show all kept reports; return whether the latest of every fault under every condition held."""
    from ..drills import measured
    from ..reports import drills as report
    from ..reports import render
    from ..reports.drills import page as pages

    kept = measured.read(folder)
    if page:
        write(page, pages.history(kept, Path(page).resolve().parent))
    rows = report.runs(kept)
    if output is Format.json or rows:
        render.show(render.as_json_lines(rows) if output is Format.json else render.as_lines("", rows).lstrip("\n"))
    _tell(folder, len(kept))
    return all({(each.report.fault, each.report.rtt_ms, each.report.loss_percent): each.report.held for each in kept}.values())


def _measured(folder: Path, output: Format, file: str | None) -> bool:
    """Gather all kept reports by fault and condition; what is broken in them stands there, and refuses nothing."""
    from ..drills import measured
    from ..reports import render
    from ..reports.drills import measured as report

    kept = measured.read(folder)
    lines = list(measured.lines(kept))
    if file:
        write(file, report.text(lines))
    if output is Format.json:
        render.show(render.as_json_lines(report.rows(lines)))
    elif not file:
        render.show(report.text(lines).rstrip("\n"))
    _tell(folder, len(kept))
    return True


def _tell(folder: Path, kept: int) -> None:
    """Say how many reports were found, and which runs have none."""
    from ..drills import measured

    complain(f"{folder}: {counted(kept, 'report')}")
    for run in measured.unjudged(folder):
        complain(f"{run}: has no {measured.NAME}, and is not counted: unde drill report {run} --format json > {run / measured.NAME}")
