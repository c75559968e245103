"""A shard's members: which is tried first, and what the routing record says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple


class Member(NamedTuple):
    """Where one member's pooler listens; each member has one address, and no address leads now to one member and now to another."""

    host: str
    port: int = 6432


class Record(NamedTuple):
    """Who leads a shard, as the site's Redis has it (role `routing`): where to try first, never a promise.

    Attributes:
        epoch: grows with every leadership; of two records the one with the higher epoch is the later.
        stale: this is who led last; nobody can be vouched for.

    """

    member: Member
    epoch: int
    stale: bool = False


class Lineage(NamedTuple):
    """Whose WAL a write is in: the member that took it, and the timeline on which it was primary."""

    member: Member
    timeline: str


def parsed(raw: bytes | str | None) -> Record | None:
    """Return the record in the value of ``routing:shard:<number>``; nothing where there is none, or none that can be read."""
    try:
        value = json.loads(raw or "null")
        return Record(Member(str(value["address"]), int(value["port"])), int(value["epoch"]), bool(value["stale"]))
    except (ValueError, TypeError, KeyError):
        return None


def from_redis(redis: Any, shard: int) -> Callable[[], Record | None]:
    """Return a reader of a shard's record by a client of the package ``redis``, which may be given short timeouts: a late answer delays a reconnection."""
    return lambda: parsed(redis.get(f"routing:shard:{shard}"))


class Order:
    """In which order members are tried: the record's first, then the others; last whoever turned out not to lead."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.members = list(dict.fromkeys(members))
        if not self.members:
            raise ValueError("no members: at least one address of the shard is needed")
        self._record: Record | None = None
        self._passed: list[Member] = []

    def heard(self, record: Record | None) -> None:
        """Take up a record, unless a later one is known."""
        if record and (self._record is None or record.epoch >= self._record.epoch):
            if self._record and record.epoch > self._record.epoch:
                self._passed.clear()
            self._record = record

    def passed(self, member: Member) -> None:
        """Try a member last from now on: it said that it does not lead."""
        self._passed = [*(each for each in self._passed if each != member), member]

    def leads(self, member: Member) -> None:
        """Nobody else is to be passed by for what was true before."""
        self._passed.clear()

    def now(self) -> Sequence[Member]:
        """Return the members in their order."""
        first = [self._record.member] if self._record else []
        every = list(dict.fromkeys([*first, *self.members]))
        return [*(member for member in every if member not in self._passed), *(member for member in self._passed if member in every)]

    def others(self, leader: Member) -> list[Member]:
        """Return who can say that it has what the leader has."""
        return [member for member in self.now() if member != leader]
