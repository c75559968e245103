"""The router: its tables, what changes them, and its memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .backend import Backend
from .errors import Trap
from .references import rename
from .schema import Schema
from .table import Behaviour, Row, Table


@dataclass(eq=False)
class Session:
    """One client.

    Attributes:
        service: by which it came, ``api`` or ``api-ssl``.
        policies: what its user's group allowed when it logged in; empty before.

    """

    service: str
    peer: tuple[str, int]
    local: tuple[str, int]
    user: str = ""
    policies: frozenset[str] = frozenset()
    since: float = field(default_factory=time.time)


class Router:
    """One router.

    Args:
        schema: what its version knows.
        behaviours: what menus are beyond it, by their paths.
        backend: what makes it real.
        state: where it is remembered; None for a router that forgets.
        restart: called when the router is to go down and come up again.

    """

    def __init__(self, schema: Schema, behaviours: Mapping[str, type[Behaviour]], backend: Backend, state: Path | None, restart: Callable[[], None]) -> None:
        self.schema, self.behaviours, self.backend, self.restart = schema, behaviours, backend, restart
        self.state = state
        self.sessions: list[Session] = []
        self.started = time.time()
        self._tables: dict[str, Table] = {}
        if state and state.exists():
            self.load(json.loads(state.read_text()))

    def table(self, path: str) -> Table:
        """Return a menu's items.

        Raises:
            Trap: there is no such menu.

        """
        if path not in self._tables:
            menu = self.schema.menus.get(path)
            if menu is None:
                raise Trap("no such command prefix", 0)
            self._tables[path] = Table(self, menu, self.behaviours.get(path, Behaviour)())
        return self._tables[path]

    def renamed(self, path: str, old: str, new: str) -> None:
        """Let all that speaks of an item by its name follow."""
        if old:
            rename(self, path, old, new)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make real and remember what is done to the tables meanwhile, or nothing of it."""
        before = self.dump()
        try:
            yield
            self.backend.apply(self)
        except Exception:
            self.load(before)
            self.backend.apply(self)
            raise
        self.save()

    def dump(self) -> dict[str, Any]:
        """Return all that is remembered."""
        return {path: {"next": table.next, "rows": [dict(row) for row in table.rows]} for path, table in self._tables.items()}

    def load(self, memory: dict[str, Any], but: frozenset[str] = frozenset()) -> None:
        """Become what is remembered, but for some menus."""
        self._tables = {path: table for path, table in self._tables.items() if path in but}
        for path, remembered in memory.items():
            if path not in but:
                table = self.table(path)
                table.next, table.rows = remembered["next"], [dict(row) for row in remembered["rows"]]

    def save(self) -> None:
        """Remember."""
        if self.state:
            new = self.state.with_suffix(".new")
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(self.dump(), file, indent=1)
            new.replace(self.state)

    def single(self, path: str) -> Row:
        """Return the settings of a menu that is one thing."""
        return self.table(path).rows[0]
