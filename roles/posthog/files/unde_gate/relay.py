"""The way on to PostHog: a bounded queue and one sender, so that a dead PostHog is nobody's business but this module's."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections.abc import Mapping
from typing import Any

from .counters import Counters


class Relay:
    """Events that wait for PostHog, and the thread that brings them there."""

    def __init__(self, counters: Counters, address: tuple[str, int], path: str, room: int, timeout_s: float) -> None:
        """Take where PostHog's capture is, how many events may wait, and how long one attempt may take."""
        self._counters, self._address, self._path, self._timeout = counters, address, path, timeout_s
        self._waiting: queue.Queue[Mapping[str, Any]] = queue.Queue(room)
        counters.gauge("unde_posthog_gate_waiting", self._waiting.qsize)

    def put(self, events: list[dict[str, Any]]) -> None:
        """Let events wait; one that finds no room is dropped and counted."""
        for event in events:
            try:
                self._waiting.put_nowait(event)
            except queue.Full:
                self._counters.add("unde_posthog_gate_dropped_total")

    def start(self) -> None:
        """Begin to send; ends with the process."""
        threading.Thread(target=self._run, name="relay", daemon=True).start()

    def _run(self) -> None:
        while True:
            event = self._waiting.get()
            pause = 0.2
            while not self._sent(event):
                time.sleep(pause)
                pause = min(pause * 2, 10.0)

    def _sent(self, event: Mapping[str, Any]) -> bool:
        """Bring one event to PostHog; return whether it is done with, well or not."""
        connection = http.client.HTTPConnection(*self._address, timeout=self._timeout)
        try:
            connection.request("POST", self._path, json.dumps(event), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._counters.add("unde_posthog_gate_attempts_failed_total")
            return False
        finally:
            connection.close()
        if answer.status >= 500 or answer.status == 429:
            self._counters.add("unde_posthog_gate_attempts_failed_total")
            return False
        delivered = 200 <= answer.status < 300
        self._counters.add("unde_posthog_gate_delivered_total" if delivered else "unde_posthog_gate_rejected_total")
        return True
