"""The register of rules: each is one function with an id, collected here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import Finding
from ..model import Estate

Check = Callable[[Estate], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """One rule: its id, stable across releases, and the function that yields what breaks it."""

    id: str
    check: Check

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.check.__doc__ or "").strip().splitlines()[0]


RULES: dict[str, Rule] = {}


def rule(rule_id: str) -> Callable[[Check], Check]:
    """Register a function as the rule ``rule_id``."""

    def register(check: Check) -> Check:
        RULES[rule_id] = Rule(rule_id, check)
        return check

    return register
