"""The order of work: every host has its day, and no day comes before what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, HostView
from ..model.source import DataPath
from ..plan.flows import Flows
from .rules import Violation, rule


@rule("rollout-no-day", rows=(7,))
def no_day(estate: Estate) -> Iterator[Violation]:
    """Every host is in a day of the rollout."""
    reported = set()
    for host in estate.hosts.values():
        if host.kind.day is None and host.path not in reported:
            reported.add(host.path)
            yield Violation((*host.path, "day"), f"'{host.name}' is in no day: it would never be deployed", "give it a day")


@rule("rollout-order")
def order(estate: Estate) -> Iterator[Violation]:
    """A day needs earlier days only, and phases do not go back."""
    days = estate.layout.rollout.days
    phase = 0
    for number, day in sorted(days.items()):
        for position, needed in enumerate(day.needs):
            if needed not in days:
                yield Violation(
                    ("rollout", "days", number, "needs", position), f"day {number} needs day {needed}, which is not in rollout.days",
                    f"one of: {', '.join(map(str, days))}",
                )
            elif needed >= number:
                cycle = _way(estate, needed, number)
                what = f"a cycle: {' → '.join(map(str, [number, *cycle]))}" if cycle else f"day {needed} comes later"
                yield Violation(("rollout", "days", number, "needs", position), f"day {number} needs day {needed}: {what}", "name an earlier day")
        if day.phase < phase:
            yield Violation(
                ("rollout", "days", number, "phase"), f"day {number} is in phase {day.phase}, after a day of phase {phase}",
                "phases follow one another",
            )
        phase = max(phase, day.phase)


@rule("rollout-opens")
def opens(estate: Estate) -> Iterator[Violation]:
    """A site is opened on one day, not after a host of it is built and not before the gateway that its tunnels end at."""
    opened: dict[str, int] = {}
    for number, day in sorted(estate.layout.rollout.days.items()):
        for place, site in enumerate(day.opens):
            path = ("rollout", "days", number, "opens", place)
            if site in opened:
                yield Violation(path, f"site '{site}' is opened on day {opened[site]} and on day {number}", "name it on one day")
                continue
            opened[site] = number
            hosts = [host for host in estate.hosts.values() if host.site == site and host.kind.day is not None]
            early = next((host for host in hosts if (host.kind.day or number) < number), None)
            if early:
                yield Violation(
                    path, f"site '{site}' is opened on day {number}, but '{early.name}' there has day {early.kind.day}",
                    f"open the site on day {early.kind.day} or earlier, or give '{early.name}' a later day",
                )
            gateway = _late_gateway(estate, {host.name for host in hosts}, number)
            if gateway:
                yield Violation(
                    path, f"site '{site}' is opened on day {number}, but '{gateway.name}', where its tunnels end, has day {gateway.kind.day}",
                    f"open the site on day {gateway.kind.day} or later, or give '{gateway.name}' an earlier day",
                )


def _late_gateway(estate: Estate, hosts: set[str], day: int) -> HostView | None:
    """Return a gateway that comes after a day, at which tunnels of hosts end."""
    ends = (estate.hosts[tunnel.far] for tunnel in estate.tunnels.values() if tunnel.near in hosts and tunnel.far in estate.gateways)
    return next((end for end in ends if end.name in estate.hosts and (end.kind.day or day) > day), None)


def _way(estate: Estate, start: int, goal: int) -> list[int]:
    """Return the days from ``start`` to ``goal`` by what each needs; none if there is no such way."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop()
        if way[-1] == goal:
            return way
        for needed in estate.layout.rollout.days[way[-1]].needs:
            if needed in estate.layout.rollout.days and needed not in seen:
                seen.add(needed)
                ways.append([*way, needed])
    return []


@rule("rollout-too-early", derives=True)
def early(estate: Estate) -> Iterator[Violation]:
    """No host of ours is deployed before the gateway, the primary and the bucket that it needs; its services not before those they call."""
    reported: set[DataPath] = set()
    for host, needed, why, essential in _needs(estate):
        if host.kind.day is None or needed.kind.day is None or host.kind.day >= needed.kind.day or host.path in reported:
            continue
        if essential or host.kind.state == needed.kind.state == "create":
            reported.add(host.path)  # one finding for a host: mended, the next shows
            yield Violation(
                (*host.path, "day"),
                f"'{host.name}' has day {host.kind.day}, but '{needed.name}', {why}, only day {needed.kind.day}",
                f"day {needed.kind.day} or later, or '{needed.name}' earlier", warn=not essential,
            )


def _needs(estate: Estate) -> Iterator[tuple[HostView, HostView, str, bool]]:
    """Yield host, what it needs, why, and whether it cannot be deployed at all without."""
    for tunnel in estate.tunnels.values():
        if tunnel.far in estate.gateways:
            yield estate.hosts[tunnel.near], estate.hosts[tunnel.far], "the gateway of its tunnel", True
    primaries = {host.shard: host for host in estate.hosts.values() if host.member == "primary"}
    yield from ((host, primaries[host.shard], "its primary", True) for host in estate.hosts.values() if host.member == "replica")
    if estate.layout.clusters.pgbackrest.bucket is not None:
        makers = [host for host in estate.by_role["object_storage"] if host.may("object_storage")]
        archiving = [host for host in estate.by_role["pgbackrest"] if host.may("pgbackrest")]
        yield from ((host, maker, "which makes the bucket of its backups", True) for host in archiving for maker in makers)
    for connection in Flows(estate).connections:
        for caller in connection.callers:
            if {"app_service", "nginx_gateway"} & set(caller.roles):
                yield from ((caller, target, f"whose '{connection.service}' it calls", False) for target in connection.targets if target != caller)
