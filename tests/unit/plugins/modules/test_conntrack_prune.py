"""The module ``unde.infra.conntrack_prune``: which tracked connections a table would not let through any more, and how the kernel is asked and told."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import conntrack
from ansible_collections.unde.infra.plugins.modules import conntrack_prune


def match(left: dict[str, Any], right: Any, op: str = "==") -> dict[str, Any]:
    """Return a match as nft lists it."""
    return {"match": {"op": op, "left": left, "right": right}}


def field(protocol: str, name: str) -> dict[str, Any]:
    """Return a field of a packet as nft lists it."""
    return {"payload": {"protocol": protocol, "field": name}}


ACCEPT, REFUSE = {"accept": None}, {"goto": {"target": "refuse"}}
RULES: dict[str, list[list[dict[str, Any]]]] = {
    "input": [
        [match({"ct": {"key": "state"}}, ["established", "related"], "in"), ACCEPT],
        [match({"meta": {"key": "iif"}}, "lo"), ACCEPT],
        [match(field("udp", "sport"), 67), ACCEPT],
        [match(field("ip", "saddr"), {"set": ["10.0.0.1", {"prefix": {"addr": "10.1.0.0", "len": 16}}]}), match(field("tcp", "dport"), 5432), ACCEPT],
        [match({"meta": {"key": "iifname"}}, "wg-a"), match(field("tcp", "dport"), {"set": [{"range": [9100, 9110]}]}), ACCEPT],
        [{"counter": {}}, REFUSE],
    ],
    "output": [
        [match(field("ip", "daddr"), "@dns.a.test"), match(field("tcp", "dport"), 443), ACCEPT],
        [match(field("ip", "daddr"), {"prefix": {"addr": "10.0.0.0", "len": 8}}, "!="), match(field("udp", "dport"), 53), ACCEPT],
        [match({"meta": {"key": "nfproto"}}, "ipv6"), {"reject": None}],
        [REFUSE],
    ],
    "refuse": [[{"limit": {}}, {"log": {}}], [{"drop": None}]],
}


def listing() -> list[dict[str, Any]]:
    """Return the table as nft lists it."""
    hooks = [{"chain": {"name": name, "type": "filter", "hook": name, "prio": 0, "policy": "drop"}} for name in ("input", "output")]
    rules = [{"rule": {"chain": chain, "expr": expr}} for chain, some in RULES.items() for expr in some]
    return [*hooks, {"chain": {"name": "refuse"}}, {"set": {"name": "dns.a.test", "elem": ["192.0.2.1"]}}, *rules]


@pytest.mark.parametrize(
    ("hook", "protocol", "source", "target", "port", "passes"),
    [
        ("input", "tcp", "10.0.0.1", "10.9.0.9", 5432, True),
        ("input", "tcp", "10.1.2.3", "10.9.0.9", 5432, True),
        ("input", "tcp", "10.2.0.1", "10.9.0.9", 5432, False),
        ("input", "udp", "10.0.0.1", "10.9.0.9", 5432, False),
        ("input", "tcp", "10.2.0.1", "10.9.0.9", 9105, True),  # the interface cannot be told: it may have come in by that one
        ("input", "tcp", "10.2.0.1", "10.9.0.9", 9111, False),
        ("input", "tcp", "fd00::1", "fd00::2", 5432, False),
        ("output", "tcp", "10.9.0.9", "192.0.2.1", 443, True),
        ("output", "tcp", "10.9.0.9", "192.0.2.2", 443, False),
        ("output", "udp", "10.9.0.9", "192.0.2.2", 53, True),
        ("output", "udp", "10.9.0.9", "10.0.0.53", 53, False),
        ("forward", "tcp", "172.17.0.2", "192.0.2.2", 443, True),  # not this table's business
    ],
)
def test_a_connection_is_held_against_the_rules(hook: str, protocol: str, source: str, target: str, port: int, passes: bool) -> None:
    """As its first packet would be, either way round."""
    table = conntrack.Table(listing())
    packet = conntrack.Packet(hook, protocol, ip_address(source), 40000, ip_address(target), port)
    assert table.may_pass(packet) is passes
    assert table.may_pass(conntrack.turned(conntrack.turned(packet))) is passes


# ── The kernel ──
def direction(source: str, source_port: int, target: str, target_port: int, protocol: int) -> bytes:
    """Return one direction of a connection as the kernel writes it."""
    addresses = conntrack.attribute(1, ip_address(source).packed) + conntrack.attribute(2, ip_address(target).packed)
    numbers = (1, bytes([protocol])), (2, struct.pack(">H", source_port)), (3, struct.pack(">H", target_port))
    return conntrack.attribute(0x8001, addresses) + conntrack.attribute(0x8002, b"".join(conntrack.attribute(*each) for each in numbers))


def connection(source: str, target: str, port: int, answers: str = "", protocol: int = socket.IPPROTO_TCP, number: int = 7) -> bytes:
    """Return a connection as the kernel lists it; ``answers`` is who its target is after its translation."""
    there, back = direction(source, 40000, target, port, protocol), direction(answers or target, port, source, 40000, protocol)
    return b"\2\0\0\0" + conntrack.attribute(0x8001, there) + conntrack.attribute(0x8002, back) + conntrack.attribute(12, struct.pack(">I", number))


class Kernel:
    """A socket of netlink, behind which there are connections; to end one may fail."""

    def __init__(self) -> None:
        """Track nothing."""
        self.connections: list[bytes] = []
        self.error = 0
        self.sent: list[tuple[int, bytes]] = []

    def __call__(self, *_: int) -> Kernel:
        return self

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def bind(self, address: tuple[int, int]) -> None:
        """Take an address."""

    def send(self, message: bytes) -> None:
        """Take a request."""
        kind = conntrack.HEADER.unpack_from(message)[1]
        self.sent.append((kind & 0xFF, message[conntrack.HEADER.size :]))

    def recv(self, _: int) -> bytes:
        """Answer the last one."""
        if self.sent[-1][0] == conntrack.CT_DELETE:
            return self.message(conntrack.NLMSG_ERROR, struct.pack("=i", -self.error))
        return b"".join(self.message(0x100, each) for each in self.connections) + self.message(conntrack.NLMSG_DONE, b"\0\0\0\0")

    def message(self, kind: int, body: bytes) -> bytes:
        """Return a message."""
        return conntrack.HEADER.pack(conntrack.HEADER.size + len(body), kind, 0, 0, 0) + body

    def ended(self) -> list[int]:
        """Return the numbers of the connections that were ended."""
        return [struct.unpack(">I", conntrack.attributes(body[4:])[12])[0] for kind, body in self.sent if kind == conntrack.CT_DELETE]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, programs: Any) -> Kernel:
    """Return the kernel of a host at 10.9.0.9 that has the table loaded."""
    stand_in = Kernel()
    monkeypatch.setattr(conntrack.socket, "socket", stand_in)
    programs.say("ip -json address show", [{"addr_info": [{"local": "10.9.0.9"}]}, {"addr_info": [{"local": "fd00::9"}, {}]}])
    programs.say("nft -j list table inet example", {"nftables": listing()})
    return stand_in


@pytest.mark.parametrize("check_mode", [True, False])
def test_only_what_would_not_pass_is_ended(check_mode: bool, kernel: Kernel, called: Callable[..., dict[str, Any]]) -> None:
    kernel.connections = [
        connection("10.0.0.1", "10.9.0.9", 5432, number=1),
        connection("10.2.0.1", "10.9.0.9", 5432, number=2),
        connection("10.9.0.9", "192.0.2.2", 443, number=3),
        connection("10.9.0.9", "198.51.100.1", 443, answers="192.0.2.1", number=4),
        connection("10.2.0.1", "10.9.0.9", 1, protocol=socket.IPPROTO_ICMP, number=5),
        connection("172.17.0.2", "192.0.2.2", 443, number=6),
        connection("fd00::1", "fd00::9", 5432, number=8),
    ]
    result = called(conntrack_prune, check_mode, table="inet example")
    assert result["actions"] == [
        "end tcp 10.2.0.1:40000 > 10.9.0.9:5432", "end tcp 10.9.0.9:40000 > 192.0.2.2:443", "end tcp fd00::1:40000 > fd00::9:5432",
    ]  # fmt: skip
    assert result["changed"]
    assert result["diff"]["prepared"].splitlines() == result["actions"]
    assert kernel.ended() == ([] if check_mode else [2, 3, 8])


def test_one_that_is_known_by_its_answer_stays(kernel: Kernel, called: Callable[..., dict[str, Any]]) -> None:
    """It was open before the kernel followed it."""
    kernel.connections = [connection("192.0.2.1", "10.9.0.9", 40000)]
    assert called(conntrack_prune, table="inet example")["actions"] == ["end tcp 192.0.2.1:40000 > 10.9.0.9:40000"]
    there, back = direction("192.0.2.1", 443, "10.9.0.9", 40000, socket.IPPROTO_TCP), direction("10.9.0.9", 40000, "192.0.2.1", 443, socket.IPPROTO_TCP)
    kernel.connections = [b"\2\0\0\0" + conntrack.attribute(0x8001, there) + conntrack.attribute(0x8002, back)]
    assert not called(conntrack_prune, table="inet example")["changed"]


@pytest.mark.parametrize(("error", "failed"), [(2, False), (1, True)])
def test_one_that_ended_by_itself_is_no_failure(error: int, failed: bool, kernel: Kernel, called: Callable[..., dict[str, Any]]) -> None:
    kernel.connections, kernel.error = [connection("10.2.0.1", "10.9.0.9", 5432)], error
    result = called(conntrack_prune, table="inet example")
    assert (bool(result.get("failed")), result.get("changed", False)) == (failed, False)
    assert not failed or "Operation not permitted" in result["msg"]


@pytest.mark.parametrize(("words", "told"), [("nft", "the table inet example cannot be read: broken"), ("ip -json", "ip address show: broken")])
def test_what_cannot_be_read_is_told(words: str, told: str, kernel: Kernel, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    programs.answers.insert(0, (words, (1, "", "broken\n")))
    assert called(conntrack_prune, table="inet example")["msg"] == told
    assert kernel.sent == []
