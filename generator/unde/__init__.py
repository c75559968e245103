"""UNDE Infra: everything about an estate that follows from its one layout file.

The rooms, each importing only from those before it: ``model`` (what the file says), ``plan`` (what follows),
``checks`` (what of both cannot stand), ``survive`` (what a loss does), ``diff`` (what a change does), ``drills`` (what a drill
measured), ``reports`` (how it is shown), ``cli``.

The stages from the file to what Ansible is told are the functions here, one for each; the inventory plugin, the commands and the tests call them::

    source = unde.load("inventory/layout.yml")
    estate = unde.estate(source)
    findings = unde.check(estate)
    unde.refuse_errors(estate)
    inventory = unde.inventory(estate)

What a stage needs is imported when it is called: whoever asks for help, or has the plan in a cache, does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .errors import Finding
    from .model import Estate, Source
    from .plan.inventory import Inventory

__all__ = ["__version__", "check", "estate", "inventory", "load", "refuse_errors"]
__version__ = "0.1.0"


def load(file: str | Path | Source, overlay: str | Path | Source | None = None, assignments: str = "") -> Source:
    """Read a layout, and lay an overlay and single assignments over it.

    Args:
        file: the layout, or what was read of it already.
        overlay: a second one that holds only what differs.
        assignments: ``path=value,path=value``.

    Returns:
        Plain data, with the position of each value; whether it makes a layout is the next stage's to say.

    Raises:
        UnreadableLayout: a file cannot be read or is not YAML, or an assignment sets nothing.

    """
    from .model import overlay as overlays
    from .model import source

    def read(each: str | Path | Source) -> Source:
        return each if isinstance(each, source.Source) else source.load(each)

    laid = read(file)
    return overlays.assign(overlays.lay_over(laid, read(overlay)) if overlay else laid, assignments)


def estate(source: Source) -> Estate:
    """Return the estate that a layout describes: its values typed, its templates expanded.

    Raises:
        InvalidLayout: the YAML has duplicate keys or secrets, values do not fit the schema, or a template cannot be expanded; all findings of the
            first of these that finds any are carried.

    """
    from .model import expand, typed

    return expand(typed(source), source)


def check(estate: Estate) -> list[Finding]:
    """Return what of an estate cannot stand (level error) or is doubtful (warning), sorted by place: the findings of every rule."""
    from . import checks

    return checks.run(estate)


def refuse_errors(estate: Estate) -> None:
    """Stop an estate that has findings of level error.

    Raises:
        InvalidLayout: with all errors.

    """
    from . import checks

    checks.refuse_errors(estate)


def inventory(estate: Estate) -> Inventory:
    """Return everything that Ansible is told of an estate: its hosts and groups, with their variables.

    The plan exists where :func:`check` finds no errors; otherwise what it says is undefined, and it may raise anything.
    """
    from .plan import inventory as plan

    return plan.build(estate)
