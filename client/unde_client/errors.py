"""What can go wrong, for whoever writes."""

from __future__ import annotations

from uuid import UUID


class ClientError(Exception):
    """Whatever this library raises beside ValueError, which is for a call that could never do."""


class JournalFullError(ClientError):
    """No room in the journal within the time that was given; nothing was written down, nothing sent."""


class JournalBrokenError(ClientError):
    """The journal cannot be read, or its disk failed; nothing more is accepted until it is opened anew."""


class JournalInUseError(ClientError):
    """Another process has this journal."""


class PendingError(ClientError):
    """The write is in the journal and no member has acknowledged it in time; it is tried on, and nobody need write it again.

    Attributes:
        id: the write's; ``write`` with the same id waits for the same write.

    """

    def __init__(self, id: UUID) -> None:
        super().__init__(f"write {id} is in the journal and not acknowledged yet; it is tried on")
        self.id = id


class RefusedError(ClientError):
    """PostgreSQL refuses the write itself, and would every time; it has left the journal.

    Attributes:
        sqlstate: PostgreSQL's code.

    """

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate = sqlstate


class ClosedError(ClientError):
    """The client is closed, or was opened in another process, from which this one was forked."""
