"""``unde capacity``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from .options import DEFAULT_LAYOUT, REFUSED, Assignments, Format, LayoutFile, OutputFormat, Overlay, load


def capacity(
    users: Annotated[int, typer.Option("--users", min=1, help="How many users there are to be.")],
    layout: LayoutFile = DEFAULT_LAYOUT,
    begin: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The day they begin; today unless given.")] = None,
    output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "",
) -> None:
    """Tell what a number of users needs: shards, hosts, addresses, disk, cost; and when the index asks for another shard.

    Ends with 1 where the layout has no room for so many, and says which limit is in the way.

    Example: unde capacity --users 50000 --from 2027-01-01
    """
    from .. import checks
    from ..plan import capacity as plan
    from ..reports import growth, render

    estate = load(layout, overlay, assignments)
    checks.refuse_errors(estate)
    need = plan.need(estate, users, (begin or datetime.now(UTC)).date())
    if isinstance(need, plan.OutOfReach):
        print(f"ERROR capacity — {users} users cannot be had: {need.limit} — {need.fix}", file=sys.stderr)
        raise typer.Exit(REFUSED)
    rows = growth.rows(need)
    render.show(render.as_json(rows) if output is Format.json else render.as_table(f"{users} users", rows))
