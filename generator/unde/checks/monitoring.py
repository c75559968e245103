"""Monitoring: every host is seen, and whoever looks is let in."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Finding
from ..model import Estate, select
from ..plan import scrape, watches
from ..plan.flows import Flows
from .rules import rule


@rule("monitoring-missing", rows=(27,), derives=True)
def unseen(estate: Estate) -> Iterator[Finding]:
    """Every host is a target of some scrape job."""
    seen = {host for job in scrape.jobs(estate) for host in job.hosts}
    routers = scrape.bare_routers(estate)
    # Whoever is at the far ends of its tunnels is asked through it.
    seen |= {router for router in routers for prober in watches.main(estate) if prober.site == estate.gateways[router] and scrape.asks_tunnels(estate, prober)}
    reported = set()
    for host in estate.hosts.values():
        if host.name not in seen and host.path not in reported:
            reported.add(host.path)
            fix = "add blackbox-exporter on the host of Prometheus: it asks through the router's tunnels" if host.name in routers else (
                "add it to a service with metrics, as node-exporter: hosts: [all]"
            )
            yield estate.source.finding(
                host.path, "monitoring-missing", f"no scrape job has '{host.name}': nobody would see it fail", fix, warn=True,
            )


@rule("monitoring-denied", derives=True)
def denied(estate: Estate) -> Iterator[Finding]:
    """A service with metrics lets Prometheus in."""
    flows = Flows(estate)
    scrapers = {host.name for host in watches.main(estate)}
    for name, service in estate.layout.services.items():
        if not (service.metrics and scrapers):
            continue
        shut = [
            host for host in select.hosts(estate, service.hosts) for port in service.ports
            if not (scrapers - {host.name}) <= {caller.name for caller in flows.callers_of(host.name, port)}
        ]
        if shut:
            yield estate.source.finding(
                ("services", name, "metrics"), "monitoring-denied", f"Prometheus scrapes '{name}' on '{shut[0].name}', but no flow lets it in",
                f"add {name} to a flow from {', '.join(sorted(scrapers))}",
            )
