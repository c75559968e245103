"""One direction of one tunnel: what happens to a packet between the sites."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds of traffic that may wait for a throttled line before it drops, as a router's buffer does.
BUFFER = 0.25
#: Packets due within this many seconds leave with the one whose turn it is; a timer is no more exact than that.
TOGETHER = 0.0005


@dataclass
class Weather:
    """The state of a tunnel's way through the WAN, the same for both directions.

    Attributes:
        delay_ms: one way.
        loss_percent: of the packets, at random.
        rate_mbit: in each direction; 0 is unlimited.
        cut: nothing passes, what is under way is lost.

    """

    delay_ms: float
    loss_percent: float = 0.0
    rate_mbit: float = 0.0
    cut: bool = False


@dataclass
class Count:
    """What one direction has carried."""

    packets: int = 0
    bytes: int = 0
    dropped: int = 0


class Line:
    """A first-in-first-out delay line with one timer, however many packets wait."""

    def __init__(self, weather: Weather, count: Count, send: Callable[[bytes], object]) -> None:
        """Make a line that hands every packet to ``send`` when its time has come."""
        self.weather, self.count, self.send = weather, count, send
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.free_at = 0.0  # when the throttled line has sent what it has
        self.timer: asyncio.TimerHandle | None = None

    def put(self, packet: bytes) -> None:
        """Take a packet in, or drop it."""
        weather, now = self.weather, self.loop.time()
        if weather.cut or (weather.loss_percent and random.random() * 100 < weather.loss_percent):
            self.count.dropped += 1
            return
        leaves = now
        if weather.rate_mbit:
            leaves = max(now, self.free_at) + len(packet) * 8 / (weather.rate_mbit * 1e6)
            if leaves - now > BUFFER:
                self.count.dropped += 1
                return
            self.free_at = leaves
        due = leaves + weather.delay_ms / 1000
        if self.waiting:  # never overtake, not even when the delay has just become shorter
            due = max(due, self.waiting[-1][0])
        self.waiting.append((due, packet))
        if self.timer is None:
            self.timer = self.loop.call_at(due, self._deliver)

    def _deliver(self) -> None:
        """Send what is due and come back for the rest."""
        waiting, count, now = self.waiting, self.count, self.loop.time() + TOGETHER
        while waiting and waiting[0][0] <= now:
            packet = waiting.popleft()[1]
            if self.weather.cut:
                count.dropped += 1
                continue
            try:
                self.send(packet)
            except OSError:  # nobody listens there (yet), or the buffer is full: a packet lost on the way
                count.dropped += 1
            else:
                count.packets += 1
                count.bytes += len(packet)
        self.timer = self.loop.call_at(waiting[0][0], self._deliver) if waiting else None

    def close(self) -> None:
        """Forget what is under way."""
        if self.timer is not None:
            self.timer.cancel()
        self.waiting.clear()
