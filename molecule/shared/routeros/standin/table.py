"""A menu's items: what can be done to them, checked against the schema, in their order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from .errors import Trap, missing, no_such_item, unknown_parameter, unsupported
from .references import REFERENCES, require
from .schema import Field, Menu
from .values import canonical

if TYPE_CHECKING:
    from .router import Router

#: An item: argument → value as the router writes it. Names with a dot in front are never shown, but for ``.id``.
Row = dict[str, str]
#: Identifiers of items that nobody configured begin here.
DYNAMIC = 0x80000000


class Behaviour:
    """What a menu is beyond its schema; this one is nothing more."""

    #: What is said when two items would have the same keys.
    clash = "failure: already have such entry"
    #: Arguments that the stand-in takes but does not carry out: refused where the menu is otherwise real.
    without_effect: frozenset[str] = frozenset()

    def factory(self) -> list[Row]:
        """Return the items of a router that nobody has configured."""
        return []

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Fill in what follows from an item's arguments, and refuse what cannot be.

        Args:
            router: the router.
            row: the item as it is to be.
            old: the item as it was; None for a new one.

        """

    def shown(self, router: Router, row: Row) -> Row:
        """Return what the router shows of an item besides its arguments."""
        return {}

    def viewer(self, router: Router) -> Callable[[Row], Row]:
        """Return what shows an item; a menu that has to ask elsewhere asks here, once for all its items."""
        return lambda row: self.shown(router, row)

    def dynamic(self, router: Router) -> list[Row]:
        """Return the items that nobody configured."""
        return []

    def told(self, router: Router) -> list[Row]:
        """Return what a menu tells that has nothing to configure."""
        return []


class Table:
    """The items of one menu."""

    def __init__(self, router: Router, menu: Menu, behaviour: Behaviour) -> None:
        self.router, self.menu, self.behaviour = router, menu, behaviour
        self.rows: list[Row] = []
        self.next = 1
        for row in behaviour.factory() or ([{}] if menu.single else []):
            self._append(self._defaults(row))

    def add(self, arguments: Mapping[str, str]) -> str:
        """Add an item and return its identifier."""
        given = dict(arguments)
        before = given.pop("place-before", None)
        if "copy-from" in given:
            raise unsupported("copy-from")
        row = self._read(given, None)
        position = self.rows.index(self.find(before)[0]) if before else len(self.rows)
        self._append(row, position)
        return row[".id"]

    def set(self, arguments: Mapping[str, str]) -> None:
        """Change one item or several."""
        given = dict(arguments)
        rows = self.rows if self.menu.single else self.find(_numbers(given))
        for row in list(rows):
            new = self._read(given, row)
            self.rows[self.rows.index(row)] = new
            if new.get("name") != row.get("name"):
                self.router.renamed(self.menu.path, row.get("name", ""), new.get("name", ""))

    def remove(self, arguments: Mapping[str, str]) -> None:
        """Remove items; what speaks of them keeps their identifier instead of their name."""
        for row in self.find(_numbers(dict(arguments))):
            if row.get("builtin") == "true" or row.get("default") == "true":
                raise Trap("failure: can not remove builtin", 0)
            self.rows.remove(row)
            self.router.renamed(self.menu.path, row.get("name", ""), row[".id"])

    def move(self, arguments: Mapping[str, str]) -> None:
        """Put items before another one, or at the end."""
        rows = self.find(_numbers(dict(arguments)))
        target = self.find(arguments["destination"])[0] if arguments.get("destination") else None
        self.rows = [row for row in self.rows if row not in rows or row is target]
        position = self.rows.index(target) if target else len(self.rows)
        self.rows[position:position] = [row for row in rows if row is not target]

    def find(self, numbers: str) -> list[Row]:
        """Return items by their identifiers or names, a comma between them."""
        found = []
        for number in numbers.split(","):
            row = next((row for row in self.rows if number and number in (row[".id"], row.get("name"))), None)
            if row is None:
                raise no_such_item()
            found.append(row)
        return found

    def show(self) -> Iterator[Row]:
        """Yield all items with all that the router shows of them."""
        shown = self.behaviour.viewer(self.router)
        for row in self.rows:
            yield {**{name: value for name, value in row.items() if name == ".id" or name[0] != "."}, **shown(row)}
        for number, row in enumerate(self.behaviour.dynamic(self.router)):
            yield {".id": f"*{DYNAMIC + number:X}", **row, "dynamic": "true"}
        yield from self.behaviour.told(self.router)

    def enabled(self) -> list[Row]:
        """Return the items that are in force."""
        return [row for row in self.rows if row.get("disabled") != "true"]

    def _append(self, row: Row, position: int | None = None) -> None:
        named = {".id": f"*{self.next:X}", **row}
        row.clear()
        row.update(named)
        self.next += 1
        self.rows.insert(len(self.rows) if position is None else position, row)

    def _defaults(self, row: Row, but: Collection[str] = ()) -> Row:
        for name, field in self.menu.fields.items():
            if field.default is not None and name not in but:
                row.setdefault(name, field.default)
        return row

    def _read(self, arguments: Mapping[str, str], old: Row | None) -> Row:
        """Return an item as it is to be."""
        row: Row = dict(old or {})
        unset = []
        for given, value in arguments.items():
            name = given.removeprefix("!")
            field = self.menu.fields.get(name)
            if field is None or (given != name and not field.unset):
                raise unknown_parameter(given)
            if given != name or _unsets(name, field, value):
                row.pop(name, None)
                unset.append(name)
            else:
                row[name] = canonical(name, field, value)
                if kind := REFERENCES.get((self.menu.path, name)):
                    require(self.router, kind, name, row[name])
        idle = ("false", "", None)
        if refused := sorted(name for name in self.behaviour.without_effect if row.get(name) not in (*idle, self.menu.fields[name].default)):
            raise unsupported(f"{self.menu.path}: {', '.join(refused)}")
        if old is None:
            if lacking := [name for name in self.menu.required if name not in row]:
                raise missing(lacking)
            self._defaults(row, unset)
        self.behaviour.complete(self.router, row, old)
        keys = self.menu.keys
        if keys and any(other is not old and all(other.get(key) == row.get(key) for key in keys) for other in self.rows):
            raise Trap(self.behaviour.clash, 0)
        return row


def _unsets(name: str, field: Field, value: str) -> bool:
    if not field.unset:
        return False
    return value in ("", field.removed_by) or (field.kind == "duration" and canonical(name, field, value) == "0s")


def _numbers(arguments: dict[str, str]) -> str:
    """Take the words that name items out of a command's arguments."""
    names = [arguments.pop(word) for word in (".id", "numbers", "number") if word in arguments]
    if not names:
        raise no_such_item()
    return names[0]
