"""The module ``unde.infra.port_probe``, against ports of this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import port_probe

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def listening() -> Iterator[int]:
    """Return a port of the loopback that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_open_and_refused_ports(listening: int, free: int, called: Call) -> None:
    targets = [{"host": "a", "address": "127.0.0.1", "port": listening}, {"host": "a", "address": "127.0.0.1", "port": free}]
    assert called(port_probe, targets=targets)["answers"] == {"a": {str(listening): "open", str(free): "refused"}}


def test_more_ports_than_are_tried_at_once(listening: int, called: Call) -> None:
    targets = [{"host": f"h{number}", "address": "127.0.0.1", "port": listening} for number in range(5)]
    result = called(port_probe, targets=targets, at_once=2)
    assert result["answers"] == {f"h{number}": {str(listening): "open"} for number in range(5)}
    assert not result["changed"]


def test_a_port_that_does_not_answer_is_silent(called: Call) -> None:
    """A server whose queue is full takes no more connections, and says nothing of it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        crowd = []
        for _ in range(3):
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(("127.0.0.1", port))
            crowd.append(other)
        result = called(port_probe, targets=[{"host": "a", "address": "127.0.0.1", "port": port}], timeout_s=0.3)
        for other in crowd:
            other.close()
    assert result["answers"] == {"a": {str(port): "silent"}}


def test_an_address_that_no_packet_can_be_sent_to(called: Call) -> None:
    assert called(port_probe, targets=[{"host": "a", "address": "255.255.255.255", "port": 9}])["answers"] == {"a": {"9": "unreachable"}}
