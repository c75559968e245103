"""The network card, addresses, and those that a DHCP server gives."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from ..errors import invalid
from ..table import Behaviour
from ..values import lasting

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row

CARD = "ether1"


class Ethernet(Behaviour):
    """The one network card of a CHR, always on as it is."""

    without_effect = frozenset({"disabled", "mac-address", "mtu", "arp"})

    def factory(self) -> list[Row]:
        """Return it."""
        return [{"name": CARD, "default-name": CARD}]

    def shown(self, router: Router, row: Row) -> Row:
        """Return its state."""
        return {"running": "true", "slave": "false"}


class Addresses(Behaviour):
    """Addresses on interfaces."""

    clash = "failure: already have such address"
    without_effect = frozenset({"broadcast", "netmask"})

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Compute the network of an address that names none."""
        try:
            given = ipaddress.IPv4Interface(row["address"])
        except ValueError:
            raise invalid("address") from None
        row["address"] = str(given)
        own = str(given.network.network_address)
        if old is None:
            row.setdefault("network", own)
        elif row["address"] != old["address"] and row["network"] == old["network"]:
            row["network"] = own
        try:
            ipaddress.IPv4Address(row["network"])
        except ValueError:
            raise invalid("network") from None

    def shown(self, router: Router, row: Row) -> Row:
        """Return where it really is."""
        return {"actual-interface": row["interface"], "invalid": str(row["interface"].startswith("*")).lower(), "dynamic": "false", "slave": "false"}

    def dynamic(self, router: Router) -> list[Row]:
        """Return the leases."""
        return [
            {"address": lease.address, "network": network(lease.address), "interface": interface, "actual-interface": interface,
             "disabled": "false", "invalid": "false"}
            for interface, lease in router.backend.leases.items()
        ]  # fmt: skip


class DhcpClients(Behaviour):
    """Interfaces that ask for their address."""

    clash = "failure: dhcp-client on that interface already exists"
    without_effect = frozenset({"script", "check-gateway", "default-route-tables", "dscp", "vlan-priority", "allow-reconfigure", "use-broadcast"})

    def factory(self) -> list[Row]:
        """Return the client that a CHR begins with."""
        return [{"interface": CARD}]

    def shown(self, router: Router, row: Row) -> Row:
        """Return how far it has come."""
        lease = router.backend.leases.get(row["interface"])
        if row["disabled"] == "true":
            return {"status": "stopped", "dynamic": "false", "invalid": "false"}
        if lease is None:
            return {"status": "searching...", "dynamic": "false", "invalid": "false"}
        return {
            "status": "bound", "address": lease.address, "gateway": lease.gateway, "dhcp-server": lease.server, "primary-dns": lease.dns,
            "expires-after": lasting(lease.seconds * 1000), "dynamic": "false", "invalid": "false",
        }  # fmt: skip


def network(address: str) -> str:
    """Return the network of an address with its length."""
    return str(ipaddress.IPv4Interface(address).network.network_address)
