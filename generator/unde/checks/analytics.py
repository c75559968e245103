"""Analytics: what PostHog runs is known to the byte, and where its parts run."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate
from ..plan import containers
from .rules import Violation, rule

PINS = ("app_commit", "app_image", "node_image")


@rule("posthog-pins")
def pins(estate: Estate) -> Iterator[Violation]:
    """PostHog has no releases: what is to run is known by its commit and the digests of its images."""
    wanted = estate.layout.clusters.posthog
    if not estate.by_role["posthog"] or wanted is None:
        return
    missing = [pin for pin in PINS if getattr(wanted, pin) is None]
    if missing:
        yield Violation(
            ("clusters", "posthog", missing[0]),
            f"PostHog is not pinned ({', '.join(missing)}): its containers cannot be started, only the gate in front of it",
            "fill in one commit, and the digests of the images that were built from it", warn=True,
        )


@rule("posthog-host")
def parts(estate: Estate) -> Iterator[Violation]:
    """PostHog is told how it shall be, its gate has a port, and a ClickHouse of its own stands on one other host with the role."""
    hosts, wanted = {host.name for host in estate.by_role["posthog"]}, estate.layout.clusters.posthog
    if not hosts:
        return
    service = estate.layout.services.get(containers.GATE)
    if wanted is None or service is None or not service.ports:
        yield Violation(
            (*estate.by_role["posthog"][0].path, "roles"),
            f"'{min(hosts)}' has the role posthog, but {'clusters' if wanted is None else 'services'}.posthog does not say how it shall be",
            "add clusters.posthog, and services.posthog with its hosts and the port of its gate",
        )
        return
    if wanted.clickhouse is not None and wanted.clickhouse in estate.hosts and (wanted.clickhouse not in hosts or len(hosts) != 2):
        yield Violation(
            ("clusters", "posthog", "clickhouse"),
            f"ClickHouse is to run on '{wanted.clickhouse}', but the role posthog is on {', '.join(sorted(hosts))}",
            f"give docker and posthog to '{wanted.clickhouse}' and to one host besides",
        )
    if wanted.clickhouse is None and len(hosts) > 1:
        yield Violation(
            (*estate.by_role["posthog"][-1].path, "roles"), f"PostHog is to run on {', '.join(sorted(hosts))}: it would be two of them",
            "one host has the role, or clusters.posthog.clickhouse names the second",
        )


@rule("container-pool")
def pool(estate: Estate) -> Iterator[Violation]:
    """Hosts of containers have a range of addresses for them that no network of the estate meets."""
    if estate.by_role["docker"] and containers.pool(estate) is None:
        yield Violation(
            (*estate.by_role["docker"][0].path, "roles"),
            f"every range that containers could have meets a network of the estate: {', '.join(map(str, containers.RANGES))}",
            "leave one of them free",
        )
