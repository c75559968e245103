"""The register of rules: each is one function with an id, collected here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import Finding
from ..model import Estate
from ..model.source import DataPath


class Violation(NamedTuple):
    """What breaks a rule: the rule's id, the file and the line are added by the register.

    Attributes:
        path: of the value that is to be mended.
        message: what is wrong, both parties of a conflict named.
        fix: how to mend it.
        warn: whether it is doubtful only, and does not refuse the layout.

    """

    path: DataPath
    message: str
    fix: str
    warn: bool = False


Check = Callable[[Estate], Iterator[Violation]]


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: stable across releases.
        violations: the function that yields what breaks it.
        rows: decisions that the rule comes from.
        derives: whether it asks the plan, which exists only where every name that is referred to does.

    """

    id: str
    violations: Check
    rows: tuple[int, ...] = ()
    derives: bool = False

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.violations.__doc__ or "").strip().splitlines()[0]

    def check(self, estate: Estate) -> Iterator[Finding]:
        """Yield what breaks the rule as findings, each with its place."""
        for path, message, fix, warn in self.violations(estate):
            yield estate.source.finding(path, self.id, message, fix, warn)


RULES: dict[str, Rule] = {}


def rule(rule_id: str, *, rows: tuple[int, ...] = (), derives: bool = False) -> Callable[[Check], Check]:
    """Register a function as the rule ``rule_id``.

    Raises:
        ValueError: another function is that rule already.

    """

    def register(violations: Check) -> Check:
        if rule_id in RULES:
            raise ValueError(f"two functions are the rule {rule_id}: {RULES[rule_id].violations.__qualname__} and {violations.__qualname__}")
        RULES[rule_id] = Rule(rule_id, violations, rows, derives)
        return violations

    return register
