#!/usr/bin/python3
"""A user who talks: talk.py NAME ADDRESS FILE. Sends a message through a WebSocket ten times a second and writes into FILE how many came back."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import sys
import time
from pathlib import Path

name, address, file = sys.argv[1:]
context = ssl.create_default_context(cafile="/etc/unde/tls/ca.crt")
with context.wrap_socket(socket.create_connection((address, 443), 5), server_hostname=name) as wire:
    key = base64.b64encode(os.urandom(16)).decode()
    wire.sendall(f"GET /voice/talk?token=molecule-query HTTP/1.1\r\nHost: {name}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())  # fmt: skip
    reader = wire.makefile("rb")
    if b" 101 " not in (answer := reader.readline()):
        sys.exit(f"no WebSocket: {answer!r}")
    while reader.readline().strip():
        pass
    count = 0
    while True:
        text = f"message {count}".encode()
        try:
            wire.sendall(bytes((0x81, 0x80 | len(text))) + bytes(4) + text)
            head = reader.read(2)
            back = reader.read(head[1] & 0x7F) if len(head) == 2 else b""
        except OSError:
            back = b""
        if back != text:
            sys.exit(f"cut after {count} messages")
        count += 1
        Path(file).write_text(f"{count}\n")
        time.sleep(0.1)
