"""The order of work: each day, its hosts."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate


@dataclass(frozen=True)
class Day:
    """One day of the rollout.

    Attributes:
        needs: days whose gates must be green before this one begins.
        hosts: hosts that are built or adopted on this day.
        roles: what the layout lets act on them.

    """

    number: int
    phase: int
    title: str
    needs: tuple[int, ...]
    hosts: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def name(self) -> str:
        """The day's name, as groups and playbooks have it."""
        return f"day_{self.number:02d}"


def days(estate: Estate) -> list[Day]:
    """Return every day, in order."""
    result = []
    for number, day in sorted(estate.layout.rollout.days.items()):
        hosts = [host for host in estate.hosts.values() if host.kind.day == number]
        roles = {role for host in hosts for role in host.roles if host.may(role)}
        result.append(Day(number, day.phase, day.title, tuple(day.needs), tuple(host.name for host in hosts), tuple(sorted(roles))))
    return result
