"""Run the WAN (``serve``), or send it one command and print the answer."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from .control import USAGE, Refused, Relay
from .rule import Spec

SOCKET = "/run/wan.sock"
RULES = "/etc/wan/rules.json"


def rules(file: Path) -> Iterable[Spec]:
    """Return the rules in a file: a list of mappings with the fields of a Spec."""
    return [Spec(**each) for each in json.loads(file.read_text())]


async def serve(control: str, file: Path) -> None:
    """Relay until the process ends."""
    relay = Relay(lambda: rules(file))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = "ok " + relay.command((await reader.readline()).decode())
        except (Refused, OSError, ValueError, TypeError) as error:  # a rules file that cannot be read is refused, not fatal
            said = f"no {error}"
        writer.write(said.encode())
        await writer.drain()
        writer.close()

    Path(control).unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, control)
    os.chmod(control, 0o600)
    print(f"relaying {', '.join(relay.rules)}", flush=True)
    async with server:
        while True:
            await asyncio.sleep(30)
            for rule in relay.rules.values():
                rule.forget_idle()


def send(control: str, command: str) -> int:
    """Send a command to the running relay and print its answer."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(10)
        wire.connect(control)
        wire.sendall(command.encode() + b"\n")
        answer = b"".join(iter(lambda: wire.recv(65536), b"")).decode()
    verdict, _, text = answer.partition(" ")
    print(text, file=sys.stdout if verdict == "ok" else sys.stderr)
    return 0 if verdict == "ok" else 1


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="relay", description=__doc__, epilog=USAGE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", default=SOCKET, help="the control socket (default: %(default)s)")
    parser.add_argument("--rules", type=Path, default=Path(RULES), help="the rules file of serve (default: %(default)s)")
    parser.add_argument("command", nargs="+", help="serve, or a command for the running relay")
    arguments = parser.parse_args()
    if arguments.command == ["serve"]:
        asyncio.run(serve(arguments.socket, arguments.rules))
        return 0
    return send(arguments.socket, " ".join(arguments.command))


if __name__ == "__main__":
    sys.exit(main())
