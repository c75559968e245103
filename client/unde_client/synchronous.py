"""The client for programs with threads: the asynchronous one, in a thread of its own, which also verifies and replays while nobody writes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from unde_client.asynchronous import DEFAULTS, AsyncClient, Settings
from unde_client.errors import PendingError
from unde_client.members import Member, Record
from unde_client.writes import Kind, Value

T = TypeVar("T")


class SyncTicket:
    """A write that is in the journal; see ``asynchronous.Ticket``."""

    def __init__(self, id: UUID, acknowledged: concurrent.futures.Future[UUID]) -> None:
        self.id = id
        self._acknowledged = acknowledged

    def result(self, timeout: float | None = None) -> UUID:
        """Return the id when the primary has committed it; raises PendingError and RefusedError."""
        try:
            return self._acknowledged.result(timeout)
        except concurrent.futures.TimeoutError:
            raise PendingError(self.id) from None


class Client:
    """Writes to one shard, by one process, with one journal; any thread may write. ``with Client(…) as client: client.write(…)``."""

    def __init__(
        self,
        directory: Path | str,
        members: Iterable[Member],
        kinds: Iterable[Kind],
        options: Mapping[str, Any],
        routing: Callable[[], Record | None] = lambda: None,
        settings: Settings = DEFAULTS,
    ) -> None:
        """Open a journal, and go on with what it holds; arguments and errors are those of ``AsyncClient.open``."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="unde-client", daemon=True)
        self._thread.start()
        try:
            self._client = self._do(AsyncClient.open(directory, members, kinds, options, routing, settings))
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counts(self) -> dict[str, int]:
        """Return how things stand; see ``AsyncClient.counts``."""
        return self._client.counts

    def submit(self, kind: str, user: str, values: Mapping[str, Value], id: UUID | None = None, timeout: float | None = None) -> SyncTicket:
        """Return when the write is on this host's disk; see ``AsyncClient.submit``."""
        self._client._usable()
        ticket = self._do(self._client.submit(kind, user, values, id, timeout))
        return SyncTicket(ticket.id, asyncio.run_coroutine_threadsafe(ticket.result(), self._loop))

    def write(self, kind: str, user: str, values: Mapping[str, Value], id: UUID | None = None, timeout: float | None = None) -> UUID:
        """Return the write's id when the primary has committed it; see ``AsyncClient.write``."""
        self._client._usable()
        return self._do(self._client.write(kind, user, values, id, timeout))

    def close(self, timeout: float = 0.0) -> None:
        """Wait until everything is acknowledged, or so many seconds; then stop; see ``AsyncClient.close``."""
        if self._thread.is_alive():
            self._do(self._client.close(timeout))
            self._stop()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
