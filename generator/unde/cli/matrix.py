"""``unde matrix``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ..reports.output import complain
from .map import write
from .options import DEFAULT_LAYOUT, OK, REFUSED, Assignments, Format, LayoutFile, OutputFormat, Overlay, load_sound, named


def matrix(layout: LayoutFile = DEFAULT_LAYOUT,
           observed: Annotated[str | None, typer.Option(
               metavar="FILE", help="What was seen, as playbooks/operate/matrix.yml writes it; without it the plan is shown.", callback=named)] = None,
           page: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write the matrix as one HTML page, too.", callback=named)] = None,
           output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Tell which host reaches which port of which other by the flows; compared with what was seen, cell by cell.

    Ends with 1 if a cell is open but undeclared, declared but closed, or was not asked.

    Example: unde matrix --html matrix.html
    """
    from ..plan import reachability
    from ..reports import matrix as report
    from ..reports import render

    estate = load_sound(layout, overlay, assignments)
    cells = reachability.cells(estate)
    seen = read(observed) if observed else {}
    if page:
        write(page, report.page(f"Who reaches whom: {layout}", cells, seen))
    if observed is None:
        render.show(render.as_json_lines(report.rows(cells)) if output is Format.json else render.as_lines("", report.brief(cells)).lstrip("\n"))
        raise typer.Exit(OK)
    wrong = report.differences(cells, seen)
    if output is Format.json:
        render.show(render.as_json_lines(wrong))
    elif wrong:
        render.show(render.as_table("Not as planned", wrong))
    complain(f"{layout}: {len(cells)} cells, {sum(cell.open for cell in cells)} of them open by the flows, {len(wrong)} not as planned")
    raise typer.Exit(REFUSED if wrong else OK)


def read(file: str) -> dict[str, Any]:
    """Return what was seen: source → target → port → answer.

    Raises:
        WrongCall: the file cannot be read, or holds something else.

    """
    from ..errors import WrongCall

    try:
        with open(file, encoding="utf-8") as handle:
            seen = json.load(handle)
    except OSError as error:
        raise WrongCall(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise WrongCall(f"{file}: is not JSON: {error}") from error
    ports = [ports for targets in seen.values() if isinstance(targets, dict) for ports in targets.values()] if isinstance(seen, dict) else [None]
    if not all(isinstance(each, dict) for each in ports) or not all(isinstance(targets, dict) for targets in seen.values()):
        raise WrongCall(f"{file}: is no record of what was seen: source, target, port and answer; playbooks/operate/matrix.yml writes one")
    return dict(seen)
