# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a packet gets through to TCP ports, many at a time."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Iterator
from typing import Any

#: What a connection that has got through says.
THROUGH = {0: "open", errno.ECONNREFUSED: "refused"}


def probe(targets: list[dict[str, Any]], timeout_s: float) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each target with its answer; all of them are tried at the same time."""
    waiting = selectors.DefaultSelector()
    for target in targets:
        tried = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tried.setblocking(False)
        code = tried.connect_ex((target["address"], target["port"]))
        if code == errno.EINPROGRESS:
            waiting.register(tried, selectors.EVENT_WRITE, (target, tried))
        else:
            tried.close()
            yield target, THROUGH.get(code, "unreachable")
    end = time.monotonic() + timeout_s
    while waiting.get_map() and time.monotonic() < end:
        for key, _mask in waiting.select(max(0, end - time.monotonic())):
            target, tried = key.data
            code = tried.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            waiting.unregister(tried)
            tried.close()
            yield target, THROUGH.get(code, "unreachable")
    for key in list(waiting.get_map().values()):
        target, tried = key.data
        waiting.unregister(tried)
        tried.close()
        yield target, "silent"
