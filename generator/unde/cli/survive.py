"""``unde survive``."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DEFAULT_LAYOUT, Assignments, Format, LayoutFile, OutputFormat, Overlay, load


def survive(layout: LayoutFile = DEFAULT_LAYOUT,
            lose: Annotated[list[str] | None, typer.Option(
                metavar="WHAT", help="host:X, tunnel:X, site:X or link:A:B; give it again to lose several at once.")] = None,
            output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Tell what happens when something is lost: quorum, where writes go, what users notice, how long it takes.

    Example: unde survive --lose host:local-shard-0 --lose site:witness
    """
    from .. import survive as room
    from ..reports import render

    estate = load(layout, overlay, assignments)
    outcomes = [room.lose(estate, lose)] if lose else room.every(estate)
    rows = [{"name": outcome.name, "sentence": outcome.sentence} for outcome in outcomes]
    render.show(render.as_json(rows) if output is Format.json else render.as_table("survive", rows))
