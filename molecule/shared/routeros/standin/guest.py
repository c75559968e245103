"""The router's own process, inside its network namespace."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

from .linux import Linux, dhcp
from .linux.programs import program
from .linux.wireguard import SOCKETS
from .menus import BEHAVIOURS
from .router import Router
from .schema import Schema
from .server import Server, log

#: Exit status by which the machine underneath knows that the router wants to start again.
REBOOT = 64
SCHEMA = Path(__file__).parent.parent / "schema.json"
MEMORY = Path("/var/lib/routeros-standin")
CONFIGURATION = Path("/etc/routeros-standin")


async def live(name: str) -> int:
    """Be a router until told to stop; return the exit status."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end(status: int) -> None:
        if not ended.done():
            ended.set_result(status)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, 0)
    backend = Linux()
    schema = Schema.read(SCHEMA)
    version = json.loads((CONFIGURATION / f"{name}.json").read_text())["version"]
    if version != schema.version:
        log(f"RouterOS {version} is wanted, the schema is that of {schema.version}")
        return 1

    def restart() -> None:
        # The answer to the command is sent first.
        loop.call_later(0.3, end, REBOOT)

    router = Router(schema, BEHAVIOURS, backend, MEMORY / f"{name}.json", restart)

    def listen(interface: str, output: int) -> None:
        loop.add_reader(output, _heard, router, interface, output)

    backend.clients.started = listen
    with router.change():
        pass
    server = Server(router)
    await server.refresh()
    _ready()
    log(f"RouterOS {version} stand-in {name} is up")
    return await ended


def _heard(router: Router, interface: str, output: int) -> None:
    """Take over what a DHCP client says; its lines are short, so that each comes whole."""
    said = os.read(output, 65536)
    if not said:
        asyncio.get_running_loop().remove_reader(output)
    for line in said.decode().splitlines():
        if not line.startswith(dhcp.MARK):
            continue
        lease = dhcp.lease(line)
        log(f"dhcp {interface}: {lease.address if lease else 'no lease'}")
        router.backend.leases.pop(interface, None)
        if lease:
            router.backend.leases[interface] = lease
        router.backend.apply(router)


def _ready() -> None:
    """Tell systemd that the router answers."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", address.replace("@", "\0", 1))


def main(name: str) -> int:
    """Set up the namespace, then live in it."""
    # Other routers and the host itself may have a tunnel of the same name.
    SOCKETS.mkdir(exist_ok=True)
    program("mount", "-t", "tmpfs", "tmpfs", str(SOCKETS))
    program("ip", "link", "set", "lo", "up")
    program("ip", "link", "set", "ether1", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    return asyncio.run(live(name))
