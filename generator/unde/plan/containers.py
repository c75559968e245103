"""Containers: where their addresses come from, and what of them meets the host's own firewall."""

from __future__ import annotations

from collections.abc import Iterator

from netaddr import IPNetwork

from ..model import Estate, HostView
from .firewall import Opening
from .flows import Flows

#: Ranges that containers' networks are cut from: the first that no network of the estate meets.
RANGES = tuple(map(IPNetwork, ("172.30.0.0/16", "172.29.0.0/16", "172.28.0.0/16", "192.168.128.0/17", "10.254.0.0/16")))
#: Prefix length of one network of containers.
PART = 24
#: PostHog's network, named so that rules know it; what it publishes for its own host alone: the web, and capture behind the gate.
BRIDGE = "br-posthog"
PUBLISHED = (80, 3000)
#: The layout's service that the gate in front of PostHog is.
GATE = "posthog"


def pool(estate: Estate) -> IPNetwork | None:
    """Return the range of the containers' networks; None where all meet a network of the estate."""
    layout = estate.layout
    taken = [network for site in layout.sites.values() for network in site.networks.values()]
    taken += [layout.tunnels.network, *(site.gateway.guest_network for site in layout.sites.values() if site.gateway)]
    taken += [network for service in layout.services.values() for network in service.networks if network.prefixlen]
    return next((each for each in RANGES if not any(each in other or other in each for other in taken)), None)


def inbound(flows: Flows, host: HostView) -> Iterator[Opening]:
    """Yield what may be opened towards a host's containers: what its flows let in from hosts of ours, wherever the service listens."""
    for connection in flows.into(host.name):
        callers = [caller for caller in connection.callers if caller.name != host.name]
        if callers and connection.ports:
            yield Opening(connection.name, tuple(str(caller.address) for caller in callers), (), connection.protocol, connection.ports)


def outbound(flows: Flows, host: HostView) -> Iterator[Opening]:
    """Yield what a host's containers may open: what its flows name towards other hosts of containers, and nothing beside."""
    for connection in flows.out_of(host.name):
        targets = [target for target in connection.targets if target.name != host.name and "docker" in target.roles]
        if targets and connection.ports:
            yield Opening(connection.name, tuple(str(target.address) for target in targets), (), connection.protocol, connection.ports)


def published(estate: Estate, host: HostView) -> Iterator[Opening]:
    """Yield what a host itself may open towards its containers."""
    addresses = pool(estate)
    if "posthog" in host.roles and addresses is not None:
        yield Opening("containers:posthog", (str(addresses),), (), "tcp", PUBLISHED, BRIDGE)
