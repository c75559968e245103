"""Gateways: where they stand, and what their engine needs."""

from __future__ import annotations

from collections.abc import Iterator

from netaddr import IPAddress

from ..model import Estate
from .rules import Violation, rule

#: Providers whose private networks are routed, not switched: the first address answers for all of them.
ROUTED = ("hetzner", "google", "gcp")
#: A closed network's own address, its host's and its broadcast address are no guests'.
NOT_GUESTS = 3


@rule("gateway-role")
def gateways(estate: Estate) -> Iterator[Violation]:
    """A site's gateway stands at the site and has the role, and only such a host has it."""
    for name, site in estate.layout.sites.items():
        host = estate.hosts.get(site.gateway.host) if site.gateway else None
        if host and (host.site != name or "gateway" not in host.roles):
            yield Violation(
                ("sites", name, "gateway", "host"), f"'{host.name}' is no gateway of '{name}'",
                f"choose a host at '{name}' with the role gateway, or give '{host.name}' that site and role",
            )
    for host in estate.by_role["gateway"]:
        if host.name not in estate.gateways:
            yield Violation(
                (*host.path, "roles"), f"'{host.name}' has the role gateway, but no site names it as its gateway",
                f"write sites.{host.site}.gateway, or remove the role",
            )
    for host in estate.hosts.values():
        if "mikrotik_chr" in host.kind.roles:
            yield Violation(
                (*host.path, "roles"), f"'{host.name}' has the role mikrotik_chr, which follows from a gateway's engine",
                "write the role gateway, and sites.<site>.gateway.engine: routeros",
            )


@rule("gateway-virtualization", rows=(6,))
def virtualization(estate: Estate) -> Iterator[Violation]:
    """A router that runs as a guest has hardware virtualization under it; cloud servers have none."""
    for name, site in estate.layout.sites.items():
        gateway = site.gateway
        host = estate.hosts.get(gateway.host) if gateway else None
        if gateway and host and gateway.engine == "routeros" and gateway.placement == "guest" and "dedicated" not in host.kind.type.lower():
            yield Violation(
                ("sites", name, "gateway", "placement"),
                f"CHR is a guest on '{host.name}', a {host.kind.type}: a cloud server has no nested virtualization, the guest would be emulated and slow",
                "a dedicated machine; placement: bare; or engine: linux", warn=True,
            )


@rule("gateway-guests")
def guests(estate: Estate) -> Iterator[Violation]:
    """The closed network of a gateway's host has room for its guests, and the tunnels end on one that exists."""
    for name, site in estate.layout.sites.items():
        gateway = site.gateway
        if gateway is None or not gateway.guests:
            continue
        path = ("sites", name, "gateway")
        if gateway.guest_network.size < NOT_GUESTS + len(gateway.guests):
            yield Violation(
                (*path, "guest_network"),
                f"{gateway.guest_network} has no room for {len(gateway.guests)} guests and their host",
                "a /29 has, as 192.168.254.0/29",
            )
        if gateway.active not in gateway.guests:
            yield Violation(
                (*path, "active"), f"the tunnels of '{name}' are to end on guest {gateway.active}, but there is no standby",
                "active: a, or standby: true",
            )


@rule("gateway-image")
def image(estate: Estate) -> Iterator[Violation]:
    """The image that a gateway's guests are made from is known by its release and its checksum."""
    for name, site in estate.layout.sites.items():
        gateway = site.gateway
        if gateway and gateway.engine == "routeros" and gateway.routeros_version is None:
            yield Violation(("sites", name, "gateway", "engine"), f"the gateway of '{name}' is RouterOS of no release", "pin one: routeros_version, as 7.21.4")
        if gateway and gateway.guests and gateway.image_checksum is None:
            yield Violation(
                ("sites", name, "gateway", "image_checksum"),
                f"the image of the gateway of '{name}' is not known by its checksum: no guest can be made from it",
                "fill in what the vendor states beside chr-<version>.img.zip", warn=True,
            )


@rule("gateway-next-hop")
def next_hop(estate: Estate) -> Iterator[Violation]:
    """Where the provider routes the private network itself, hosts send to its first address, whoever is the gateway."""
    for name, site in estate.layout.sites.items():
        gateway = site.gateway
        routed = any(word in site.provider.lower() for word in ROUTED) and len(estate.by_site[name]) > 1
        if gateway and gateway.next_hop is None and routed and site.networks:
            network = next(iter(site.networks.values()))
            yield Violation(
                ("sites", name, "gateway", "next_hop"),
                f"{site.provider} routes a cloud's private network by its first address: what hosts send to '{gateway.host}' itself does not arrive there",
                f"next_hop: {IPAddress(network.first + 1, 4)}, and the provider's own routes to '{gateway.host}'; null for machines on one wire", warn=True,
            )
