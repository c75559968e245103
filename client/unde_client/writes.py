"""What is written: kinds of writes, and single ones with an identity that the client makes."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

#: What a value of a write may be; whatever else PostgreSQL knows is made of these by a cast in the kind's SQL.
Value = None | bool | int | float | str
#: The names of parameters that the client itself gives.
OWN = ("id", "user", "client", "seq")


@dataclass(frozen=True)
class Kind:
    """A statement that may be sent twice, and the question whether it has been.

    Attributes:
        name: of the kind, as the journal knows it: for as long as a journal holds writes of it.
        insert: ``INSERT … ON CONFLICT DO NOTHING`` with ``%(id)s``, any of ``%(user)s``, ``%(client)s``, ``%(seq)s``, and the write's own values by name.
        present: ``SELECT`` of the ids that are there, of those in ``%(ids)s``; ``%(users)s`` has the user of each, in the same order. Both are arrays.

    Raises:
        ValueError: the insert could be applied twice, or says nothing of the id.

    """

    name: str
    insert: str
    present: str

    def __post_init__(self) -> None:
        """Refuse what cannot be replayed."""
        if not re.match(r"\s*INSERT\b", self.insert, re.IGNORECASE):
            raise ValueError(f"kind {self.name}: the insert does not begin with INSERT; what else it does could not be told from what was there before")
        if not re.search(r"\bON\s+CONFLICT\b", self.insert, re.IGNORECASE):
            raise ValueError(f"kind {self.name}: the insert has no ON CONFLICT; replayed after a failover, it would fail or be applied twice")
        if "%(id)s" not in self.insert:
            raise ValueError(f"kind {self.name}: the insert does not use %(id)s, by which it is found again")
        if "%(ids)s" not in self.present:
            raise ValueError(f"kind {self.name}: the question does not use %(ids)s, the writes that it asks about")

    @property
    def names(self) -> set[str]:
        """Return the names of the values that each write must have."""
        return set(re.findall(r"%\((\w+)\)[sbt]", self.insert)) - set(OWN)


@dataclass(frozen=True)
class Entry:
    """One write, as the journal holds it.

    Attributes:
        seq: its running number in this journal; with the journal's own identity (``client``) unique for ever.
        raw: itself, as bytes.

    """

    seq: int
    id: UUID
    user: str
    kind: str
    values: Mapping[str, Value]
    raw: bytes

    @property
    def size(self) -> int:
        """Return how much of the journal's capacity it takes, bytes."""
        return len(self.raw)

    def parameters(self, client: str) -> dict[str, Any]:
        """Return what the kind's insert is executed with."""
        return {**self.values, "id": self.id, "user": self.user, "client": client, "seq": self.seq}


def entry(seq: int, id: UUID, user: str, kind: str, values: Mapping[str, Value]) -> Entry:
    """Return a write with its bytes.

    Raises:
        ValueError: a value that PostgreSQL or the journal cannot hold, or a name that is the client's own.

    """
    if taken := sorted(set(values) & set(OWN)):
        raise ValueError(f"{', '.join(taken)}: given by the client itself; name the value otherwise")
    for name, value in {"user": user, **values}.items():
        if not isinstance(value, Value):
            raise ValueError(f"{name}: {type(value).__name__} is none of text, number, boolean and None; pass it as text, and cast it in the kind's SQL")
        if isinstance(value, str) and ("\0" in value or not _encodes(value)):
            raise ValueError(f"{name}: text with a NUL or half a surrogate pair; PostgreSQL cannot hold it")
    raw = json.dumps([seq, id.hex, user, kind, dict(values)], ensure_ascii=False, separators=(",", ":")).encode()
    return Entry(seq, id, user, kind, values, raw)


def read(raw: bytes) -> Entry:
    """Return the write that bytes hold."""
    seq, id, user, kind, values = json.loads(raw)
    return Entry(seq, UUID(hex=id), user, kind, values, raw)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def new_id() -> UUID:
    """Return a UUID of version 7: the millisecond, then 74 random bits; new rows stand together in an index."""
    moment = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    return UUID(int=moment << 80 | 7 << 76 | (random >> 68 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1)
