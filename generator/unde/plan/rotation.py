"""A secret gets a new value: the former one stays beside it, in the same encrypted file, until nobody is let in with it any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import secrets
from .rotations import FIXED

#: Variable that holds the former values: name, as `names` has it → value.
FORMER = "vault_former"


class NotRotated(Exception):
    """A secret that does not get a new value; the text, which holds no value, says why."""


def names(known: Mapping[str, Any]) -> list[str]:
    """Return the names of all secrets that can get a new value: ``variable``, or ``variable/entry`` where the variable is a mapping."""
    found = []
    for variable, value in known.items():
        if variable not in {FORMER, *FIXED}:
            found += [f"{variable}/{entry}" for entry in value] if isinstance(value, dict) else [variable]
    return sorted(found)


def rotated(known: Mapping[str, Any], name: str, given: str | None = None) -> dict[str, Any]:
    """Return all secrets with a new value for one, and its former value under `FORMER`.

    Args:
        known: all secrets.
        name: as `names` has it; a secret that others give may be a new one.
        given: the new value, of a secret that only others can give; None makes one.

    Raises:
        NotRotated: there is no such secret, it is fixed, a former value still waits, or only others can give it.

    """
    variable, _, entry = name.partition("/")
    if variable in FIXED:
        raise NotRotated(f"{name}: {FIXED[variable]}")
    if name not in names(known) and not (given and variable in secrets.GIVEN):
        raise NotRotated(f"{name or 'nothing'} is no secret of this file: {', '.join(names(known))}")
    if name in known.get(FORMER, {}):
        raise NotRotated(f"{name}: its former value still waits for playbooks/operate/rotate_secret.yml to end well; run that first")
    if (given is None) == (variable in secrets.GIVEN):
        raise NotRotated(f"{name}: only others can give it: hand its new value over" if given is None else f"{name}: is made here, not given")
    value = given or secrets.made(variable)
    before = _value(known, name)
    if value == before:
        raise NotRotated(f"{name}: that is its value already")
    kept = {FORMER: {**known.get(FORMER, {}), name: before}} if before else {}
    return {**known, variable: {**known.get(variable, {}), entry: value} if entry else value, **kept}


def forgotten(known: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return all secrets without the former value of one."""
    former = {each: value for each, value in known.get(FORMER, {}).items() if each != name}
    rest = {variable: value for variable, value in known.items() if variable != FORMER}
    return rest | ({FORMER: former} if former else {})


def _value(known: Mapping[str, Any], name: str) -> str | None:
    """Return the present value of a secret, None where there is none."""
    variable, _, entry = name.partition("/")
    value: Any = known.get(variable)
    found: str | None = (value or {}).get(entry) if entry else value
    return found
