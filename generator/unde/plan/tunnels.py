"""Both ends of every tunnel: endpoint, allowed addresses, and what is routed into it."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate, TunnelView
from . import routes


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


def end(estate: Estate, tunnel: TunnelView, host: str) -> TunnelEnd:
    """Return one end of a tunnel."""
    other = tunnel.other(host)
    common = estate.layout.tunnels
    networks = routes.through(estate, tunnel, host)
    far_address = tunnel.address_of(other)
    calls = host == tunnel.near
    public = estate.hosts[other].public_address
    return TunnelEnd(
        interface=tunnel.name, host=host, far_host=other,
        address=f"{tunnel.address_of(host)}/32", far_address=str(far_address), source=str(estate.hosts[host].address),
        endpoint=f"{public}:{tunnel.port}" if calls and public is not None else None,
        listen_port=None if calls else tunnel.port,
        routes=tuple(networks), allowed_ips=(*networks, f"{far_address}/32"),
        mtu=common.mtu, keepalive_s=common.keepalive_s,
    )


def ends_of(estate: Estate, host: str) -> list[TunnelEnd]:
    """Return the tunnel ends of a host."""
    return [end(estate, tunnel, host) for tunnel in estate.tunnels_of[host]]
