"""The order of work: each day, its hosts."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate


@dataclass(frozen=True)
class Day:
    """One day of the rollout."""

    number: int
    phase: int
    title: str
    hosts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The day's name, as groups and playbooks have it."""
        return f"day_{self.number:02d}"


def days(estate: Estate) -> list[Day]:
    """Return every day, in order."""
    return [
        Day(number, day.phase, day.title, tuple(name for name, host in estate.hosts.items() if host.kind.day == number))
        for number, day in sorted(estate.layout.rollout.days.items())
    ]
