"""What commands share: their options, exit codes, and how a layout is read.

Only what a command needs is imported, and only when it runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..model import Estate

DEFAULT_LAYOUT = "inventory/layout.yml"
OK, REFUSED, UNREADABLE = 0, 1, 2


class Format(StrEnum):
    """How a listing is written."""

    table = "table"
    json = "json"


LayoutFile = Annotated[str, typer.Argument(metavar="LAYOUT", help="The layout file.")]
OutputFormat = Annotated[Format, typer.Option("--format", help="table for people, json for programs (alone on stdout).")]
Overlay = Annotated[str | None, typer.Option(envvar="UNDE_OVERLAY", help="A second file that holds only what differs.")]
Assignments = Annotated[str, typer.Option("--set", envvar="UNDE_SET", help="path=value[,path=value…], as shards.count=2.")]


def load(layout: str, overlay: str | None, assignments: str) -> Estate:
    """Read and expand a layout."""
    from ..model import expand, read

    return expand(*read(layout, overlay, assignments))


def counted(number: int, what: str) -> str:
    """Return ``1 error``, ``2 errors``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
