"""Writes to a shard that outlive the loss of its primary; what this promises, and what it cannot, is in the README of the distribution ``unde-client``."""

from unde_client.asynchronous import AsyncClient, Settings, Ticket
from unde_client.errors import (
    ClientError,
    ClosedError,
    JournalBrokenError,
    JournalFullError,
    JournalInUseError,
    PendingError,
    RefusedError,
)
from unde_client.members import Member, Record, from_redis
from unde_client.synchronous import Client, SyncTicket
from unde_client.writes import Kind, new_id

__all__ = [
    "AsyncClient", "Client", "ClientError", "ClosedError", "JournalBrokenError", "JournalFullError", "JournalInUseError", "Kind", "Member",
    "PendingError", "Record", "RefusedError", "Settings", "SyncTicket", "Ticket", "from_redis", "new_id",
]  # fmt: skip
