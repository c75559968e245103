"""Flows expanded to connections between hosts, and what of them crosses a gateway."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate, HostView, once, select
from . import balancers


@dataclass(frozen=True)
class Connection:
    """Who may open connections to a service, under the name of the flow that says so.

    Attributes:
        name: ``flow:service``, stable under growth; with ``/balanced`` behind it what goes on from a balancer.
        callers: hosts of ours.
        outside_callers: external services or people.
        targets: hosts of ours; empty when the service is external.

    """

    name: str
    flow: str
    service: str
    callers: tuple[HostView, ...]
    outside_callers: tuple[str, ...]
    targets: tuple[HostView, ...]
    protocol: str
    ports: tuple[int, ...]


@dataclass(frozen=True)
class Flows:
    """All connections of an estate."""

    estate: Estate

    @property
    def connections(self) -> list[Connection]:
        """Every connection, in the order of the layout."""
        return _connections(self.estate)

    def into(self, host: str) -> list[Connection]:
        """Return the connections that lead to a host, in the order of the layout."""
        return _by_host(self.estate)[1].get(host, [])

    def out_of(self, host: str) -> list[Connection]:
        """Return the connections that a host may open, in the order of the layout."""
        return _by_host(self.estate)[0].get(host, [])

    def callers_of(self, host: str, port: int) -> list[HostView]:
        """Return the hosts that may connect to a port of a host, without the host itself, in the order of the layout."""
        leading = (connection for connection in self.into(host) if port in connection.ports)
        found = {caller.name: caller for connection in leading for caller in connection.callers if caller.name != host}
        return sorted(found.values(), key=lambda caller: self.estate.places[caller.name])

    def forwarded_by(self, gateway: str) -> list[dict[str, object]]:
        """Return what a gateway lets through: one rule for each connection and pair of sites that crosses it.

        Each rule is ``{name, sources, destinations, protocol, ports}``; sources and destinations are /32 networks.
        """
        direct = {frozenset((tunnel.near, tunnel.far)) for tunnel in self.estate.tunnels.values()}
        rules: list[dict[str, object]] = []
        for connection in self.connections:
            pairs: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
            for caller in connection.callers:
                for target in connection.targets:
                    ends = {caller.name, target.name}
                    if caller.site == target.site or gateway in ends or frozenset(ends) in direct or not connection.ports:
                        continue
                    sources, destinations = pairs.setdefault((caller.site, target.site), ({}, {}))
                    sources[f"{caller.address}/32"] = None
                    destinations[f"{target.address}/32"] = None
            rules += [
                {
                    "name": f"{connection.name} {one}>{other}",
                    "sources": list(sources), "destinations": list(destinations),
                    "protocol": connection.protocol, "ports": list(connection.ports),
                }
                for (one, other), (sources, destinations) in pairs.items()
            ]
        return rules


@once
def _connections(estate: Estate) -> list[Connection]:
    """Return every connection, in the order of the layout."""
    services = estate.layout.services
    result = []
    for name, flow in estate.layout.flows.items():
        callers = select.hosts(estate, flow.callers)
        outside = tuple(caller for caller in flow.callers if caller in services and services[caller].external)
        for target in flow.to:
            service = services[target]
            endpoints, hidden = balancers.endpoints(estate, service), balancers.behind(estate, service)
            hosts = tuple(host for host in endpoints if not flow.at or host.site in flow.at)
            for suffix, some_callers, some_hosts in _split(flow.within, callers, hosts):
                result.append(
                    Connection(f"{name}:{target}{suffix}", name, target, some_callers, outside, some_hosts, service.protocol, tuple(service.ports))
                )
            balancer = balancers.of(estate, service)
            if balancer:
                result.append(Connection(f"{name}:{target}/balanced", name, target, (balancer,), (), hidden, service.protocol, tuple(service.ports)))
    return result


@once
def _by_host(estate: Estate) -> tuple[dict[str, list[Connection]], dict[str, list[Connection]]]:
    """Return connections by calling host, and by target host."""
    calling: dict[str, list[Connection]] = {}
    called: dict[str, list[Connection]] = {}
    for connection in _connections(estate):
        for side, hosts in ((calling, connection.callers), (called, connection.targets)):
            for host in hosts:
                side.setdefault(host.name, []).append(connection)
    return calling, called


def _split(
    within: str | None, callers: tuple[HostView, ...], targets: tuple[HostView, ...]
) -> list[tuple[str, tuple[HostView, ...], tuple[HostView, ...]]]:
    """Return callers and targets together, or shard by shard where a flow stays within one."""
    if within is None:
        return [("", callers, targets)]
    by_shard: dict[int, tuple[list[HostView], list[HostView]]] = {}
    for side, hosts in enumerate((callers, targets)):
        for host in hosts:
            if host.shard is not None:
                by_shard.setdefault(host.shard, ([], []))[side].append(host)
    return [(f"/{shard}", tuple(some_callers), tuple(some_targets)) for shard, (some_callers, some_targets) in sorted(by_shard.items())]
