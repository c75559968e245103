"""``unde diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import DEFAULT_LAYOUT, OK, REFUSED, Assignments, Format, OutputFormat, Overlay, load_sound, named

if TYPE_CHECKING:
    from ..model import Source

Side = Annotated[str, typer.Argument(help="A file, a git revision (HEAD~1, a branch, a tag), or REVISION:PATH.", callback=named)]
RolesFolder = Annotated[Path | None, typer.Option("--roles", help="The collection's roles; found in a checkout and where Ansible keeps them.")]


def diff(old: Side, new: Side = DEFAULT_LAYOUT, output: OutputFormat = Format.table, overlay: Overlay = None, assignments: Assignments = "",
         roles: RolesFolder = None) -> None:
    """Tell what a change will do, host by host: files, restarts, reloads, rules, targets, tunnels, cost. Nothing is touched.

    An overlay lies over both sides; --set holds for NEW alone, so that one file can be compared with a variant of itself.
    Ends with 0 if nothing differs, 1 if something does, 2 if a side cannot be read.

    Example: unde diff HEAD · unde diff inventory/layout.yml inventory/layout.yml --set shards.count=2
    """
    from .. import diff as room
    from ..errors import InvalidLayout, UnreadableLayout
    from ..reports import changes, render

    effects = room.load(roles or room.find())
    try:
        difference = room.between(load_sound(_side(old), overlay, ""), load_sound(_side(new), overlay, assignments), effects)
    except InvalidLayout as error:  # 1 says that something differs: a layout that cannot stand is no answer to that
        raise UnreadableLayout(f"cannot be compared:\n{error}") from error
    if output is Format.json:
        render.show(render.as_json(changes.rows(difference)))
    elif difference.same:
        render.show("nothing differs")
    else:
        render.show(changes.text(difference))
    raise typer.Exit(OK if difference.same else REFUSED)


def _side(side: str) -> str | Source:
    """Return a side's layout: a file if there is one of that name, a git revision otherwise."""
    from ..model import source

    return side if Path(side).exists() else source.parse(_at_revision(side), side)


def _at_revision(side: str) -> str:
    """Return the text of the layout at a git revision.

    Raises:
        UnreadableLayout: there is no such file and no such revision, or the layout was not there at that time.

    """
    import subprocess

    from ..errors import UnreadableLayout
    from ..model import source

    revision, colon, path = side.partition(":")
    path = path if colon else DEFAULT_LAYOUT
    if revision.startswith("-") or not path.strip() or "\0" in side:  # git would take it for an option, or show a folder
        raise UnreadableLayout(f"{side!r}: no such file, and no name of a git revision: write REVISION or REVISION:PATH")
    try:
        # A path in a revision counts from the top of the checkout unless it says otherwise.
        done = subprocess.run(["git", "show", f"{revision}:./{path}"], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise UnreadableLayout(f"{side}: no such file, and git is not installed, so that it can be no revision either") from error
    if done.returncode != 0:
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git says nothing"])[0].removeprefix("fatal: ")
        raise UnreadableLayout(f"{side}: no such file, and no layout at a git revision of that name: {reason}")
    return source.decoded(done.stdout, side)
