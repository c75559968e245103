"""The services on the network: who is let in by address, by which port, with which certificate; then the API itself."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
import sys
from collections.abc import Awaitable, Callable

from .commands import run
from .errors import Trap
from .menus import certificates
from .menus.services import WITH_TLS
from .menus.users import log_in
from .router import Router, Session
from .secret import SENSITIVE
from .table import Row
from .wire import Broken, read_sentence, sentence

#: Services that speak. The others only let themselves be connected to: who may reach them can be tried, what they would say cannot.
SPEAKING = ("api", "api-ssl")


def log(text: str) -> None:
    """Write a line to the journal."""
    print(text, file=sys.stderr, flush=True)


class Server:
    """All services of a router.

    Args:
        router: the router.
        host: where to listen.
        shift: added to each port, for tests that may not have the real ones.

    """

    def __init__(self, router: Router, host: str = "0.0.0.0", shift: Callable[[int], int] = lambda port: port) -> None:
        self.router, self.host, self.shift = router, host, shift
        self._open: dict[tuple[str, str], tuple[int, asyncio.Server]] = {}

    async def refresh(self) -> None:
        """Listen where the services say, and no longer elsewhere; who is connected stays so."""
        wanted = {(row["name"], row["port"]) for row in self.router.table("ip service").enabled()}
        for key in self._open.keys() - wanted:
            self._open.pop(key)[1].close()
        for name, port in sorted(wanted - self._open.keys()):
            number = self.shift(int(port))
            try:
                # TLS begins after the caller's address was judged, with the certificate of that moment.
                server = await asyncio.start_server(self._guarded(name), self.host, number)
            except OSError as error:
                log(f"service {name}: {error.strerror} on port {number}")
                continue
            self._open[name, port] = (number, server)

    def close(self) -> None:
        """Listen no more."""
        for _, server in self._open.values():
            server.close()
        self._open.clear()

    def _guarded(self, name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer, local = writer.get_extra_info("peername")[:2], writer.get_extra_info("sockname")[:2]
            service = self.router.table("ip service").find(name)[0]
            session = Session(name, peer, local)
            try:
                if not _allowed(service, peer[0]):
                    log(f"{peer[0]} {name}: refused, not in {service['address']}")
                elif name in SPEAKING and (name not in WITH_TLS or await self._tls(service, writer)):
                    self.router.sessions.append(session)
                    await self._talk(session, reader, writer)
            except asyncio.CancelledError:
                log(f"{peer[0]} {name}: hung up, the router goes down")
            except (asyncio.IncompleteReadError, ConnectionError, Broken, ssl.SSLError) as error:
                if not isinstance(error, asyncio.IncompleteReadError) or error.partial:
                    log(f"{peer[0]} {name}: {error}")
            finally:
                if session in self.router.sessions:
                    self.router.sessions.remove(session)
                writer.close()
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await writer.wait_closed()

        return accept

    async def _tls(self, service: Row, writer: asyncio.StreamWriter) -> bool:
        """Begin TLS with the service's certificate; without one nobody is spoken to."""
        context = certificates.tls(self.router, service["certificate"], service["tls-version"])
        if context is None:
            log(f"{service['name']}: refused, no certificate is set that has a key")
            return False
        await writer.start_tls(context)
        return True

    async def _talk(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one sentence after the other until the client ends."""
        while True:
            words = await read_sentence(reader)
            if not words:
                continue
            command, rest = words[0], words[1:]
            arguments = dict(word[1:].partition("=")[::2] for word in rest if word.startswith("="))
            tag = [word for word in rest if word.startswith(".tag=")]
            queries = [word for word in rest if word.startswith("?")]
            if not session.user and command != "/login":
                writer.write(sentence("!fatal", "not logged in"))
                return
            if command == "/quit":
                writer.write(sentence("!fatal", "session terminated on request"))
                return
            answers = self._answers(session, command, arguments, queries)
            await self.refresh()
            writer.writelines(sentence(*answer, *tag) for answer in answers)
            await writer.drain()

    def _answers(self, session: Session, command: str, arguments: dict[str, str], queries: list[str]) -> list[list[str]]:
        """Return the sentences that answer a command."""
        told = " ".join([command, *(f"{name}={'…' if name in SENSITIVE else value}" for name, value in arguments.items()), *queries])
        who = f"{session.user or '-'}@{session.peer[0]}"
        try:
            if command == "/login":
                if not log_in(self.router, session, arguments.get("name", ""), arguments.get("password", "")):
                    raise Trap("invalid user name or password (6)")
                log(f"{who} /login name={arguments.get('name', '')}")
                return [["!done"]]
            if command == "/cancel":  # every command has ended before the next one is read
                return [["!done"]]
            reply = run(self.router, session, command, dict(arguments), queries)
            answers = [["!re", *(f"={name}={value}" for name, value in row.items())] for row in reply.rows]
        except Trap as trap:
            log(f"{who} {told} → {trap}")
            category = [] if trap.category is None else [f"=category={trap.category}"]
            return [["!trap", *category, f"=message={trap}"], ["!done"]]
        if not command.endswith(("/print", "/getall")):
            log(f"{who} {told}")
        return [*answers, ["!done", *(f"={name}={value}" for name, value in reply.done.items())]]


def _allowed(service: Row, peer: str) -> bool:
    return not service["address"] or any(ipaddress.ip_address(peer) in ipaddress.ip_network(each) for each in service["address"].split(","))
