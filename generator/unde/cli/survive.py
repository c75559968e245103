"""``unde survive``."""

from __future__ import annotations

from typing import Annotated

import typer

from ..reports.output import complain
from .options import DEFAULT_LAYOUT, OK, REFUSED, Assignments, Format, LayoutFile, OutputFormat, Overlay, load


def losable(context: typer.Context, incomplete: str) -> list[str]:
    """Return what ``--lose`` may name in the layout at hand, for the shell's completion; nothing where there is no sound one."""
    from ..errors import UndeError
    from ..model import select

    known = context.params
    try:
        estate = load(known.get("layout") or DEFAULT_LAYOUT, known.get("overlay"), known.get("assignments") or "")
    except UndeError:
        return []
    return [name for name in select.losable(estate) if name.startswith(incomplete)]


def survive(layout: LayoutFile = DEFAULT_LAYOUT,
            lose: Annotated[list[str] | None, typer.Option(
                metavar="WHAT", autocompletion=losable, help="host:X, tunnel:X, site:X or link:A:B; give it again to lose several at once.")] = None,
            pairs: Annotated[bool, typer.Option("--pairs", help="List all pairs of losses, not only those that stop writes.")] = False,
            output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Tell what happens when something is lost: quorum, where writes go, what users feel, how long it takes; which promises hold.

    Example: unde survive --lose host:local-shard-0 --lose site:witness
    """
    from .. import survive as room
    from ..reports import render, survival

    estate = load(layout, overlay, assignments)
    room.refuse_errors(estate)
    survey = room.Survey(estate)
    singles = [room.lose(estate, lose)] if lose else list(survey.singles())
    both = [] if lose else list(survey.pairs())
    unsafe = [outcome for outcome in both if not outcome.writable]
    verdicts = room.promises.verdicts(estate, {outcome.name: outcome for outcome in singles})
    shown = both if pairs else unsafe
    if output is Format.json:
        render.show(render.as_json_lines([*map(survival.promise, verdicts), *map(survival.single, singles), *map(survival.pair, shown)]))
    else:
        text = [render.as_table("", survival.detail(singles[0]))] if lose else [render.as_table("Single losses", list(map(survival.brief, singles)))]
        if pairs and both:
            text.append(render.as_lines("Pairs of losses", list(map(survival.brief, both))))
        elif unsafe:
            text.append(render.as_table("Pairs of losses that stop writes", survival.unsafe_pairs(estate, unsafe)))
        if verdicts:
            text.append(render.as_table("Promises", list(map(survival.promised, verdicts))))
        render.show("\n\n".join(text))
        if both:
            complain(f"{layout}: {len(both)} pairs of losses, {len(unsafe)} of them stop writes")
    raise typer.Exit(OK if all(verdict.holds for verdict in verdicts) else REFUSED)
