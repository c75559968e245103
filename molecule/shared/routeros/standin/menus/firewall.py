"""Rules: a rule that cannot be put in force is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from .. import nft
from ..table import Behaviour

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row


class _Rules(Behaviour):
    menu: ClassVar[str]

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        row.setdefault("action", "accept")
        if row["chain"] not in nft.HOOKS[self.menu]:
            nft.chain(self.menu, row["chain"])
        nft.rule(self.menu, row, "untold")

    def viewer(self, router: Router) -> Callable[[Row], Row]:
        counters = router.backend.counters()

        def counted(row: Row) -> Row:
            packets, size = counters.get(nft.label(self.menu, row), (0, 0))
            gone = any(row.get(f"{way}-interface{kind}", "").removeprefix("!").startswith("*") for way in ("in", "out") for kind in ("", "-list"))
            return {"packets": str(packets), "bytes": str(size), "invalid": str(gone).lower(), "dynamic": "false"}

        return counted


class Filter(_Rules):
    """What may pass."""

    menu = "filter"


class Mangle(_Rules):
    """What is changed in passing."""

    menu = "mangle"


class Nat(_Rules):
    """What gets another address."""

    menu = "nat"


class Raw(_Rules):
    """What is judged before connections are known."""

    menu = "raw"
