"""What the router's version knows: menus, their commands and arguments, kinds of values. Made by dump_schema.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Field:
    """One argument of a menu's items.

    Attributes:
        kind: of its values: text, bool, number, duration, word, flags, range, prefixes, ports, mac.
        words: what else a number may be, or all that a word or a flag may be.
        negatable: whether ``!`` may stand before the value.
        unset: whether it can be without a value.
        removed_by: the value that unsets it.

    """

    kind: str = "text"
    words: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    negatable: bool = False
    default: str | None = None
    unset: bool = False
    removed_by: str | None = None
    write_only: bool = False

    def __post_init__(self) -> None:
        """Let a value that the file has as a list be what it says."""
        object.__setattr__(self, "words", tuple(self.words))


@dataclass(frozen=True)
class Menu:
    """One menu.

    Attributes:
        single: it is one thing, not a list.
        keys: what must differ between two items, together.
        required: what an item cannot be added without.
        shown: what print can show.

    """

    path: str
    single: bool = False
    keys: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Menu:
        """Return a menu from the file's own form."""
        return cls(**{**data, "fields": {name: Field(**each) for name, each in data["fields"].items()}})


@dataclass(frozen=True)
class Command:
    """A command that is not one of a list's own: its arguments, and those without which it cannot be."""

    arguments: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """A version of RouterOS."""

    version: str
    menus: Mapping[str, Menu]
    commands: Mapping[str, Command]

    @classmethod
    def read(cls, file: Path) -> Schema:
        """Return what dump_schema.py wrote."""
        data = json.loads(file.read_text())
        return cls(
            data["version"],
            {path: Menu.read(each) for path, each in data["menus"].items()},
            {name: Command(**each) for name, each in data["commands"].items()},
        )
