"""Promises: they speak of what is in the layout."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import nearest
from ..model import Estate, select
from .rules import Violation, rule


@rule("promise-unknown")
def promises(estate: Estate) -> Iterator[Violation]:
    """Everything that a promise loses or keeps is in the layout."""
    losable = [*select.KINDS, *select.losable(estate)]
    for name, promise in estate.layout.document.promises.items():
        for key, what, values, known in (
            ("lose", "nothing that can be lost", promise.lose, losable), ("keeps", "no service", promise.keeps, list(estate.layout.services)),
        ):
            for number, value in enumerate(values):
                if value not in known:
                    path = ("document", "promises", name, key, number)
                    yield Violation(path, f"'{value}' is {what}", nearest(value, known))
