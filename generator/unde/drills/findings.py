"""What the rules of the checker share: a write with its attempts, and how a breach is said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .history import Attempt, History

Key = tuple[int, int]
MANY = 5  #: more names than these are counted in a message; all stand in ``ids``


@dataclass(frozen=True)
class Breach:
    """A rule that a history breaks.

    Attributes:
        rule: its name.
        ids: what breaks it, each write as ``user/number``, each attempt as ``file:line``.
        message: the same in words.

    """

    rule: str
    ids: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Write:
    """A write with its attempts, in the order of their beginnings; what clients wrote again after the state was read is none of them."""

    key: Key
    attempts: tuple[Attempt, ...]

    @property
    def name(self) -> str:
        """How it is named: ``user/number``."""
        return f"{self.key[0]}/{self.key[1]}"

    @cached_property
    def acknowledged(self) -> Attempt | None:
        """The first attempt that was."""
        return next((each for each in sorted(self.attempts, key=lambda each: each.end) if each.result == "ok"), None)

    @property
    def failed(self) -> bool:
        """Whether every attempt certainly had no effect."""
        return all(each.result == "failed" for each in self.attempts)

    @property
    def begin(self) -> float:
        """When it may have had an effect for the first time."""
        return self.attempts[0].begin


def writes(history: History) -> dict[Key, Write]:
    """Return every write by its key."""
    found: dict[Key, list[Attempt]] = {}
    for each in history.of("write"):
        found.setdefault(each.key, []).append(each)
    return {key: Write(key, tuple(attempts)) for key, attempts in found.items()}


def listed(ids: tuple[str, ...], what: str = "writes") -> str:
    """Return a few names, or how many there are and the first of them."""
    return ", ".join(ids) if len(ids) <= MANY else f"{len(ids)} {what}: {', '.join(ids[:MANY])} …"


def span(seconds: float) -> str:
    """Return a time in the unit that shows it."""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.1f} s"
