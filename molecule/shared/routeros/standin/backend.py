"""What is underneath the router: something that makes its tables real, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .router import Router


@dataclass(frozen=True)
class Peer:
    """What a tunnel's interface knows of a peer.

    Attributes:
        endpoint: address and port that it was last heard from; empty when never.
        handshake: seconds of the epoch; 0 when never.

    """

    endpoint: tuple[str, str] = ("", "0")
    handshake: int = 0
    rx: int = 0
    tx: int = 0


@dataclass(frozen=True)
class Lease:
    """What a DHCP server gave: address with its length, the gateway, further words of the server."""

    address: str
    gateway: str = ""
    server: str = ""
    dns: str = ""
    seconds: int = 0


@dataclass
class Backend:
    """Nothing underneath: the tables are only tables. Also what the real one is to the router.

    Attributes:
        leases: interface → its lease.
        inactive: identifiers of routes that lead nowhere.

    """

    leases: dict[str, Lease] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)

    def apply(self, router: Router) -> None:
        """Make real what the tables say.

        Raises:
            Trap: that cannot be; the caller takes the change back and applies again.

        """

    def peers(self) -> dict[tuple[str, str], Peer]:
        """Return the peers by interface and public key."""
        return {}

    def counters(self) -> dict[str, tuple[int, int]]:
        """Return packets and bytes by the rule's label (``nft.label``)."""
        return {}

    def reset(self, labels: list[str]) -> None:
        """Set counters to nought."""
