"""Where users come in: which service a host is an entry of, and who answers its routes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netaddr import IPAddress

from ..model import Estate, HostView, select
from ..model.schema import EntryRoute, Service
from .flows import Flows

LOOPBACK = IPAddress("127.0.0.1")
#: Where certbot keeps what it brings.
LETSENCRYPT = "/etc/letsencrypt/live/{name}/{file}.pem"


@dataclass(frozen=True)
class Server:
    """One that answers.

    Attributes:
        address: where it listens.
        backup: asked only while no other one can be reached.

    """

    address: IPAddress
    port: int
    backup: bool


def of(estate: Estate, host: HostView) -> Service | None:
    """Return the service that users reach on a host; None where no service has an entry there."""
    entries = (service for service in estate.layout.services.values() if service.entry)
    return next((service for service in entries if host in select.hosts(estate, service.hosts)), None)


def names(estate: Estate, host: HostView) -> list[str]:
    """Return the names by which users call a host that shows them a certificate of the estate's own authority."""
    service = of(estate, host)
    return list(service.entry.names) if service and service.entry and service.entry.certificate == "own" else []


def certificate(estate: Estate, host: HostView) -> tuple[str, str] | None:
    """Return the files of the certificate that somebody brings to an entry, and of its key; None where it is the host's own, or there is no entry."""
    service = of(estate, host)
    entry = service.entry if service else None
    if entry is None or entry.certificate == "own":
        return None
    name = (*entry.names, host.name)[0]
    return entry.certificate_file or LETSENCRYPT.format(name=name, file="fullchain"), entry.key_file or LETSENCRYPT.format(name=name, file="privkey")


def offered(host: HostView, route: EntryRoute) -> bool:
    """Return whether the entry on a host has a route at all."""
    return not route.sites or host.site in route.sites


def servers(estate: Estate, flows: Flows, host: HostView, route: EntryRoute) -> list[Server]:
    """Return who answers a route on a host, in the order of the layout.

    Those at the host's own site share the requests, the others stand by; where there is none at its own site, the others share them.
    """
    if not offered(host, route):
        return []
    if route.port is not None:
        return [Server(LOOPBACK, route.port, backup=False)]
    found = list(_reached(estate, flows, host, route))
    near = any(target.site == host.site for target, _, _ in found)
    return [Server(address, port, near and target.site != host.site) for target, address, port in found]


def _reached(estate: Estate, flows: Flows, host: HostView, route: EntryRoute) -> Iterator[tuple[HostView, IPAddress, int]]:
    """Yield the hosts of a route's service that a host may call, and itself, each with where it listens."""
    service = estate.layout.services.get(route.to or "")
    if service is None or not service.ports:
        return
    port = service.ports[0]
    allowed = {target.name for connection in flows.out_of(host.name) if connection.service == route.to for target in connection.targets}
    for target in select.hosts(estate, service.hosts):
        if target == host:
            # What nobody else may call has no reason to listen on more than the loopback address.
            yield target, host.address if flows.callers_of(host.name, port) else LOOPBACK, port
        elif target.name in allowed:
            yield target, target.address, port
