"""Both ends of every tunnel: endpoint, allowed addresses, routes."""

from __future__ import annotations

from dataclasses import dataclass

from netaddr import IPNetwork

from ..model import Estate, TunnelView


@dataclass(frozen=True)
class TunnelEnd:
    """One end of a tunnel, as its host configures it.

    Attributes:
        address: own address in the tunnel.
        far_address: the other end's address in the tunnel.
        source: own real address, the source of what is sent into the tunnel.
        endpoint: where to call, ``address:port``; None for the end that listens, and until the far end's public
            address is filled in.
        listen_port: UDP port; None for the end that calls.
        routes: real networks and hosts behind the other end.
        allowed_ips: the routes and the other end's tunnel address.
        mtu: bytes.
        keepalive_s: seconds.

    """

    interface: str
    host: str
    far_host: str
    address: str
    far_address: str
    source: str
    endpoint: str | None
    listen_port: int | None
    routes: tuple[str, ...]
    allowed_ips: tuple[str, ...]
    mtu: int
    keepalive_s: int


def other_sites(estate: Estate, site: str) -> list[IPNetwork]:
    """Return the private networks of every other site, in the order of the layout."""
    return [network for name, other in estate.layout.sites.items() if name != site for network in other.networks.values()]


def end(estate: Estate, tunnel: TunnelView, host: str) -> TunnelEnd:
    """Return one end of a tunnel.

    A host behind a gateway reaches every other site through it. A gateway reaches the one host at the other end; so do
    the ends of a direct tunnel, whose host route is more specific than the gateway's and therefore wins.
    """
    other = tunnel.other(host)
    common = estate.layout.tunnels
    if other in estate.gateways:
        routes = [str(network) for network in other_sites(estate, estate.hosts[host].site)]
    else:
        routes = [f"{estate.hosts[other].address}/32"]
    far_address = tunnel.address_of(other)
    calls = host == tunnel.near
    public = estate.hosts[other].public_address
    return TunnelEnd(
        interface=tunnel.name, host=host, far_host=other,
        address=f"{tunnel.address_of(host)}/32", far_address=str(far_address), source=str(estate.hosts[host].address),
        endpoint=f"{public}:{tunnel.port}" if calls and public is not None else None,
        listen_port=None if calls else tunnel.port,
        routes=tuple(routes), allowed_ips=(*routes, f"{far_address}/32"),
        mtu=common.mtu, keepalive_s=common.keepalive_s,
    )


def ends_of(estate: Estate, host: str) -> list[TunnelEnd]:
    """Return the tunnel ends of a host."""
    return [end(estate, tunnel, host) for tunnel in estate.tunnels_of[host]]


def return_routes(estate: Estate, site: str) -> list[dict[str, str]]:
    """Return the routes that hosts of a site with a gateway need to the other sites: ``{to, via}``."""
    gateway = estate.layout.sites[site].gateway
    if gateway is None:
        return []
    via = str(gateway.next_hop or estate.hosts[gateway.host].address)
    networks = [*other_sites(estate, site), estate.layout.tunnels.network]
    return [{"to": str(network), "via": via} for network in networks]
