"""Lists of interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..interfaces import BUILTIN
from ..table import Behaviour

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row


class Lists(Behaviour):
    """Lists by name; four are always there."""

    clash = "failure: already have interface list with such name"

    def factory(self) -> list[Row]:
        """Return the lists that every router has."""
        return [{"name": name, "builtin": "true", "comment": comment} for name, comment in BUILTIN.items()]

    def shown(self, router: Router, row: Row) -> Row:
        """Return whose it is."""
        return {"builtin": row.get("builtin", "false"), "dynamic": "false"}
