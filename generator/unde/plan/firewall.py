"""What each host lets in and lets out: the flows, seen from one host. Everything else is denied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..model import Estate, HostView
from .flows import Connection, Flows


@dataclass(frozen=True)
class Opening:
    """Something that is let through, under the name of its connection.

    Attributes:
        name: of the connection; a tunnel's own stands behind it.
        peers: addresses and networks of the other side; empty: anywhere.
        names: DNS names of the other side, where it has no fixed addresses.
        protocol: ``tcp`` or ``udp``.
        ports: at the listening end.
        interface: by which it comes in or goes out; ``None``: any.

    """

    name: str
    peers: tuple[str, ...]
    names: tuple[str, ...]
    protocol: str
    ports: tuple[int, ...]
    interface: str | None = None


def inbound(flows: Flows, host: HostView) -> list[Opening]:
    """Return what may be opened towards a host, in the order of the flows."""
    found: list[Opening] = []
    for connection in flows.into(host.name):
        callers = [caller for caller in connection.callers if caller.name != host.name]
        if not connection.ports:
            found += _tunnels(flows.estate, connection, host, calling=False)
            continue
        if callers:
            found.append(Opening(connection.name, tuple(str(caller.address) for caller in callers), (), connection.protocol, connection.ports))
        found += [_outside(flows.estate, connection, caller, f"{connection.name}<{caller}") for caller in connection.outside_callers]
    return found


def outbound(flows: Flows, host: HostView) -> list[Opening]:
    """Return what a host may open, in the order of the flows."""
    found: list[Opening] = []
    for connection in flows.out_of(host.name):
        targets = [target for target in connection.targets if target.name != host.name]
        if flows.estate.layout.services[connection.service].external:
            found.append(_outside(flows.estate, connection, connection.service, connection.name))
        elif not connection.ports:
            found += _tunnels(flows.estate, connection, host, calling=True)
        elif targets:
            found.append(Opening(connection.name, tuple(str(target.address) for target in targets), (), connection.protocol, connection.ports))
    return found


def _outside(estate: Estate, connection: Connection, party: str, name: str) -> Opening:
    """Return the opening towards, or for, an external service."""
    service = estate.layout.services[party]
    return Opening(name, tuple(map(str, service.networks)), tuple(service.names), connection.protocol, connection.ports)


def _tunnels(estate: Estate, connection: Connection, host: HostView, *, calling: bool) -> Iterator[Opening]:
    """Yield an opening for each tunnel that a connection without ports stands for: one UDP port each, between public addresses."""
    callers, targets = ({each.name for each in some} for some in (connection.callers, connection.targets))
    for tunnel in estate.tunnels_of[host.name]:
        if host.name == (tunnel.near if calling else tunnel.far) and tunnel.near in callers and tunnel.far in targets:
            public = estate.hosts[tunnel.other(host.name)].public_address
            peers = (str(public),) if public is not None else ()
            yield Opening(f"{connection.name}/{tunnel.name}", peers, (), connection.protocol, (tunnel.port,))
