"""Watches: somebody is told when the main monitoring is lost, of everything that the watch is there for."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, HostView
from ..plan import scrape, watches
from ..plan.flows import Flows
from .rules import Violation, rule


@rule("watch-host", rows=(17,))
def hosts(estate: Estate) -> Iterator[Violation]:
    """A watch has a host of its own with Prometheus and Alertmanager, and a main monitoring that it stands in for."""
    seen: dict[str, str] = {}
    for name, watch in estate.layout.clusters.watches.items():
        path, host = ("clusters", "watches", name, "host"), estate.hosts.get(watch.host)
        missing = [role for role in watches.ROLES if host and role not in host.roles]
        if missing:
            yield Violation(path, f"'{watch.host}' is to watch, but has not the role {' and '.join(missing)}", f"give it {' and '.join(missing)}")
        if watch.host in seen:
            yield Violation(
                path, f"'{watch.host}' is the host of '{seen[watch.host]}' already: it has one Prometheus",
                "another host, or one watch of all these sites",
            )
        seen[watch.host] = name
        lacking = [role for role in watches.ROLES if not watches.main(estate, role)]
        if lacking:
            yield Violation(
                path, f"beside the watches no host has the role {' and '.join(lacking)}: there is nothing that '{name}' stands in for",
                f"give {' and '.join(lacking)} to a host that is no watch, or remove the watch",
            )


@rule("watch-domain", rows=(17,))
def domains(estate: Estate) -> Iterator[Violation]:
    """Who tells people stands in more than one failure domain, where the estate has more than one."""
    def domain(host: HostView) -> str:
        site = estate.layout.sites.get(host.site)
        return site.failure_domain if site else ""

    alertmanagers = watches.main(estate, "alertmanager")
    if not alertmanagers or len({site.failure_domain for site in estate.layout.sites.values()}) < 2:
        return
    lost, watching = {domain(host) for host in alertmanagers}, watches.hosts(estate)
    fix = "a watch in clusters.watches, on a host in another failure domain"
    if not watching and len(lost) == 1:
        yield Violation(
            (*alertmanagers[0].path, "roles"), f"people are told of alerts from '{alertmanagers[0].name}' alone: while failure domain "
            f"'{domain(alertmanagers[0])}' is lost, or the way there, nobody would be told", fix, warn=True,
        )
    for host in watching:
        if domain(host) in lost:
            yield Violation(
                (*host.path, "site"),
                f"'{host.name}' watches from failure domain '{domain(host)}', in which '{alertmanagers[0].name}' is lost too", fix, warn=True,
            )


@rule("watch-blind", rows=(17,), derives=True)
def blind(estate: Estate) -> Iterator[Violation]:
    """A watch sees every host of its sites; it and the main monitoring may ask each other."""
    flows, declared = Flows(estate), estate.layout.services.get("prometheus")
    for name, watch in estate.layout.clusters.watches.items():
        host, here = estate.hosts[watch.host], ("clusters", "watches", name)
        seen = {target for job in scrape.watched(estate, flows, host) for target in job.hosts}
        seen |= scrape.bare_routers(estate)  # nothing of ours is there to be looked at
        unseen = [target.name for site in watch.sites for target in estate.by_site[site] if target.name not in seen]
        if unseen:
            others = f" (and {len(unseen) - 1} more hosts)" if len(unseen) > 1 else ""
            yield Violation(
                (*here, "sites"),
                f"the watch on '{host.name}' sees nothing of '{unseen[0]}'{others}: no flow lets it in at a service with metrics",
                f"add a flow from {host.name} to node-exporter, at: [{', '.join(watch.sites)}]",
            )
        for one in watches.main(estate):
            for caller, target in ((host, one), (one, host)):
                if declared is None or caller not in flows.callers_of(target.name, declared.ports[0]):
                    yield Violation(
                        (*here, "host"),
                        f"'{caller.name}' cannot ask '{target.name}' whether it can tell people: no flow lets it in at Prometheus",
                        "add a flow from role:prometheus to prometheus",
                    )
