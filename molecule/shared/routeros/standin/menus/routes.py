"""Routes: those configured, those of connected networks, those that a DHCP server gave."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from ..errors import invalid, unmatched, unsupported
from ..interfaces import live, names
from ..table import Behaviour
from ..values import prefix

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row


class Routes(Behaviour):
    """Routes of the main table."""

    without_effect = frozenset({"vrf-interface"})

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Fill in what a route has that names only its target."""
        row["dst-address"] = prefix("dst-address", row.get("dst-address", "0.0.0.0/0"))
        for name, value in (("distance", "1"), ("scope", "30"), ("target-scope", "10")):
            row.setdefault(name, value)
        if row["routing-table"] != "main":
            raise unsupported("routing tables besides main")
        if row.get("check-gateway", "none") != "none":
            raise unsupported("check-gateway")
        if "blackhole" in row:
            row["blackhole"] = "true"
        else:
            _gateway(router, row.get("gateway", ""))
        if row.get("pref-src"):
            try:
                ipaddress.IPv4Address(row["pref-src"])
            except ValueError:
                raise invalid("pref-src") from None

    def shown(self, router: Router, row: Row) -> Row:
        """Return whether it leads anywhere."""
        active = row["disabled"] != "true" and row[".id"] not in router.backend.inactive
        return {"static": "true", "active": str(active).lower(), "inactive": str(not active).lower(), "dynamic": "false"}

    def dynamic(self, router: Router) -> list[Row]:
        """Return the connected networks and the leases' gateways."""
        flags = {"active": "true", "disabled": "false", "routing-table": "main", "target-scope": "5"}
        clients = {row["interface"]: row for row in router.table("ip dhcp-client").rows}
        given = [
            {"dst-address": "0.0.0.0/0", "gateway": lease.gateway, "dhcp": "true", "distance": clients[interface]["default-route-distance"],
             "scope": "30", **flags}
            for interface, lease in router.backend.leases.items()
            if lease.gateway and clients.get(interface, {}).get("add-default-route", "no") != "no"
        ]  # fmt: skip
        up = live(router)
        connected = [
            {"dst-address": f"{row['network']}/{row['address'].partition('/')[2]}", "gateway": row["interface"], "connect": "true", "distance": "0",
             "scope": "10", "local-address": f"{row['address'].partition('/')[0]}%{row['interface']}", **flags}
            for row in router.table("ip address").show()
            if row["disabled"] != "true" and row["interface"] in up
        ]  # fmt: skip
        return [*given, *connected]


def _gateway(router: Router, gateway: str) -> None:
    """Refuse a gateway that is neither an address nor an interface."""
    address, _, interface = gateway.partition("%")
    known = names(router)
    if gateway in known:
        return
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        raise (unmatched if gateway else invalid)("gateway") from None
    if interface and interface not in known:
        raise unmatched("gateway")
