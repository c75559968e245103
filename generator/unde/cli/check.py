"""``unde check``."""

from __future__ import annotations

import typer

from ..reports.output import complain
from .options import DEFAULT_LAYOUT, OK, REFUSED, Assignments, Format, LayoutFile, OutputFormat, Overlay, counted, load


def check(layout: LayoutFile = DEFAULT_LAYOUT, output: OutputFormat = Format.table, overlay: Overlay = None,
          assignments: Assignments = "") -> None:
    """Prove the layout: all findings at once, each with its file, line and fix.

    Example: unde check inventory/examples/as-written.yml
    """
    from .. import check as findings_of
    from ..errors import InvalidLayout
    from ..reports import render

    try:
        findings = findings_of(load(layout, overlay, assignments))
    except InvalidLayout as error:
        findings = list(error.findings)
    errors = sum(finding.level == "error" for finding in findings)
    if output is Format.json:
        render.show(render.as_json(render.findings_as_rows(findings)))
    else:
        if findings:
            render.show("\n".join(map(str, findings)))
        complain(f"{layout}: {counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}")
    raise typer.Exit(REFUSED if errors else OK)
