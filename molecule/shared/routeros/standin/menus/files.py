"""Files on the router's disk; all of them are text here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..errors import Trap
from ..table import Behaviour

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row

#: Larger ones are not shown whole, only read piece by piece.
SHOWN = 61440
TYPES = {"backup": "backup", "rsc": "script", "crt": ".crt file", "key": ".key file", "txt": ".txt file"}


class Files(Behaviour):
    """Files by name."""

    clash = "failure: file already exists"

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Keep the contents aside: they are shown only where they are small."""
        row[".contents"] = row.pop("contents", row.get(".contents", ""))
        row.pop("type", None)
        row[".changed"] = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        if any(other is not old and other["name"] == row["name"] for other in router.table("file").rows):
            raise Trap(self.clash, 0)

    def shown(self, router: Router, row: Row) -> Row:
        """Return what it is."""
        contents, kind = row[".contents"], TYPES.get(row["name"].rpartition(".")[2], "file")
        small = {"contents": contents} if len(contents) <= SHOWN and kind != "backup" else {}
        return {"type": kind, "size": str(len(contents.encode())), "last-modified": row[".changed"], **small}


def write(router: Router, name: str, contents: str) -> None:
    """Write a file, in place of one with that name."""
    table = router.table("file")
    if any(row["name"] == name for row in table.rows):
        table.set({"numbers": name, "contents": contents})
    else:
        table.add({"name": name, "contents": contents})


def read(router: Router, name: str) -> str:
    """Return what a file holds."""
    return router.table("file").find(name)[0][".contents"]
