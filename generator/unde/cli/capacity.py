"""``unde capacity``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ..reports.output import complain
from .options import DEFAULT_LAYOUT, REFUSED, Assignments, Format, LayoutFile, OutputFormat, Overlay, load_sound

MOST_USERS = 10_000_000_000  #: more than there are people


def capacity(
    users: Annotated[int, typer.Option("--users", min=1, max=MOST_USERS, help="How many users there are to be.")],
    layout: LayoutFile = DEFAULT_LAYOUT,
    begin: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The day they begin; today unless given.")] = None,
    output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "",
) -> None:
    """Tell what a number of users needs: shards, hosts, addresses, disk, cost; and when the index asks for another shard.

    Ends with 1 where the layout has no room for so many, and says which limit is in the way.

    Example: unde capacity --users 50000 --from 2027-01-01
    """
    from ..errors import WrongCall
    from ..plan import capacity as plan
    from ..plan.ways import LAST_START
    from ..reports import growth, render

    estate = load_sound(layout, overlay, assignments)
    start = (begin or datetime.now(UTC)).date()
    if start > LAST_START:
        raise WrongCall(f"--from {start}: a century from then on is beyond the calendar: write {LAST_START} or an earlier day")
    need = plan.need(estate, users, start)
    if isinstance(need, plan.OutOfReach):
        complain(f"ERROR capacity — {users} users cannot be had: {need.limit} — {need.fix}")
        raise typer.Exit(REFUSED)
    rows = growth.rows(need)
    render.show(render.as_json(rows) if output is Format.json else render.as_table(f"{users} users", rows))
