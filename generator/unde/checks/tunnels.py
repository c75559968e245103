"""Tunnels: a far end that can be called, packets that fit, routes that do not fight, traffic that is paid for."""

from __future__ import annotations

from collections.abc import Iterator

from netaddr import IPNetwork

from ..model import Estate, TunnelView
from ..model.source import DataPath
from ..plan import routes
from ..plan import tunnels as ends
from .rules import Violation, rule

#: Bytes that WireGuard adds to a packet: 20 IPv4, 8 UDP, 32 of its own (wireguard.com, "Protocol & Cryptography").
OVERHEAD = 60




def _key(tunnel: TunnelView, key: str) -> DataPath:
    """Return the path of a tunnel's key; what follows from the shards' template stands there."""
    return (*tunnel.path, key)


@rule("tunnel-loop")
def loops(estate: Estate) -> Iterator[Violation]:
    """A tunnel joins two different hosts at two different sites, and no other tunnel joins them."""
    seen: dict[frozenset[str], str] = {}
    for tunnel in estate.tunnels.values():
        pair = frozenset((tunnel.near, tunnel.far))
        near, far = (estate.hosts.get(end) for end in (tunnel.near, tunnel.far))
        if len(pair) == 1:
            yield Violation(_key(tunnel, "far"), f"tunnel '{tunnel.name}' has '{tunnel.near}' at both ends", "name the host at the other end")
        elif near and far and near.site == far.site:
            yield Violation(
                _key(tunnel, "near"),
                f"tunnel '{tunnel.name}' joins '{near.name}' and '{far.name}', both at '{near.site}': its route would shadow the site's own network",
                "remove it, or correct the site of one of them",
            )
        elif pair in seen:
            yield Violation(
                _key(tunnel, "near"),
                f"tunnels '{seen[pair]}' and '{tunnel.name}' join the same two hosts, '{tunnel.near}' and '{tunnel.far}': one shadows the other",
                "remove one of them",
            )
        seen.setdefault(pair, tunnel.name)


@rule("tunnel-allowed-overlap", derives=True)
def allowed(estate: Estate) -> Iterator[Violation]:
    """On one host no two tunnels claim the same network: WireGuard would give it to one of them only."""
    for host in estate.hosts:
        claimed: dict[IPNetwork, str] = {}
        for end in ends.ends_of(estate, host):
            for network in map(IPNetwork, end.routes):
                # A single address twice is two hosts with one address, which another rule names.
                if network in claimed and network.size > 1:
                    tunnel = estate.tunnels[end.interface]
                    yield Violation(
                        _key(tunnel, "far"),
                        f"on '{host}', tunnels '{claimed[network]}' and '{end.interface}' both claim {network}",
                        "a host needs one tunnel to each gateway: remove one, or give it another far end",
                    )
                claimed.setdefault(network, end.interface)


@rule("tunnel-route-loop", derives=True)
def endpoint_inside(estate: Estate) -> Iterator[Violation]:
    """The address that a tunnel calls is not inside the networks that it carries: its own packets would enter it."""
    for tunnel in estate.tunnels.values():
        end = ends.end(estate, tunnel, tunnel.near)
        public = estate.hosts[tunnel.far].public_address
        swallowed = next((route for route in end.routes if public is not None and public in IPNetwork(route)), None)
        if swallowed:
            yield Violation(
                _key(tunnel, "far"),
                f"tunnel '{tunnel.name}' calls {public} of '{tunnel.far}', which is inside {swallowed} that it carries itself",
                f"correct the public address of '{tunnel.far}', or the network",
            )


@rule("tunnel-endpoint-missing")
def endpoints(estate: Estate) -> Iterator[Violation]:
    """The far end of a tunnel has a public address to call."""
    for tunnel in estate.tunnels.values():
        far = estate.hosts.get(tunnel.far)
        if far and far.public_address is None:
            yield Violation(
                _key(tunnel, "far"), f"tunnel '{tunnel.name}' cannot call '{far.name}', which has no public address yet",
                f"fill in the public address of '{far.name}' before its day", warn=True,
            )


@rule("tunnel-mtu")
def mtu(estate: Estate) -> Iterator[Violation]:
    """A tunnel's packets fit the path with WireGuard's own bytes around them."""
    most = estate.layout.tunnels.mtu
    for name, link in estate.layout.links.items():
        if most + OVERHEAD > link.mtu and any(_crosses(estate, tunnel, link.between) for tunnel in estate.tunnels.values()):
            yield Violation(
                ("tunnels", "mtu"), f"{most} + {OVERHEAD} bytes do not fit link '{name}', whose packets have {link.mtu} at most",
                f"at most {link.mtu - OVERHEAD}",
            )


def _crosses(estate: Estate, tunnel: TunnelView, between: list[str]) -> bool:
    return {estate.hosts[end].site for end in (tunnel.near, tunnel.far) if end in estate.hosts} == set(between)


@rule("tunnel-over-quota", rows=(30,))
def quota(estate: Estate) -> Iterator[Violation]:
    """A host's tunnels carry no more than the traffic in its price, 30 days of busy days."""
    for name, tunnels in estate.tunnels_of.items():
        included = estate.hosts[name].kind.traffic_tb
        expected = sum(tunnel.gb_day or 0 for tunnel in tunnels) * 30 / 1000
        if included is not None and expected > included:
            yield Violation(
                (*estate.hosts[name].path, "traffic_tb"),
                f"the tunnels of '{name}' may carry {expected:g} TB a month; its price includes {included:g}",
                "correct gb_day of the tunnels, or count the overage",
            )


@rule("tunnel-port-clash")
def ports(estate: Estate) -> Iterator[Violation]:
    """No UDP service listens at a port of a tunnel that ends on the same host."""
    for name, service in estate.layout.services.items():
        for tunnel in estate.tunnels.values():
            if service.protocol == "udp" and tunnel.port in service.ports and tunnel.far in service.hosts:
                yield Violation(
                    ("services", name, "ports"),
                    f"service '{name}' and tunnel '{tunnel.name}' both want udp {tunnel.port} on '{tunnel.far}'",
                    "give the service another port",
                )


@rule("tunnel-route-clash", derives=True)
def clash(estate: Estate) -> Iterator[Violation]:
    """No network is reached both by a tunnel and by the gateway of the host's own site: the route that is set last would win."""
    for host in estate.hosts.values():
        if host.name in estate.gateways or host.site not in estate.layout.sites:
            continue
        returned = {route["to"]: route["via"] for route in routes.of_site(estate, host.site)}
        for end in ends.ends_of(estate, host.name):
            both = next((route for route in end.routes if route in returned), None)
            if both:
                tunnel = estate.tunnels[end.interface]
                yield Violation(
                    _key(tunnel, "near" if host.name == tunnel.near else "far"),
                    f"on '{host.name}', tunnel '{end.interface}' and the gateway of its site '{host.site}' ({returned[both]}) both claim {both}: "
                    "the last route wins",
                    f"a tunnel between the gateways and none of '{host.name}' itself, or no gateway at '{host.site}'",
                )
