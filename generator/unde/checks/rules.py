"""The register of rules: each is one function with an id, collected here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import Finding
from ..model import Estate

Check = Callable[[Estate], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: stable across releases.
        check: the function that yields what breaks it.
        rows: decisions that the rule comes from.
        derives: whether it asks the plan, which exists only where every name that is referred to does.

    """

    id: str
    check: Check
    rows: tuple[int, ...] = ()
    derives: bool = False

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.check.__doc__ or "").strip().splitlines()[0]


RULES: dict[str, Rule] = {}


def rule(rule_id: str, *, rows: tuple[int, ...] = (), derives: bool = False) -> Callable[[Check], Check]:
    """Register a function as the rule ``rule_id``."""

    def register(check: Check) -> Check:
        RULES[rule_id] = Rule(rule_id, check, rows, derives)
        return check

    return register
