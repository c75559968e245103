"""WireGuard interfaces and their peers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import keys
from ..backend import Peer
from ..errors import Trap, invalid, missing, unsupported
from ..table import Behaviour
from ..values import lasting

if TYPE_CHECKING:
    from ..router import Router
    from ..table import Row

#: RouterOS's first port for an interface that names none.
PORT = 13231


class Interfaces(Behaviour):
    """A private key and a port."""

    clash = "failure: already have interface with such name"

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Make the key, name and port of an interface that has none."""
        others = [other for other in router.table("interface wireguard").rows if other is not old]
        row.setdefault("name", _free("wireguard", others))
        if len(row["name"]) > 15 or "/" in row["name"] or " " in row["name"]:
            raise unsupported("this name: Linux has no such interface")
        if row["name"] in ("lo", *(each["name"] for each in router.table("interface ethernet").rows)):
            raise Trap(self.clash, 0)
        row.setdefault("private-key", keys.generate())
        if not keys.valid(row["private-key"]):
            raise invalid("private-key")
        if "listen-port" not in row:
            taken = {other["listen-port"] for other in others}
            row["listen-port"] = next(str(port) for port in range(PORT, 65536) if str(port) not in taken)
        for field, most in (("listen-port", 65535), ("mtu", 65536)):
            if not row[field].isdecimal() or int(row[field]) > most:
                raise Trap(f"value of {field} out of range (0..{most})", 1)
        if row.get("vrf", "main") != "main":
            raise unsupported("vrf")

    def shown(self, router: Router, row: Row) -> Row:
        """Return the public key."""
        return {"public-key": keys.public(row["private-key"]), "running": _not(row["disabled"])}


class Peers(Behaviour):
    """Who may use a tunnel, and what was heard from them."""

    clash = "failure: entry already exists"

    def complete(self, router: Router, row: Row, old: Row | None) -> None:
        """Refuse what is no key, and name a peer that has no name."""
        row.setdefault("name", _free("peer", router.table("interface wireguard peers").rows))
        if "public-key" not in row:
            raise missing(["public-key"])
        for field in ("public-key", "preshared-key"):
            if field in row and not keys.valid(row[field]):
                raise invalid(field)
        if "private-key" in row:
            raise unsupported("a peer's private-key")
        if row.get("allowed-address", "") == "":
            raise missing(["allowed-address"])

    def viewer(self, router: Router) -> Callable[[Row], Row]:
        """Return what shows what the tunnels know of a peer."""
        peers = router.backend.peers()
        return lambda row: _state(peers.get((row["interface"], row["public-key"]), Peer()))


def _state(peer: Peer) -> Row:
    address, port = peer.endpoint
    heard = {"last-handshake": lasting(max(0, int(time.time()) - peer.handshake) * 1000)} if peer.handshake else {}
    return {"current-endpoint-address": address, "current-endpoint-port": port, "rx": str(peer.rx), "tx": str(peer.tx), **heard, "dynamic": "false"}


def _free(stem: str, rows: list[Row]) -> str:
    taken = {row.get("name") for row in rows}
    return next(name for number in range(1, len(rows) + 2) if (name := f"{stem}{number}") not in taken)


def _not(value: str) -> str:
    return "false" if value == "true" else "true"
