"""The gate's door: the paths of PostHog's capture, health, counters, and nothing else."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import wire
from .counters import Counters
from .policy import RULES, Policy, Refused
from .relay import Relay

PATHS = frozenset({"/capture", "/e", "/batch", "/i/v0/e", "/track"})
#: Bytes of a body as it is sent.
MOST_BYTES = 1024 * 1024
#: Seconds that a caller may take between two packets, and that an idle connection stays.
TIMEOUT_S = 10
#: Callers at a time; the next are let go at once, rather than all waiting.
MOST_CALLERS = 128


class Gate(ThreadingHTTPServer):
    """Judges and passes on; answers as soon as it has judged."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], policy: Policy, relay: Relay, counters: Counters) -> None:
        """Listen on an address."""
        self.policy, self.relay, self.counters = policy, relay, counters
        self._room = threading.BoundedSemaphore(MOST_CALLERS)
        super().__init__(address, Door)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a caller where there is room."""
        if not self._room.acquire(blocking=False):
            self.counters.add("unde_posthog_gate_refused_total", 'rule="callers"')
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the room back, however it went."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep silent about callers that went away; a traceback could show what they sent."""
        self.counters.add("unde_posthog_gate_refused_total", 'rule="connection"')


class Door(BaseHTTPRequestHandler):
    """One connection."""

    server: Gate
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "unde-posthog-gate", ""
    timeout = TIMEOUT_S
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a request line is the caller's text."""

    def do_GET(self) -> None:
        """Answer health and counters."""
        match self._path():
            case "/_health":
                self._answer(HTTPStatus.OK, "text/plain", "ok\n")
            case "/metrics":
                self._answer(HTTPStatus.OK, "text/plain; version=0.0.4", self.server.counters.text())
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "path", "no such path")

    def do_POST(self) -> None:
        """Judge, let wait, answer."""
        if self._path() not in PATHS:
            self._refuse(HTTPStatus.NOT_FOUND, "path", "no such path")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "length", "Content-Length is wanted")
            return
        if int(length) > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "size", f"a body has {MOST_BYTES} bytes at most")
            return
        raw = self.rfile.read(int(length))
        try:
            events = self.server.policy.judged(wire.events_in(raw, self.headers.get("Content-Type", "")))
        except Refused as refused:
            self._count_refusal(refused.rule)
            self._json(HTTPStatus.BAD_REQUEST, {"rule": refused.rule, "place": refused.place, "meaning": RULES[refused.rule]})
            return
        self.server.relay.put(events)
        for event in events:
            self.server.counters.add("unde_posthog_gate_accepted_total", f'event="{event["event"]}"')
        self._json(HTTPStatus.OK, {"status": "Ok"})

    def _path(self) -> str:
        return self.path.partition("?")[0].rstrip("/")

    def _count_refusal(self, rule: str) -> None:
        self.server.counters.add("unde_posthog_gate_refused_total", f'rule="{rule}"')

    def _refuse(self, status: HTTPStatus, rule: str, meaning: str) -> None:
        """Refuse without having read the body: the connection cannot go on."""
        self._count_refusal(rule)
        self.close_connection = True
        self._json(status, {"rule": rule, "meaning": meaning})

    def _json(self, status: HTTPStatus, said: dict[str, Any]) -> None:
        self._answer(status, "application/json", json.dumps(said))

    def _answer(self, status: HTTPStatus, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not HTTP, without repeating it."""
        self._refuse(HTTPStatus(code), "request", "no such request")
