"""The module ``unde.infra.https_probe``, against a server of this machine."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import https_probe

Call = Callable[..., dict[str, Any]]


class Page(http.server.BaseHTTPRequestHandler):
    """Answers with the status that it was told to, to whoever calls it by its name."""

    status = 200

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(self.status if self.headers["Host"].startswith("api.example.org") else 421)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Return the port of a server that speaks HTTP/1.1 by TLS."""
    files = [str(tmp_path / "host.key"), str(tmp_path / "host.crt")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", files[0], "-out", files[1],
         "-subj", "/CN=api"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    context.set_alpn_protocols(["http/1.1"])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_what_it_agrees_to_and_its_status(port: int, called: Call) -> None:
    result = called(https_probe, address="127.0.0.1", port=port, names=["api.example.org", "other.example.org"])
    assert result["answers"] == {"api.example.org": "http/1.1 200", "other.example.org": "http/1.1 421"}


def test_a_server_that_fails(port: int, called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "status", 502)
    result = called(https_probe, address="127.0.0.1", port=port, names=["api.example.org"])
    assert result["failed"]
    assert result["msg"] == f"127.0.0.1:{port} answers as api.example.org with 502"


def test_a_server_that_is_away(called: Call) -> None:
    result = called(https_probe, address="127.0.0.1", port=9, names=["api.example.org"])
    assert result["failed"]
    assert "127.0.0.1:9 does not answer as api.example.org" in result["msg"]
