"""Prometheus's scrape jobs: every host, every service that has metrics.

The document's names are kept: a job is the host's name without its number, with the site in front
(``local-shard``, ``helsinki-etcd``); hosts of one kind at one site share a job. What an exporter is asked about something
else, a tunnel or a second Redis, is a probe.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..model import Estate, HostView, select
from . import clusters, exporters, watches
from .flows import Flows


@dataclass(frozen=True)
class Job:
    """One scrape job.

    Attributes:
        scheme: ``http`` or ``https``; targets behind TLS have a job of their own.
        targets: ``address:port``.
        hosts: the targets' hosts.

    """

    name: str
    scheme: str
    targets: tuple[str, ...]
    hosts: tuple[str, ...]


def _base_name(estate: Estate, host: HostView) -> str:
    """Return the job of a host's plain targets."""
    for service in estate.layout.services.values():
        if host.name in service.jobs:
            return service.jobs[host.name]
    kind = re.sub(r"-\d+$", "", host.name)
    return kind if kind.startswith(f"{host.site}-") else f"{host.site}-{kind}"


def _listens(estate: Estate, host: HostView, service: str) -> bool:
    """Return whether something of ours is there that answers: on a server that is itself the router nothing is."""
    return host.name not in bare_routers(estate) and exporters.scraped(service, host)


def bare_routers(estate: Estate) -> set[str]:
    """Return the servers that are themselves a router."""
    return {site.gateway.host for site in estate.layout.sites.values() if site.gateway and site.gateway.bare}


def _everything(host: HostView, port: int) -> bool:
    """Look at everything, as the main Prometheus does."""
    return True


def watched(estate: Estate, flows: Flows, host: HostView) -> list[Job]:
    """Return the jobs of the Prometheus on a host: all, or what the watch there sees."""
    return jobs(estate, lambda target, port: watches.sees(estate, flows, host, target, port)) if watches.of(estate, host) else jobs(estate)


def jobs(estate: Estate, looks_at: Callable[[HostView, int], bool] = _everything) -> list[Job]:
    """Return all jobs, in the order of the layout; of their targets those that are looked at."""
    targets: dict[tuple[str, str], list[tuple[str, str]]] = {}
    services = [(name, service) for name, service in estate.layout.services.items() if service.metrics]
    listening = [
        (service, {host.name for host in select.hosts(estate, service.hosts) if _listens(estate, host, name)})
        for name, service in services
    ]
    for host in estate.hosts.values():
        for service, names in listening:
            ports = [port for port in service.ports if looks_at(host, port)] if host.name in names else []
            if ports:
                name = "-".join(filter(None, (_base_name(estate, host), service.job)))
                key = (name, "https" if service.tls else "http")
                targets.setdefault(key, []).extend((f"{host.address}:{port}", host.name) for port in ports)
    secure = {name for name, scheme in targets if scheme == "https"}
    return [
        # The document names the TLS job of etcd plainly; the node exporter beside it gets the suffix.
        Job(f"{name}-node" if scheme == "http" and name in secure else name, scheme,
            tuple(dict.fromkeys(target for target, _ in rows)), tuple(dict.fromkeys(host for _, host in rows)))
        for (name, scheme), rows in targets.items()
    ]


@dataclass(frozen=True)
class Target:
    """What a probe asks about.

    Attributes:
        target: as the exporter wants it.
        labels: what the answer is labelled with.

    """

    target: str
    labels: dict[str, str]


@dataclass(frozen=True)
class Probe:
    """One job that asks an exporter about something else.

    Attributes:
        exporter: ``address:port``.
        path: of the question.
        module: how the exporter shall ask, where it knows several ways.

    """

    name: str
    exporter: str
    path: str
    module: str
    targets: tuple[Target, ...]


def probes(estate: Estate, prober: HostView) -> list[Probe]:
    """Return what exporters are asked: the prober's own about the tunnels that it can look through, Redis's about further instances."""
    return [*_tunnels(estate, prober), *_instances(estate)]


def asks_tunnels(estate: Estate, prober: HostView) -> bool:
    """Return whether hosts behind the tunnels to a prober's site are asked from there."""
    return bool(_tunnels(estate, prober))


def _tunnels(estate: Estate, prober: HostView) -> list[Probe]:
    """Return the probe of the tunnels to the prober's site: the host at the near end answers through its tunnel."""
    service = estate.layout.services.get("blackbox-exporter")
    targets = tuple(
        Target(str(estate.hosts[tunnel.near].address), {"host": tunnel.near, "site": estate.hosts[tunnel.near].site, "tunnel": tunnel.name})
        for tunnel in estate.tunnels.values() if estate.gateways.get(tunnel.far) == prober.site
    )
    return [Probe("tunnels", f"{prober.address}:{service.ports[0]}", "/probe", "icmp", targets)] if service and targets else []


def _instances(estate: Estate) -> list[Probe]:
    """Return the probes of every host's Redis instances but the first, which the exporter tells of unasked."""
    service, instances = estate.layout.services.get("redis-exporter"), clusters.redis(estate)
    return [
        Probe(
            f"{_base_name(estate, host)}-{instance.name}", f"{host.address}:{service.ports[0]}", "/scrape", "",
            (Target(f"redis://monitor@127.0.0.1:{instance.settings['port']}", {"host": host.name, "site": host.site}),),
        )
        for host in estate.by_role["redis"] if service
        for instance in [each for each in instances if host in each.members][1:]
    ]
