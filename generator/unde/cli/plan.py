"""``unde plan``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .options import DEFAULT_LAYOUT, Assignments, Format, LayoutFile, OutputFormat, Overlay, load_sound


class Section(StrEnum):
    """The listings of a plan."""

    hosts = "hosts"
    tunnels = "tunnels"
    clusters = "clusters"
    flows = "flows"
    scrape = "scrape"
    cost = "cost"
    rollout = "rollout"


def plan(section: Annotated[Section, typer.Argument(help="What to list.")] = Section.hosts, layout: LayoutFile = DEFAULT_LAYOUT,
         output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "") -> None:
    """List what follows from the layout.

    Example: unde plan tunnels --format json
    """
    from ..reports import listings, render

    estate = load_sound(layout, overlay, assignments)
    rows = listings.LISTINGS[section.value](estate)
    render.show(render.as_json(rows) if output is Format.json else render.as_table(section.value, rows))
