"""A gateway whose router is a guest on its host: the closed network between the two, and what the host lets through for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netaddr import IPAddress

from ..model import Estate
from .firewall import Opening
from .routeros import MANAGED

BRIDGE = "chr0"
#: The closed network's host answers here for addresses.
DHCP_PORT = 67
#: RouterOS's API before it has a certificate, on its first boot.
FIRST_API_PORT = 8728


@dataclass(frozen=True)
class Guest:
    """A router as a guest.

    Attributes:
        mac: of its one network card, from its address; locally administered, in the range that QEMU uses.

    """

    name: str
    address: IPAddress

    @property
    def mac(self) -> str:
        """Return the address of the network card."""
        return ":".join(["52", "54", "00", *(f"{octet:02x}" for octet in self.address.words[1:])])


def of(estate: Estate, host: str) -> list[Guest]:
    """Return the guests of a gateway's host; none where the router is no guest."""
    gateway = estate.layout.sites[estate.gateways[host]].gateway
    return [Guest(name, address) for name, address in gateway.guests.items()] if gateway else []


def inbound(estate: Estate, host: str) -> Iterator[Opening]:
    """Yield what guests may open towards their host: they ask it for their addresses."""
    if host in estate.gateways and of(estate, host):
        yield Opening("guests:addresses", (), (), "udp", (DHCP_PORT,), BRIDGE)


def outbound(estate: Estate, host: str) -> Iterator[Opening]:
    """Yield what a host may open towards its guests: their API."""
    guests = of(estate, host) if host in estate.gateways else []
    if guests:
        yield Opening("guests:api", tuple(str(guest.address) for guest in guests), (), "tcp", (FIRST_API_PORT, MANAGED["api-ssl"]), BRIDGE)
