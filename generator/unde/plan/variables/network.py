"""What the ends of tunnels are told, and the gateways."""

from __future__ import annotations

from dataclasses import asdict

from ...model import Estate, HostView
from .. import guests, routeros, tunnels
from ..flows import Flows
from .common import Own, Variables


def _wireguard_keys_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"wireguard_keys_interfaces": [tunnel.name for tunnel in estate.tunnels_of[host.name]]}


def _wireguard_peer_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"wireguard_peer_tunnels": [_tunnel_end(end) for end in tunnels.ends_of(estate, host.name)]}


def _tunnel_end(end: tunnels.TunnelEnd) -> Variables:
    values = asdict(end)
    del values["host"]
    return values | {"routes": list(end.routes), "allowed_ips": list(end.allowed_ips)}


def _gateway_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    layout, site = estate.layout, estate.gateways[host.name]
    gateway = layout.sites[site].gateway
    assert gateway is not None, "a gateway stands in its site"
    if gateway.engine != "linux":
        return {"gateway_engine": gateway.engine}
    return {
        "gateway_engine": gateway.engine,
        "gateway_tunnels": [_tunnel_end(end) for end in tunnels.ends_of(estate, host.name)],
        "gateway_forward": flows.forwarded_by(host.name),
        "gateway_tunnel_networks": [str(layout.tunnels.network)],
        "gateway_private_networks": [str(network) for network in layout.sites[site].networks.values()],
    }


def _mikrotik_chr_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    layout, site = estate.layout, estate.gateways[host.name]
    gateway = layout.sites[site].gateway
    assert gateway is not None, "a gateway stands in its site"
    variables: Variables = {
        "mikrotik_chr_placement": gateway.placement,
        "mikrotik_chr_version": gateway.routeros_version,
        "mikrotik_chr_tunnels": [
            {"interface": tunnel.name, "far_host": tunnel.near} for tunnel in estate.tunnels_of[host.name] if tunnel.far == host.name
        ],
        "mikrotik_chr_menus": [_menu(menu) for menu in routeros.configuration(estate, host.name)],
    }
    if gateway.bare:
        return variables | {"mikrotik_chr_guests": [{"name": host.name, "address": str(host.public_address or host.address)}], "mikrotik_chr_active": host.name}
    return variables | {
        "mikrotik_chr_acceleration": gateway.acceleration,
        "mikrotik_chr_image_checksum": f"sha256:{gateway.image_checksum}" if gateway.image_checksum else "",
        "mikrotik_chr_bridge": {"name": guests.BRIDGE, "address": f"{gateway.guests_host}/{gateway.guest_network.prefixlen}"},
        "mikrotik_chr_guests": [{"name": guest.name, "address": str(guest.address), "mac": guest.mac} for guest in guests.of(estate, host.name)],
        "mikrotik_chr_active": gateway.active,
        "mikrotik_chr_ports": [tunnel.port for tunnel in estate.tunnels_of[host.name] if tunnel.far == host.name],
        "mikrotik_chr_management": {"networks": routeros.operators(estate, host.name), "ports": list(routeros.MANAGED.values())},
        "mikrotik_chr_source": str(host.address),
        "mikrotik_chr_remote_networks": routeros.behind(estate, host.name),
        "mikrotik_chr_private_networks": [str(network) for network in layout.sites[site].networks.values()],
    }


def _menu(menu: routeros.Menu) -> Variables:
    """Return a menu as the role wants it; ``ours`` tells by which entries it goes."""
    if menu.settings:
        return {"path": menu.path, "data": [menu.settings]}
    if menu.fixed:
        return {"path": menu.path, "data": [{"name": name, **values} for name, values in menu.fixed.items()]}
    field, ours = ("prefix", {"values": ["unde"]}) if menu.path == "system logging" else ("comment", {"regex": f"^{routeros.OURS}"})
    return {"path": menu.path, "data": menu.entries, "ordered": menu.ordered, "shared": menu.shared, "ours": {"field": field, **ours}}


OWN: Own = {
    "gateway": _gateway_own,
    "mikrotik_chr": _mikrotik_chr_own,
    "wireguard_keys": _wireguard_keys_own,
    "wireguard_peer": _wireguard_peer_own,
}
