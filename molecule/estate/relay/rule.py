"""One tunnel's way through the WAN: a port that is called, and the far end that the calls are for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from .line import Count, Line, Weather

Address = tuple[str, int]

#: Datagrams taken from one socket before the others have their turn.
BATCH = 64
BUFFER_BYTES = 4 << 20
#: Seconds without a packet after which a caller is forgotten; tunnels keep themselves alive every 25.
IDLE = 300.0
SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32


@dataclass(frozen=True)
class Spec:
    """What a rule is made from: ``listen`` and ``port`` are called, ``far`` answers, ``delay_ms`` each way; ``seen_as`` is the caller's own address."""

    name: str
    listen: str
    port: int
    far_host: str
    far_port: int
    delay_ms: float
    seen_as: str = "0.0.0.0"


def udp(address: Address) -> socket.socket:
    """Return a bound, non-blocking UDP socket with room for a burst."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    for forced, asked in ((SO_RCVBUFFORCE, socket.SO_RCVBUF), (SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            made.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
        except PermissionError:
            made.setsockopt(socket.SOL_SOCKET, asked, BUFFER_BYTES)
    made.bind(address)
    return made


@dataclass
class Caller:
    """Who calls, the socket that speaks for it to the far end, and both directions."""

    socket: socket.socket
    up: Line
    down: Line
    heard: float


class Rule:
    """Listen on a port; carry every caller's datagrams to the far end, and the answers back, as NAT does."""

    def __init__(self, spec: Spec) -> None:
        """Start to listen."""
        self.spec = spec
        self.loop = asyncio.get_running_loop()
        self.weather = Weather(spec.delay_ms)
        self.up, self.down = Count(), Count()
        self.callers: dict[Address, Caller] = {}
        self.socket = udp((spec.listen, spec.port))
        self.loop.add_reader(self.socket, self._from_near)

    def heal(self) -> None:
        """Make the way as good as it is by the layout."""
        self.weather.cut, self.weather.loss_percent, self.weather.rate_mbit = False, 0.0, 0.0
        self.weather.delay_ms = self.spec.delay_ms

    def forget_idle(self) -> None:
        """Close the sockets of callers that have gone."""
        for address, caller in list(self.callers.items()):
            if self.loop.time() - caller.heard > IDLE:
                self._drop(address)

    def close(self) -> None:
        """Stop, and forget everybody."""
        self.loop.remove_reader(self.socket)
        for address in list(self.callers):
            self._drop(address)
        self.socket.close()

    def stat(self) -> dict[str, Any]:
        """Return the state and the counters of both directions; ``up`` is from the caller to the far end."""
        return {
            "called": f"{self.spec.listen}:{self.spec.port}",
            "far": f"{self.spec.far_host}:{self.spec.far_port}", "callers": len(self.callers),
            **asdict(self.weather), "up": asdict(self.up), "down": asdict(self.down),
        }

    def _from_near(self) -> None:
        """Take what callers sent."""
        for _ in range(BATCH):
            try:
                packet, address = self.socket.recvfrom(65535)
            except OSError:  # no more, or an ICMP error that a caller's host sent
                return
            caller = self.callers.get(address) or self._meet(address)
            caller.heard = self.loop.time()
            caller.up.put(packet)

    def _meet(self, address: Address) -> Caller:
        """Open a socket to the far end for a new caller."""
        far = udp((self.spec.seen_as, 0))
        far.connect((self.spec.far_host, self.spec.far_port))
        back: Callable[[bytes], object] = partial(self._answer, address)
        caller = Caller(far, Line(self.weather, self.up, far.send), Line(self.weather, self.down, back), self.loop.time())
        self.callers[address] = caller
        self.loop.add_reader(far, self._from_far, caller)
        return caller

    def _from_far(self, caller: Caller) -> None:
        """Take what the far end sent to a caller."""
        for _ in range(BATCH):
            try:
                packet = caller.socket.recv(65535)
            except OSError:
                return
            caller.heard = self.loop.time()
            caller.down.put(packet)

    def _answer(self, address: Address, packet: bytes) -> None:
        """Send a packet to a caller from the port that it called."""
        self.socket.sendto(packet, address)

    def _drop(self, address: Address) -> None:
        """Forget a caller."""
        caller = self.callers.pop(address)
        self.loop.remove_reader(caller.socket)
        caller.up.close()
        caller.down.close()
        caller.socket.close()
