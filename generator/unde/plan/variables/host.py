"""What every host is told: its name, and what it lets in and out."""

from __future__ import annotations

from ...model import Estate, HostView
from .. import containers, firewall, guests
from ..flows import Flows
from .common import Own, Variables


def _base_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"base_hostname": host.name}


def _firewall_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {
        # A host that serves customers first shows what its flows lack.
        "firewall_mode": host.kind.firewall or ("enforce" if host.ours else "observe"),
        "firewall_inbound": [_opening(each) for each in (*firewall.inbound(flows, host), *guests.inbound(estate, host.name))],
        "firewall_outbound": [
            _opening(each)
            for each in (*firewall.outbound(flows, host), *guests.outbound(estate, host.name), *containers.published(estate, host))
        ],
    }


def _opening(opening: firewall.Opening) -> Variables:
    published: Variables = {
        "name": opening.name, "peers": list(opening.peers), "names": list(opening.names),
        "protocol": opening.protocol, "ports": list(opening.ports),
    }
    return published if opening.interface is None else published | {"interface": opening.interface}


OWN: Own = {
    "base": _base_own,
    "firewall": _firewall_own,
}
