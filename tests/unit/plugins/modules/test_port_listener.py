"""The module ``unde.infra.port_listener``: it listens where nothing does, by a program of systemd's, and says when it does not."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import port_listener

UNIT = "example-listen.service"
STOPPED = "LoadState=not-found\nActiveState=inactive\n"
RUNNING = "LoadState=loaded\nActiveState=active\n"
Called = Callable[..., dict[str, Any]]


@pytest.fixture
def held() -> Iterator[socket.socket]:
    """Return a socket that listens on a port of its own."""
    with socket.socket() as made:
        made.bind(("0.0.0.0", 0))
        made.listen()
        yield made


@pytest.fixture
def free() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as made:
        made.bind(("0.0.0.0", 0))
        return int(made.getsockname()[1])


@pytest.fixture
def host(programs: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the programs of a host on which systemd-run starts what it is given."""
    programs.say("systemctl show", STOPPED)
    programs.say("systemctl stop")
    programs.say("systemd-run")
    started: list[subprocess.Popen[bytes]] = []
    plain = programs.run

    def run(words: list[str], **more: Any) -> Any:
        answer = plain(words, **more)
        if words[0] == "systemd-run" and answer[0] == 0:
            started.append(subprocess.Popen(words[words.index("/usr/bin/systemd-socket-activate") :], stderr=subprocess.DEVNULL))
        return answer

    monkeypatch.setattr(programs, "run", run)
    yield programs
    for process in started:
        process.kill()
        process.wait()


def test_it_listens_where_nothing_does(host: Any, held: socket.socket, free: int, called: Called) -> None:
    taken = held.getsockname()[1]
    result = called(port_listener, unit=UNIT, ports=[taken, free, free])
    assert (result["changed"], result["actions"], result["ports"]) == (True, [f"listen on {free}"], [free])
    for _ in range(3):
        socket.create_connection(("127.0.0.1", free), timeout=5).close()
        # Longer than a program that ends at once would keep the socket.
        time.sleep(0.1)
    [line] = [line for line in host.asked if line.startswith("systemd-run")]
    assert f"--unit={UNIT} --property=RuntimeMaxSec=180 " in line


def test_check_mode_listens_nowhere(host: Any, free: int, called: Called) -> None:
    assert called(port_listener, True, unit=UNIT, ports=[free])["actions"] == [f"listen on {free}"]
    assert port_listener.is_free(free)
    assert not [line for line in host.asked if "systemd-run" in line]


def test_nothing_is_started_where_all_ports_are_taken(host: Any, held: socket.socket, called: Called) -> None:
    result = called(port_listener, unit=UNIT, ports=[held.getsockname()[1]])
    assert (result["changed"], result["ports"]) == (False, [])


def test_a_unit_of_an_interrupted_run_is_replaced(host: Any, free: int, called: Called) -> None:
    host.say("systemctl show", RUNNING)
    assert called(port_listener, unit=UNIT, ports=[free])["actions"] == [f"systemctl stop {UNIT}", f"listen on {free}"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_it_is_stopped_once(check_mode: bool, host: Any, called: Called) -> None:
    host.say("systemctl show", RUNNING)
    assert called(port_listener, check_mode, unit=UNIT, state="stopped")["actions"] == [f"systemctl stop {UNIT}"]
    assert (f"systemctl stop {UNIT}" in host.asked) is not check_mode
    host.say("systemctl show", STOPPED)
    assert not called(port_listener, check_mode, unit=UNIT, state="stopped")["changed"]


def test_a_unit_that_does_not_listen_is_told_with_the_journal(programs: Any, free: int, called: Called) -> None:
    programs.say("systemctl show", STOPPED)
    programs.say("systemd-run")
    programs.say("journalctl", "Failed to listen\n")
    result = called(port_listener, unit=UNIT, ports=[free], timeout=0)
    assert result["msg"] == f"{UNIT}: after 0 s nobody listens on {free}\nFailed to listen"
    programs.say("systemd-run", code=1, complaint="Unit already exists\n")
    assert called(port_listener, unit=UNIT, ports=[free])["msg"] == f"{UNIT}: systemd-run: Unit already exists"


def test_the_ports_are_required(programs: Any, called: Called) -> None:
    assert "ports" in called(port_listener, unit=UNIT)["msg"]
