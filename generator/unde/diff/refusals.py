"""What a run cannot do: the changes that a role will refuse on a host, foretold from its ``meta/effects.yml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..model import HostView
from .effects import PLACEHOLDER, Effects, Refusal

Variables = dict[str, Any]
Change = tuple[Any, Any]


@dataclass(frozen=True)
class Refused:
    """One change that the role will refuse on a host.

    Attributes:
        because: the variables that changed.
        why: a run cannot make it.
        way: how it is made instead.

    """

    role: str
    because: tuple[str, ...]
    why: str
    way: str


def refusals(before: HostView, host: HostView, variables: dict[str, Change], now: Variables, effects: Effects) -> list[Refused]:
    """Return what the roles of a host that stays will refuse."""
    found = []
    for role in host.roles:
        begins = host.may(role) and not before.may(role)
        for effect in effects.get(role, []) if host.may(role) else []:
            if effect.refused is None or (effect.refused.unless and now.get(effect.refused.unless)):
                continue
            named = {name: fields for name, fields in effect.names().items() if name in variables}
            because = tuple(name for name, fields in named.items() if _holds(effect.refused, variables[name], fields, begins))
            if because:
                found.append(Refused(role, because, effect.refused.why, _filled(effect.refused.way, now)))
    return found


def _holds(refusal: Refusal, change: Change, fields: set[str], begins: bool) -> bool:
    """Return whether a changed variable is refused."""
    old, new = change
    if begins or old is None:
        return "begins" in refusal.when and new is not None
    if isinstance(old, dict) and any(old.get(key) != value for key, value in refusal.was.items()):
        return False
    if refusal.key is None:
        return ("changed" if new is not None else "removed") in refusal.when and _projected(old, fields) != _projected(new, fields)
    was, becomes = ({each[refusal.key]: _projected(each, fields) for each in value or []} for value in change)
    kinds = {
        "changed": any(was[one] != becomes[one] for one in was.keys() & becomes.keys()),
        "added": bool(becomes.keys() - was.keys()),
        "removed": bool(was.keys() - becomes.keys()),
    }
    return any(kinds.get(kind, False) for kind in refusal.when)


def _projected(value: Any, fields: set[str]) -> Any:
    """Return some fields of an object; all of it if none are given."""
    return {name: value.get(name) for name in fields} if fields and isinstance(value, dict) else value


def _filled(text: str, now: Variables) -> str:
    """Return the way with the host's own names."""
    return PLACEHOLDER.sub(lambda found: str(now.get(found[1], found[0])), text)
