# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The menus of a RouterOS router against what they should be.

``community.routeros.api_modify`` brings a menu to what it should be, and asks the router anew for each. Here all of them are compared with what was read by
one connection, and whatever is not certainly the same counts as different: then that module has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Entry = dict[str, Any]
PEERS, TUNNELS, USERS = "interface wireguard peers", "interface wireguard", "user"
#: What the comments of our entries begin with.
OURS = re.compile("^unde: ")
#: Fields that nobody may see.
SECRET = frozenset({"private-key", "preshared-key", "password"})


class Field(Protocol):
    """What community.routeros knows of a field."""

    can_disable: bool
    default: Any
    remove_value: Any
    absent_value: Any
    read_only: bool
    write_only: bool


class Schema(Protocol):
    """What community.routeros knows of a menu."""

    single_value: bool
    primary_keys: tuple[str, ...] | None
    fields: Mapping[str, Field]


@dataclass(frozen=True)
class Menu:
    """What a menu should be.

    Attributes:
        ours: field, and either values or a regular expression, by which our entries are told from others; without it nothing is ever removed.
        shared: whether others' entries are of no concern.

    """

    path: str
    data: list[Entry]
    ours: Mapping[str, Any] | None = None
    ordered: bool = False
    shared: bool = False

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Menu:
        """Take a menu as the plan has it; what is not given may be None."""
        return cls(given["path"], given["data"], given.get("ours"), bool(given.get("ordered")), bool(given.get("shared")))


def text(value: object) -> str | None:
    """Return a value as the router's own language writes it."""
    if value is None:
        return None
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def with_keys(menus: Iterable[Mapping[str, Any]], peer_keys: Mapping[str, str], private_keys: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return menus with what only a run knows: the public keys of tunnels' far ends (a tunnel without one gets no peer), and private keys, by interface."""
    filled = []
    for menu in menus:
        data = menu["data"]
        if menu["path"] == PEERS:
            data = [{**entry, "public-key": peer_keys[entry["interface"]]} for entry in data if entry["interface"] in peer_keys]
        elif menu["path"] == TUNNELS and private_keys:
            data = [{**entry, "private-key": private_keys[entry["name"]]} if entry["name"] in private_keys else entry for entry in data]
        filled.append({**menu, "data": data})
    return filled


def configured(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that somebody configured."""
    return [entry for entry in entries if not (entry.get("dynamic") or entry.get("builtin"))]


def is_ours(entry: Entry, ours: Mapping[str, Any], schema: Schema) -> bool:
    """Return whether an entry is one of ours."""
    field = schema.fields[ours["field"]]
    value = entry.get(ours["field"], field.absent_value if field.absent_value else field.default)
    if ours.get("values") is not None:
        return text(value) in map(text, ours["values"])
    return value is not None and re.match(ours["regex"], str(text(value))) is not None


def same(there: Entry, wanted: Entry, schema: Schema, whole: bool) -> bool:
    """Return whether an entry is certainly what it should be; ``whole``: and has nothing besides that could be taken away."""
    for key, value in wanted.items():
        field = schema.fields.get(key)
        if field is None or value is None or key.startswith("!"):
            return False
        if key in there:
            if text(there[key]) != text(value):
                return False
        elif field.can_disable or text(field.default) != text(value):
            return False
    return not whole or not any(removable(key, field, there) for key, field in schema.fields.items() if key not in wanted)


def removable(key: str, field: Field, there: Entry) -> bool:
    """Return whether a field that is not wanted is there, or not there, other than it is by default."""
    if key not in there:
        return bool(field.can_disable and field.default is not None)
    if there[key] in [each for each in (field.default, field.remove_value) if each is not None]:
        return False
    return bool(field.can_disable or field.default is not None)


def differs(menu: Menu, entries: list[Entry], schema: Schema, whole: bool = False) -> bool:
    """Return whether a menu may be other than it should be; ``whole``: entries that are not ours are to go, too."""
    if schema.single_value:
        return len(entries) != 1 or not same(entries[0], menu.data[0], schema, whole=False)
    owned = menu.ours is not None
    there = [entry for entry in configured(entries) if whole or menu.ours is None or is_ours(entry, menu.ours, schema)]
    if owned and len(there) != len(menu.data):
        return True
    if owned and menu.ordered:
        return not all(same(entry, wanted, schema, whole=True) for entry, wanted in zip(there, menu.data, strict=True))
    keys = schema.primary_keys or ()
    for wanted in menu.data:
        fitting = [entry for entry in there if all(text(entry.get(key)) == text(wanted.get(key)) for key in keys) and same(entry, wanted, schema, whole=owned)]
        if not fitting:
            return True
        there.remove(fitting[0])
    return False


def made_by_hand(path: str, entries: Iterable[Entry], schema: Schema) -> Iterator[str]:
    """Yield the entries without a comment of ours, as a person would write them, without what nobody may see."""
    for entry in configured(entries):
        if OURS.match(str(entry.get("comment", ""))):
            continue
        shown = {
            key: value for key, value in entry.items()
            if (field := schema.fields.get(key)) and key not in SECRET and not field.read_only and not field.write_only and value != field.default
        }  # fmt: skip
        yield " ".join([f"/{path}", *(f"{key}={text(value)}" for key, value in shown.items())])
