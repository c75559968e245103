"""Addresses: unique, inside their networks, usable."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

from netaddr import IPAddress, IPNetwork

from ..model import Estate
from ..model.source import DataPath
from .rules import Violation, rule

#: Space that no provider routes to a server (IANA, "IPv4 Special-Purpose Address Registry"), documentation and benchmarks apart.
NOT_ROUTED = tuple(
    IPNetwork(space)
    for space in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3")
)


def _held(estate: Estate) -> Iterator[tuple[IPAddress, str, DataPath]]:
    """Yield every address of the estate with who holds it and where that is written."""
    for host in estate.hosts.values():
        own: DataPath = host.path if host.shard is not None else (*host.path, "address")
        yield host.address, f"host '{host.name}'", own
        if host.public_address is not None:
            public: DataPath = host.path if host.shard is not None else (*host.path, "public_address")
            yield host.public_address, f"host '{host.name}' (public)", public
    for tunnel in estate.tunnels.values():
        yield tunnel.near_address, f"tunnel '{tunnel.name}' at {tunnel.near}", tunnel.path
        yield tunnel.far_address, f"tunnel '{tunnel.name}' at {tunnel.far}", tunnel.path


@rule("address-duplicate", rows=(1, 2, 3))
def duplicate(estate: Estate) -> Iterator[Violation]:
    """No address is held twice: private, public or tunnel."""
    seen: dict[IPAddress, tuple[str, DataPath]] = {}
    for address, holder, path in _held(estate):
        if address not in seen:
            seen[address] = (holder, path)
            continue
        other, place = seen[address]
        first = estate.source.position(place)
        yield Violation(path, f"{address} belongs to {holder} and to {other} ({first.file}:{first.line})", "give one of them another address")


@rule("address-outside-network")
def outside(estate: Estate) -> Iterator[Violation]:
    """Every private address is a host address inside one of its site's networks."""
    for host in estate.hosts.values():
        site = estate.layout.sites.get(host.site)
        if site is None:
            continue
        networks = list(site.networks.values())
        path = host.path if host.shard is not None else (*host.path, "address")
        network = next((network for network in networks if host.address in network), None)
        if network is None:
            yield Violation(
                path,
                f"{host.address} of '{host.name}' is in no network of site '{host.site}' ({', '.join(map(str, networks))})",
                f"choose an address inside, or correct the site of '{host.name}'",
            )
        elif network.size > 2 and int(host.address) in (network.first, network.last):
            which = "network" if int(host.address) == network.first else "broadcast"
            yield Violation(path, f"{host.address} of '{host.name}' is the {which} address of {network}", "choose another address")


@rule("tunnel-slot-duplicate")
def slots(estate: Estate) -> Iterator[Violation]:
    """No two tunnels share a slot: addresses and port follow from it."""
    seen: dict[int, str] = {}
    for tunnel in estate.tunnels.values():
        if tunnel.slot in seen:
            yield Violation(
                tunnel.path,
                f"slot {tunnel.slot} belongs to tunnel '{tunnel.name}' and to '{seen[tunnel.slot]}': same addresses, same port",
                "give one of them a free slot",
            )
        seen.setdefault(tunnel.slot, tunnel.name)


@rule("network-overlap")
def networks(estate: Estate) -> Iterator[Violation]:
    """No two networks overlap: those of sites, that of the tunnels, and those of gateways' hosts and their guests."""
    known: list[tuple[IPNetwork, str, DataPath]] = [
        (network, f"network '{key}' of site '{name}'", ("sites", name, "networks", key))
        for name, site in estate.layout.sites.items() for key, network in site.networks.items()
    ]
    known.append((estate.layout.tunnels.network, "the tunnels' network", ("tunnels", "network")))
    # A closed network ends at its host: that of another gateway may be the same.
    closed: list[tuple[IPNetwork, str, DataPath]] = [
        (site.gateway.guest_network, f"the guests' network of site '{name}'", ("sites", name, "gateway", "guest_network"))
        for name, site in estate.layout.sites.items() if site.gateway and site.gateway.guests
    ]
    for (first, one, place), (second, other, path) in (*combinations(known, 2), *product(known, closed)):
        if first.first <= second.last and second.first <= first.last:
            at = estate.source.position(place)
            yield Violation(path, f"{second}, {other}, overlaps {first}, {one} ({at.file}:{at.line})", "give one of them a network of its own")


@rule("address-public-private")
def public(estate: Estate) -> Iterator[Violation]:
    """A public address is one that the internet can route, and is in no private network of ours."""
    for host in estate.hosts.values():
        address = host.public_address
        if address is None:
            continue
        reserved = next((space for space in NOT_ROUTED if address in space), None)
        if reserved is not None:
            yield Violation(
                (*host.path, "public_address"),
                f"{address} of '{host.name}' is in {reserved}, which no provider routes",
                "write the address that the provider gave, or null until it is known",
            )
