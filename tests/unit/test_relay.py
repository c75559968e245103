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
from relay.rule import Spec

DELAY = 20.0


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

    async def send(self, *packets: bytes, wait: float = 0.15) -> None:
        for packet in packets:
            self.near.transport.sendto(packet)
        await asyncio.sleep(wait)


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
        await lab.send(b"one", b"two", b"three", wait=0.2)
        assert [packet for _, packet in lab.near.heard] == [b"one", b"two", b"three"]
        one_way, both = lab.far.heard[0][0] - sent, lab.near.heard[0][0] - sent
        assert one_way >= (DELAY - 1) / 1000
        assert both >= (2 * DELAY - 2) / 1000
        assert lab.stat("up") == lab.stat("down") == {"packets": 3, "bytes": 11, "dropped": 0}

    in_lab(act)


def test_delay_is_set_and_never_lets_a_packet_overtake() -> None:
    async def act(lab: Lab) -> None:
        lab.relay.command("delay wg-a 60")
        await lab.send(b"slow", wait=0.005)
        lab.relay.command("delay wg-a 0")
        await lab.send(b"fast", wait=0.2)
        assert [packet for _, packet in lab.far.heard] == [b"slow", b"fast"]

    in_lab(act)


def test_cut_drops_what_comes_and_what_is_under_way_until_healed() -> None:
    async def act(lab: Lab) -> None:
        await lab.send(b"under way", wait=0.005)
        lab.relay.command("cut all")
        await lab.send(b"too late")
        assert lab.far.heard == []
        assert lab.stat("up")["dropped"] == 2
        lab.relay.command("heal")
        await lab.send(b"through")
        assert [packet for _, packet in lab.far.heard] == [b"through"]

    in_lab(act)


def test_loss_drops_that_share() -> None:
    async def act(lab: Lab) -> None:
        lab.relay.command("loss wg-a 30")
        for _ in range(10):
            await lab.send(*[b"x"] * 50, wait=0.01)
        await asyncio.sleep(0.1)
        assert 0.6 * 500 < len(lab.far.heard) < 0.8 * 500
        lab.relay.command("loss wg-a 100")
        before = len(lab.far.heard)
        await lab.send(b"x")
        assert len(lab.far.heard) == before

    in_lab(act)


def test_rate_spreads_a_burst_and_drops_what_the_buffer_cannot_hold() -> None:
    async def act(lab: Lab) -> None:
        lab.relay.command("rate wg-a 1")  # 1 Mbit/s: 1000 bytes take 8 ms
        await lab.send(*[b"x" * 1000] * 10, wait=0.2)
        times = [heard for heard, _ in lab.far.heard]
        assert len(times) == 10
        assert 0.06 < times[-1] - times[0] < 0.12
        await lab.send(*[b"x" * 1000] * 100, wait=0.4)
        assert lab.stat("up")["dropped"] > 50

    in_lab(act)


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
        await lab.send(b"before")
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
