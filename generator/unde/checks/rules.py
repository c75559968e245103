"""The register of rules: each is one function with an id, collected here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

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


def nearest(value: str, known: Iterable[str]) -> str:
    """Return the fix for an unknown name: the nearest known one, or all of them."""
    options = list(known)
    near = get_close_matches(value, options, 1, 0.6)
    return f"did you mean '{near[0]}'?" if near else f"one of: {', '.join(options)}"
