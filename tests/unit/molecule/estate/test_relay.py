"""The lab's WAN relay, on loopback: what it delays, cuts, loses, throttles and counts."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable

import pytest

from support import ROOT

sys.path.insert(0, str(ROOT / "molecule/estate"))
from relay.control import Refused, Relay
from relay.line import Count, Line, Weather
from relay.rule import Spec

DELAY = 20.0
#: Only what hangs takes this long, seconds.
TIMEOUT_S = 60


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class End(asyncio.DatagramProtocol):
    """One end of a tunnel: keeps what it hears with the time; the far one answers with the same bytes."""

    def __init__(self, echo: bool) -> None:
        self.echo = echo
        self.heard: list[tuple[float, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append((time.monotonic(), data))
        if self.echo:
            self.transport.sendto(data, addr)


class Lab:
    """Two ends and the relay between them."""

    def __init__(self, relay: Relay, near: End, far: End) -> None:
        self.relay, self.near, self.far = relay, near, far

    def stat(self, direction: str) -> dict[str, int]:
        return json.loads(self.relay.command("stat"))["wg-a"][direction]

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            self.near.transport.sendto(packet)

    async def until(self, true: Callable[[], object]) -> None:
        """Wait for what must come about, however slow this machine is."""
        async with asyncio.timeout(TIMEOUT_S):
            while not true():
                await asyncio.sleep(0.002)

    def under_way(self) -> list[bytes]:
        """Return what the relay has taken and not yet let go on its way to the far end."""
        return [packet for caller in self.relay.rules["wg-a"].callers.values() for _, packet in caller.up.waiting]


def in_lab(act: Callable[[Lab], Awaitable[None]]) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        listens, answers = free_port(), free_port()
        _, far = await loop.create_datagram_endpoint(lambda: End(True), local_addr=("127.0.0.1", answers))
        relay = Relay(lambda: [Spec("wg-a", "127.0.0.1", listens, "127.0.0.1", answers, DELAY)])
        _, near = await loop.create_datagram_endpoint(lambda: End(False), remote_addr=("127.0.0.1", listens))
        await act(Lab(relay, near, far))

    asyncio.run(run())


def test_delays_each_way_keeps_order_and_counts() -> None:
    async def act(lab: Lab) -> None:
        sent = time.monotonic()
        lab.send(b"one", b"two", b"three")
        await lab.until(lambda: len(lab.near.heard) == 3)
        assert [packet for _, packet in lab.near.heard] == [b"one", b"two", b"three"]
        one_way, both = lab.far.heard[0][0] - sent, lab.near.heard[0][0] - sent
        assert one_way >= (DELAY - 1) / 1000
        assert both >= (2 * DELAY - 2) / 1000
        assert lab.stat("up") == lab.stat("down") == {"packets": 3, "bytes": 11, "dropped": 0}

    in_lab(act)


def test_delay_is_set_and_never_lets_a_packet_overtake() -> None:
    async def act(lab: Lab) -> None:
        lab.relay.command("delay wg-a 300")
        lab.send(b"slow")
        await lab.until(lab.under_way)
        lab.relay.command("delay wg-a 0")
        lab.send(b"fast")
        await lab.until(lambda: len(lab.far.heard) == 2)
        assert [packet for _, packet in lab.far.heard] == [b"slow", b"fast"]

    in_lab(act)


def test_cut_drops_what_comes_and_what_is_under_way_until_healed() -> None:
    async def act(lab: Lab) -> None:
        lab.relay.command("delay wg-a 1000")
        lab.send(b"under way")
        await lab.until(lab.under_way)
        lab.relay.command("cut all")
        lab.send(b"too late")
        await lab.until(lambda: lab.stat("up")["dropped"] == 2)
        assert lab.far.heard == []
        lab.relay.command("heal")
        lab.send(b"through")
        await lab.until(lambda: lab.far.heard)
        assert [packet for _, packet in lab.far.heard] == [b"through"]

    in_lab(act)


def test_loss_drops_that_share() -> None:
    async def act(lab: Lab) -> None:
        def done() -> int:
            return lab.stat("up")["packets"] + lab.stat("up")["dropped"]

        lab.relay.command("loss wg-a 30")
        for sent in range(50, 501, 50):
            lab.send(*[b"x"] * 50)
            await lab.until(lambda sent=sent: done() == sent)
        assert 0.6 * 500 < lab.stat("up")["packets"] < 0.8 * 500
        lab.relay.command("loss wg-a 100")
        before = lab.stat("up")["packets"]
        lab.send(b"x")
        await lab.until(lambda: done() == 501)
        assert lab.stat("up")["packets"] == before

    in_lab(act)


class Clock:
    """A loop whose time stands still until a test moves it."""

    def __init__(self) -> None:
        self.now, self.timers = 0.0, list[tuple[float, Callable[[], None]]]()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, act: Callable[[], None]) -> None:
        self.timers.append((when, act))

    def run(self) -> None:
        """Move on from one timer to the next, as long as there are any."""
        while self.timers:
            self.now, act = self.timers.pop(0)
            act()


def test_rate_spreads_a_burst_and_drops_what_the_buffer_cannot_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, count, left = Clock(), Count(), list[float]()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    line = Line(Weather(delay_ms=DELAY, rate_mbit=1), count, lambda packet: left.append(clock.now))  # 1000 bytes take 8 ms
    for _ in range(10):
        line.put(b"x" * 1000)
    clock.run()
    assert left == pytest.approx([DELAY / 1000 + 0.008 * number for number in range(1, 11)])
    for _ in range(100):
        line.put(b"x" * 1000)
    clock.run()
    assert count.dropped == 100 - 31  # 31 of them are a quarter of a second
    assert count.packets == 10 + 31


def test_heal_restores_what_the_layout_says() -> None:
    async def act(lab: Lab) -> None:
        for command in ("cut wg-a", "delay wg-a 5", "loss wg-a 50", "rate wg-a 3", "heal wg-a"):
            said = json.loads(lab.relay.command(command))["wg-a"]
        assert {key: said[key] for key in ("cut", "delay_ms", "loss_percent", "rate_mbit")} == {
            "cut": False, "delay_ms": DELAY, "loss_percent": 0.0, "rate_mbit": 0.0,
        }

    in_lab(act)


def test_reload_leaves_alone_what_did_not_change() -> None:
    async def act(lab: Lab) -> None:
        lab.send(b"before")
        await lab.until(lambda: lab.near.heard)
        kept, other = lab.relay.rules["wg-a"], Spec("wg-b", "127.0.0.1", free_port(), "127.0.0.1", free_port(), 1)
        lab.relay.read = lambda: [kept.spec, other]
        lab.relay.command("reload")
        assert lab.relay.rules["wg-a"] is kept
        assert set(lab.relay.rules) == {"wg-a", "wg-b"}
        lab.relay.read = lambda: [other]
        lab.relay.command("reload")
        assert set(lab.relay.rules) == {"wg-b"}

    in_lab(act)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "no such command: (nothing)"),
        ("cut", "no such command: cut"),
        ("cut wg-x", "no such tunnel: wg-x; known: wg-a"),
        ("delay wg-a soon", "not a number: soon"),
        ("loss wg-a 101", "not between 0 and 100: 101"),
        ("delay wg-a nan", "not between 0 and 60000: nan"),
    ],
)
def test_refuses_what_makes_no_sense(command: str, message: str) -> None:
    async def act(lab: Lab) -> None:
        with pytest.raises(Refused) as refused:
            lab.relay.command(command)
        assert str(refused.value).splitlines()[0] == message

    in_lab(act)
