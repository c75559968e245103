#!/usr/bin/python3
"""A stand-in for what answers behind the entry: answers.py NAME PORT. It tells who it is and what it was sent, and echoes WebSockets.

``/cut/ID`` is noted, and where the name ends with 1 the connection is then cut without an answer; ``/noted`` tells what was noted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME, PORT = sys.argv[1], int(sys.argv[2])
NOTED: list[str] = []


class Answers(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, or become a WebSocket."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.echo()
        elif self.path.startswith("/cut/"):
            NOTED.append(self.path.removeprefix("/cut/"))
            if NAME.endswith("1"):
                self.close_connection = True
            else:
                self.say({"who": NAME})
        else:
            self.say({"who": NAME, "path": self.path, "noted": NOTED, "headers": {name.lower(): value for name, value in self.headers.items()}})

    do_POST = do_GET

    def say(self, answer: dict[str, Any]) -> None:
        """Answer with JSON."""
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def echo(self) -> None:
        """Shake hands (RFC 6455) and send every short message back, unmasked."""
        digest = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        while head := self.rfile.read(2):
            mask, payload = self.rfile.read(4), self.rfile.read(head[1] & 0x7F)
            text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
            self.wfile.write(bytes((head[0], len(text))) + text)
        self.close_connection = True


ThreadingHTTPServer(("", PORT), Answers).serve_forever()
