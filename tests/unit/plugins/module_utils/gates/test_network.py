"""The gates of what carries packets."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils.gates import network
from ansible_collections.unde.infra.plugins.module_utils.gates.measuring import Host, NotYet, Red

TUNNELS = [{"interface": f"wg-{name}", "far_address": f"10.3.{number}.100", "far_host": name} for number, name in enumerate(("gw", "other"))]
PING = "3 packets transmitted, 3 received, 0% packet loss, time 402ms\nrtt min/avg/max/mdev = 0.1/{}.7/3.0/0.2 ms\n"
LOST = "--- 10.3.0.100 ping statistics ---\n3 packets transmitted, 0 received, 100% packet loss, time 402ms\n"


@pytest.mark.parametrize(("table", "says"), [
    ("table inet unde_firewall { chain input { drop } }", "filters"), ('log prefix "would drop"', "observes, drops nothing yet"),
])  # fmt: skip
def test_what_the_firewall_does(host: Host, programs: Any, table: str, says: str) -> None:
    programs.say("nft -t list table inet unde_firewall", table)
    assert network.base(host, firewall=True) == says


def test_a_host_whose_firewall_is_somebody_elses(host: Host, programs: Any) -> None:
    assert network.base(host, firewall=False) == "answers"
    assert programs.asked == []


def test_a_host_whose_firewall_is_gone(host: Host, programs: Any) -> None:
    programs.say("nft", code=1, complaint="Error: No such file or directory")
    with pytest.raises(Red, match=r"No such file or directory"):
        network.base(host, firewall=True)


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the file by which the kernel says that it forwards."""
    monkeypatch.setattr(network, "FORWARDS", tmp_path / "ip_forward")
    network.FORWARDS.write_text("1\n")
    return network.FORWARDS


def test_a_gateway(host: Host, programs: Any, forwards: Path) -> None:
    programs.say("nft -t list table inet unde_gateway")
    assert network.forwarding(host, table="unde_gateway", router=False) == "by Linux"
    forwards.write_text("0\n")
    with pytest.raises(Red, match=r"the kernel does not forward IPv4"):
        network.forwarding(host, table="unde_gateway", router=False)


def test_a_gateway_whose_router_is_a_guest(host: Host, programs: Any, forwards: Path) -> None:
    programs.say("nft -t list table inet unde_chr")
    programs.say("/usr/local/sbin/unde-chr-counters", code=1, complaint="no answer from 10.1.0.1")
    with pytest.raises(Red, match=r"no answer from 10\.1\.0\.1"):
        network.forwarding(host, table="unde_chr", router=True)
    programs.say("/usr/local/sbin/unde-chr-counters", "3 rules")
    assert network.forwarding(host, table="unde_chr", router=True) == "by a MikroTik CHR that answers"


def test_the_longest_way(host: Host, programs: Any, pause: Any) -> None:
    programs.say("-W 2 10.3.0.100", PING.format(2))
    programs.say("-W 2 10.3.1.100", PING.format(31))
    assert network.tunnels(host, tunnels=TUNNELS) == "31 ms"
    assert network.tunnels(host, tunnels=[]) == "0 ms"
    assert pause.slept == []


def test_a_tunnel_that_comes_up(host: Host, programs: Any, pause: Any) -> None:
    """The others are not asked again."""
    programs.say("10.3.0.100", LOST, code=1)
    programs.say("10.3.1.100", PING.format(4))
    pause.meanwhile = lambda: programs.say("10.3.0.100", PING.format(1))
    assert network.tunnels(host, tunnels=TUNNELS) == "4 ms"
    assert pause.slept == [2]
    assert len([line for line in programs.asked if "10.3.1.100" in line]) == 1


def test_a_tunnel_that_is_down(host: Host, programs: Any) -> None:
    programs.say("10.3.0.100", LOST, code=1)
    programs.say("10.3.1.100", PING.format(4))
    with pytest.raises(NotYet) as raised:
        network.tunnels(host, tunnels=TUNNELS)
    assert str(raised.value) == "wg-gw to gw (10.3.0.100): 3 packets transmitted, 0 received, 100% packet loss, time 402ms"


@pytest.fixture
def listening() -> Iterator[int]:
    """Return a port of the loopback that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_neighbours_that_are_reached(host: Host, listening: int) -> None:
    assert network.pipeline(host, neighbours=[f"127.0.0.1:{listening}"]) == "1 neighbours"
    assert network.pipeline(host, neighbours=[]) == "0 neighbours"


def test_a_neighbour_that_begins_to_listen(host: Host, pause: Any) -> None:
    """Who was reached is not asked again."""
    there, late = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    (_, first), (_, second) = there.getsockname(), late.getsockname()
    late.close()
    begun: list[socket.socket] = []

    def meanwhile() -> None:
        there.close()
        begun.append(socket.create_server(("127.0.0.1", second)))

    pause.meanwhile = meanwhile
    assert network.pipeline(host, neighbours=[f"127.0.0.1:{first}", f"127.0.0.1:{second}"]) == "2 neighbours"
    assert pause.slept == [1]
    begun[0].close()


def test_a_neighbour_that_refuses(host: Host, listening: int, pause: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pause.meanwhile = lambda: now.__setitem__(0, sum(pause.slept))
    with pytest.raises(Red, match=r"^127.0.0.1:1: refused$"):
        network.pipeline(host, neighbours=[f"127.0.0.1:{listening}", "127.0.0.1:1"])
    assert pause.slept == [1] * 5
