"""Monitoring: every host is seen, and whoever looks is let in."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, select
from ..plan import scrape, watches
from ..plan.exporters import EXPORTERS
from ..plan.flows import Connection, Flows
from .rules import Violation, rule

WEB = {80, 443}


@rule("monitoring-missing", rows=(27,), derives=True)
def unseen(estate: Estate) -> Iterator[Violation]:
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
            yield Violation(host.path, f"no scrape job has '{host.name}': nobody would see it fail", fix, warn=True)


@rule("monitoring-denied", derives=True)
def denied(estate: Estate) -> Iterator[Violation]:
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
            yield Violation(
                ("services", name, "metrics"), f"Prometheus scrapes '{name}' on '{shut[0].name}', but no flow lets it in",
                f"add {name} to a flow from {', '.join(sorted(scrapers))}",
            )


@rule("monitoring-exporter")
def exporters(estate: Estate) -> Iterator[Violation]:
    """A Redis and a database have their exporter beside them, where there is a Prometheus that would ask it."""
    if not watches.main(estate):
        return
    for name, roles in [(name, exporter.roles) for name, exporter in EXPORTERS.items() if exporter.required]:
        service = estate.layout.services.get(name)
        there = {host.name for host in select.hosts(estate, service.hosts)} if service else set()
        without = list(dict.fromkeys(host.name for role in roles for host in estate.by_role[role] if host.name not in there))
        if without:
            others = f" (and {len(without) - 1} more hosts)" if len(without) > 1 else ""
            named = ", ".join(f'"role:{role}"' for role in roles if estate.by_role[role])
            yield Violation(
                ("services", name, "hosts") if service else ("services",),
                f"'{without[0]}'{others} has no {name}: whether it works is not seen, nor is any of its alerts",
                f"services.{name}: hosts: [{named}], with its port and metrics: true", warn=True,
            )


@rule("alert-receiver", derives=True)
def receivers(estate: Estate) -> Iterator[Violation]:
    """An Alertmanager has a way to people: a flow to a service outside that tells them."""
    flows = Flows(estate)
    for host in estate.by_role["alertmanager"]:
        outside = [connection for connection in flows.out_of(host.name) if estate.layout.services[connection.service].external]
        if not any(set(connection.ports) & WEB and host.name in _named(estate, connection) for connection in outside):
            yield Violation(
                (*host.path, "roles"),
                f"the Alertmanager on '{host.name}' may call nobody outside who tells people: its alerts would be seen by no one",
                "a flow from role:alertmanager to the service outside that carries the messages, as Telegram or Slack", warn=True,
            )


def _named(estate: Estate, connection: Connection) -> set[str]:
    """Return who is named by a flow itself or by a role; flows from all hosts, or from a site, are for time, names and packages."""
    selectors = [caller for caller in estate.layout.flows[connection.flow].callers if caller != "all" and not caller.startswith("site:")]
    return {host.name for host in select.hosts(estate, [caller for caller in selectors if caller in select.known(estate)])}
