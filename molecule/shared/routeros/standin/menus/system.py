"""The system's own menus: what it is, its clock, its logs. Most are only remembered: README.md says which."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..errors import invalid
from ..table import Behaviour
from ..values import lasting

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row

BOARD = "CHR stand-in"
TIME_ZONE = "UTC"


class Identity(Behaviour):
    """The router's name."""

    def factory(self) -> list[Row]:
        """Return the name of a new router."""
        return [{"name": "MikroTik"}]


class Resource(Behaviour):
    """What the router runs on."""

    def told(self, router: Router) -> list[Row]:
        """Return it; a client asks here for the version."""
        return [{
            "uptime": lasting(int(time.time() - router.started) * 1000), "version": f"{router.schema.version} (stable)", "board-name": BOARD,
            "platform": "MikroTik", "architecture-name": "x86_64", "cpu-count": "1",
        }]  # fmt: skip


class License(Behaviour):
    """The licence."""

    def told(self, router: Router) -> list[Row]:
        """Return that of a CHR that nobody paid for."""
        return [{"system-id": "stand-in", "level": "free"}]


class Interfaces(Behaviour):
    """All interfaces together."""

    def told(self, router: Router) -> list[Row]:
        """Return them with their types."""
        rows = [("ether", row) for row in router.table("interface ethernet").rows] + [("wg", row) for row in router.table("interface wireguard").rows]
        listed = [
            {"name": row["name"], "type": kind, "mtu": row["mtu"], "actual-mtu": row["mtu"], "disabled": row["disabled"],
             "running": "false" if row["disabled"] == "true" else "true", **({"comment": row["comment"]} if "comment" in row else {})}
            for kind, row in rows
        ]  # fmt: skip
        listed.append({"name": "lo", "type": "loopback", "mtu": "65536", "actual-mtu": "65536", "disabled": "false", "running": "true"})
        return [{".id": f"*{number:X}", **row} for number, row in enumerate(listed, 1)]


class Clock(Behaviour):
    """The host's own clock, which the router cannot set."""

    without_effect = frozenset({"date", "time"})

    def factory(self) -> list[Row]:
        """Return the zone of a new router."""
        return [{"time-zone-name": TIME_ZONE}]

    def shown(self, router: Router, row: Row) -> Row:
        """Return what time it is."""
        now = time.gmtime()
        return {"date": time.strftime("%Y-%m-%d", now), "time": time.strftime("%H:%M:%S", now), "gmt-offset": "+00:00", "dst-active": "false"}


class NtpClient(Behaviour):
    """Servers that it would ask."""

    def shown(self, router: Router, row: Row) -> Row:
        """Return that it asks nobody."""
        return {"status": "waiting" if row["enabled"] == "true" else "stopped"}


class Dns(Behaviour):
    """Servers that it would ask."""

    def factory(self) -> list[Row]:
        """Return the settings of a new router."""
        return [{"allow-remote-requests": "false"}]

    def shown(self, router: Router, row: Row) -> Row:
        """Return the servers that DHCP named."""
        return {"dynamic-servers": ",".join(lease.dns for lease in router.backend.leases.values() if lease.dns)}


class Logging(Behaviour):
    """What goes to which log."""

    def factory(self) -> list[Row]:
        """Return the rules of a new router."""
        actions = {"info": "memory", "error": "memory", "warning": "memory", "critical": "echo"}
        return [{"topics": topic, "action": action, "default": "true"} for topic, action in actions.items()]

    def shown(self, router: Router, row: Row) -> Row:
        """Return whose it is."""
        return {"default": row.get("default", "false"), "invalid": "false"}


class LoggingActions(Behaviour):
    """Logs by name."""

    def factory(self) -> list[Row]:
        """Return those of a new router."""
        return [{"name": name, "target": name, "default": "true"} for name in ("memory", "disk", "echo", "remote")]


class Scheduler(Behaviour):
    """Events that are remembered and never run."""

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Fill in when it would begin."""
        row.setdefault("start-time", time.strftime("%H:%M:%S", time.gmtime()))
        row.setdefault("start-date", time.strftime("%Y-%m-%d", time.gmtime()))
        if not row["name"]:
            raise invalid("name")

    def shown(self, router: Router, row: Row) -> Row:
        """Return that it has not run."""
        return {"run-count": "0", "owner": "admin"}


class IpSettings(Behaviour):
    """How packets are passed on."""

    without_effect = frozenset({"ip-forward", "rp-filter"})


class MacServer(Behaviour):
    """Management by hardware address."""

    def factory(self) -> list[Row]:
        """Return the setting of a new router."""
        return [{"allowed-interface-list": "all"}]


class Discovery(Behaviour):
    """Neighbours."""

    def factory(self) -> list[Row]:
        """Return the setting of a new router."""
        return [{"discover-interface-list": "static"}]
