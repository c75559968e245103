"""What commands share: their options, exit codes, and how a layout is read.

Only what a command needs is imported, and only when it runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..model import Estate, Source

DEFAULT_LAYOUT = "inventory/layout.yml"
OK, REFUSED, UNREADABLE = 0, 1, 2


class Format(StrEnum):
    """How a listing is written."""

    table = "table"
    json = "json"


def named(parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse an empty name of a file, as of a variable that is not set: it would stand for something else.

    Raises:
        WrongCall: it is empty.

    """
    from ..errors import WrongCall

    if value is not None and not value.strip():
        name = parameter.opts[0] if parameter.param_type_name == "option" else (parameter.metavar or str(parameter.name).upper())
        raise WrongCall(f"{name} is empty: name a file, or leave it out")
    return value


LayoutFile = Annotated[str, typer.Argument(metavar="LAYOUT", help="The layout file.", callback=named)]
OutputFormat = Annotated[Format, typer.Option("--format", help="table for people, json for programs (alone on stdout).")]
Overlay = Annotated[str | None, typer.Option(envvar="UNDE_OVERLAY", help="A second file that holds only what differs.", callback=named)]
Assignments = Annotated[str, typer.Option("--set", envvar="UNDE_SET", help="path=value[,path=value…], as shards.count=2.")]


def load(layout: str | Source, overlay: str | None, assignments: str) -> Estate:
    """Return the estate of a layout, errors and all."""
    from .. import estate
    from .. import load as read

    return estate(read(layout, overlay, assignments))


def load_sound(layout: str | Source, overlay: str | None, assignments: str) -> Estate:
    """Return the estate of a layout that has no errors.

    Raises:
        InvalidLayout: with all errors.

    """
    from .. import refuse_errors

    estate = load(layout, overlay, assignments)
    refuse_errors(estate)
    return estate


def counted(number: int, what: str) -> str:
    """Return ``1 error``, ``2 errors``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
