"""Servers of this machine that answer as a test says, by TLS or without."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers with what is said of a method and path: a status, and a text."""

    said: dict[str, tuple[int, str]]
    asked: list[tuple[str, dict[str, str], str]]

    def answer(self) -> None:
        """Answer; 404 where nothing is said."""
        line = f"{self.command} {self.path}"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.asked.append((line, dict(self.headers.items()), body))
        status, text = self.said.get(line, (404, ""))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = answer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[tuple[int, type[Answers]]]:
    """Yield the port of a server, and what it answers; by TLS where it has a certificate, with the key beside it."""
    answers = type("Answers", (Answers,), {"said": {}, "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), answers)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        context.set_alpn_protocols(["http/1.1"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_address[1], answers
    finally:
        server.shutdown()
        server.server_close()


def signed(folder: Path) -> Path:
    """Return a certificate of the loopback address, which vouches for itself; its key is beside it."""
    made = folder / "host.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(made.with_suffix(".key")),
         "-out", str(made), "-subj", "/CN=host", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return made
