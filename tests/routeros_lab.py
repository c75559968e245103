"""The RouterOS stand-in of the tests, in this process and without Linux underneath."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import librouteros

from support import ROOT, run

sys.path.insert(0, str(ROOT / "molecule/shared/routeros"))
from standin.backend import Backend
from standin.menus import BEHAVIOURS
from standin.router import Router
from standin.schema import Schema
from standin.server import Server

ROOM = ROOT / "molecule/shared/routeros"
VERSION = "7.21.4"


def dumped(file: Path) -> Schema:
    """Return what RouterOS knows, written to a file on the way."""
    done = run(sys.executable, ROOM / "dump_schema.py", VERSION)
    assert done.returncode == 0, done.stderr
    file.write_text(done.stdout)
    return Schema.read(file)


class Lab:
    """A router with its services on ports of loopback, in a thread of its own."""

    def __init__(self, schema: Schema, state: Path) -> None:
        self.schema, self.state = schema, state
        self.restarts = 0
        self.ports: dict[int, int] = {}
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.on()

    def on(self) -> None:
        self.router = Router(self.schema, BEHAVIOURS, Backend(), self.state, self._restart)
        self.server = Server(self.router, "127.0.0.1", self._port)
        asyncio.run_coroutine_threadsafe(self.server.refresh(), self.loop).result(5)

    def off(self) -> None:
        async def close() -> None:
            self.server.close()
            sessions = asyncio.all_tasks() - {asyncio.current_task()}
            for session in sessions:
                session.cancel()
            await asyncio.gather(*sessions, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(5)

    def _restart(self) -> None:
        self.restarts += 1

    def _port(self, wanted: int) -> int:
        if wanted not in self.ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.ports[wanted] = probe.getsockname()[1]
        return self.ports[wanted]

    def client(self, user: str = "admin", password: str = "", port: int = 8728, host: str = "127.0.0.1", **options: Any) -> librouteros.api.Api:
        return librouteros.connect(host=host, username=user, password=password, port=self.ports[port], timeout=5, encoding="utf-8", **options)
