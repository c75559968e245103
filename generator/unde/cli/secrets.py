"""``unde secrets``."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from .options import DEFAULT_LAYOUT, Assignments, LayoutFile, Overlay, load_sound


def secrets(layout: LayoutFile = DEFAULT_LAYOUT,
            keep: Annotated[str | None, typer.Option(help="YAML of secrets to keep; - is stdin. Only missing ones are made.")] = None,
            rotate: Annotated[str | None, typer.Option(metavar="NAME", help="Make a new value for this one of them; its former one stays beside.")] = None,
            given: Annotated[str | None, typer.Option(metavar="FILE", help="With --rotate: where the new value is that only others can give.")] = None,
            forget: Annotated[str | None, typer.Option(metavar="NAME", help="Leave out the former value of this one.")] = None,
            overlay: Overlay = None, assignments: Assignments = "") -> None:
    """Print the estate's secrets, strong and random, as YAML; pipe them into ansible-vault, never into a file.

    Example: unde secrets | ansible-vault encrypt --output inventory/group_vars/all/vault.yml
    """
    import yaml

    from ..errors import UnreadableLayout, WrongCall
    from ..plan import rotation
    from ..plan import secrets as plan_secrets
    from ..reports import render

    if sys.stdout.isatty():
        raise UnreadableLayout("secrets are not shown on a terminal: pipe them into `ansible-vault encrypt`")
    known: dict[str, Any] = _read(keep) if keep else {}
    if (rotate or forget) and not keep:
        raise WrongCall("--rotate and --forget change secrets that there are: say which, by --keep")
    try:
        if rotate is not None:
            result = rotation.rotated(known, rotate, _given(given) if given else None)
        elif forget is not None:
            result = rotation.forgotten(known, forget)
        else:
            estate = load_sound(layout, overlay, assignments)
            result = plan_secrets.fresh(estate, known)
    except rotation.NotRotated as why:
        raise WrongCall(str(why)) from None
    render.show(f"---\n{yaml.safe_dump(result, sort_keys=True)}".rstrip("\n"))


def _read(place: str) -> dict[str, Any]:
    """Return the secrets of a file, ``-`` being stdin.

    Raises:
        UnreadableLayout: it holds none; the text repeats nothing of it.

    """
    import yaml

    from ..errors import UnreadableLayout
    from ..plan import rotation
    from ..plan import secrets as plan_secrets

    try:
        with sys.stdin if place == "-" else open(place, encoding="utf-8") as handle:
            kept = yaml.safe_load(handle) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:  # the text of the error may quote a secret
        raise UnreadableLayout(f"{place}: cannot be read as YAML: {type(error).__name__}") from None
    mappings = (*plan_secrets.MAPPINGS, plan_secrets.GIVEN_BY_NAME, plan_secrets.STORAGE_KEYS, rotation.FORMER)
    if not (isinstance(kept, dict) and all(isinstance(kept.get(name) or {}, dict) for name in mappings)):
        raise UnreadableLayout(f"{place}: is not a mapping of names to secrets, as this command prints it")
    return kept


def _given(place: str) -> str:
    """Return the one line that a file holds.

    Raises:
        WrongCall: it cannot be read, or is not one line.

    """
    from ..errors import WrongCall

    try:
        with open(place, encoding="utf-8") as handle:
            lines = handle.read().splitlines()
    except (OSError, ValueError) as error:
        raise WrongCall(f"{place}: cannot be read: {type(error).__name__}") from None
    if len(lines) != 1 or not lines[0].strip():
        raise WrongCall(f"{place}: a secret is one line, and this has {len(lines)}")
    return lines[0].strip()
