"""The command ``unde``: one module for each command.

Exit codes, for every command: 0 fine, 1 the layout has errors, 2 it cannot be read (or the call is wrong).
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

import typer

from ..reports import output
from .capacity import capacity
from .check import check
from .cost import cost
from .diff import diff
from .drill import drill
from .grow import grow
from .map import draw
from .matrix import matrix
from .options import REFUSED, UNREADABLE
from .plan import plan
from .routeros import routeros
from .secrets import secrets
from .survive import survive

#: Commands whose name is not their function's.
NAMES: dict[object, str] = {draw: "map"}

app = typer.Typer(
    name="unde", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="One file says what the estate is; this command shows what follows from it and what cannot stand.",
)
for command in (capacity, check, cost, diff, drill, grow, draw, matrix, plan, routeros, secrets, survive):
    app.command(NAMES.get(command))(command)


def main() -> None:
    """Run the command; every error is one readable line, never a traceback."""
    from ..errors import InvalidLayout, UnreadableLayout, WrongCall

    _tune_for_short_runs()
    output.prepare()
    try:
        app()
    except InvalidLayout as error:
        output.complain(str(error))
        sys.exit(REFUSED)
    except (UnreadableLayout, WrongCall) as error:
        output.complain(f"ERROR {error}")
        sys.exit(UNREADABLE)
    except OSError as error:
        output.complain(f"ERROR {error.filename or 'standard output: cannot be written'}: {error.strerror or error}")
        sys.exit(UNREADABLE)
    except Exception as error:
        if os.environ.get("UNDE_TRACEBACK"):
            raise
        output.complain(output.bug(error))
        sys.exit(UNREADABLE)


def _tune_for_short_runs() -> None:
    """Leave out what a command that ends within a second does not need; a quarter of its time (bench/speed.py)."""
    # What it holds is given back at its end: nothing is collected before, nor looked through then.
    gc.disable()
    atexit.register(gc.freeze)
    # Nobody's plugin takes part in reading a layout, and to look for one pydantic reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
