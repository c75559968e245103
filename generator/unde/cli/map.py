"""``unde map``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ..reports.output import complain
from .options import DEFAULT_LAYOUT, Assignments, LayoutFile, Overlay, counted, load_sound, named


def draw(file: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The page to write.", callback=named)],
         layout: LayoutFile = DEFAULT_LAYOUT, overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Draw the estate as one HTML page that opens from disk and asks nothing of any network.

    Example: unde map -o estate.html
    """
    from .. import survive
    from ..reports import map as report

    estate = load_sound(layout, overlay, assignments)
    write(file, report.page(estate, survive.every(estate)))
    complain(f"{file}: {counted(len(estate.hosts), 'host')}, {counted(len(estate.tunnels), 'tunnel')}")


def write(file: str, text: str) -> None:
    """Write a file whole or not at all: a reader finds the old page or the new one.

    Raises:
        WrongCall: the file cannot be written.

    """
    from ..errors import WrongCall

    path = Path(file)
    try:
        if path.exists() and not path.is_file():  # a pipe or a device is written to, never replaced
            path.write_text(text, encoding="utf-8")
            return
        path = path.resolve()
        new = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            new.write_text(text, encoding="utf-8")
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise WrongCall(f"{file}: cannot be written: {error.strerror}") from error
