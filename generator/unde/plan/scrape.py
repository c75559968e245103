"""Prometheus's scrape jobs: every host, every service that has metrics.

The document's names are kept: a job is the host's name without its number, with the site in front
(``local-shard``, ``helsinki-etcd``); hosts of one kind at one site share a job.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..model import Estate, HostView, select


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


def jobs(estate: Estate) -> list[Job]:
    """Return all jobs, in the order of the layout."""
    targets: dict[tuple[str, str], list[tuple[str, str]]] = {}
    services = [service for service in estate.layout.services.values() if service.metrics]
    listening = [(service, {host.name for host in select.hosts(estate, service.hosts)}) for service in services]
    for host in estate.hosts.values():
        for service, names in listening:
            if host.name in names:
                key = (_base_name(estate, host), "https" if service.tls else "http")
                targets.setdefault(key, []).extend((f"{host.address}:{port}", host.name) for port in service.ports)
    secure = {name for name, scheme in targets if scheme == "https"}
    return [
        # The document names the TLS job of etcd plainly; the node exporter beside it gets the suffix.
        Job(f"{name}-node" if scheme == "http" and name in secure else name, scheme,
            tuple(dict.fromkeys(target for target, _ in rows)), tuple(dict.fromkeys(host for _, host in rows)))
        for (name, scheme), rows in targets.items()
    ]
