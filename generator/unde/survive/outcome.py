"""What comes of a loss: the answer as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..plan.timing import Seconds

State = Literal["writable", "read-only", "lost"]


@dataclass(frozen=True)
class ShardState:
    """What becomes of one shard.

    Attributes:
        name: the shard's scope, as ``shard0``.
        state: ``writable``; ``read-only``: the data is there and no member may be promoted; ``lost``: no member is left.
        where: the host that takes writes; where none does, a host that can be read; None when the shard is lost.
        site: that host's site.
        moved: whether another member than the usual one takes the writes.
        rto_s: shortest and longest predicted time until writes are taken again, seconds; (0, 0) when they never stop,
            None when they stop until someone mends the estate.
        stale: read-only although a member could be promoted, because it may lack acknowledged rows.
        failsafe_helps: whether Patroni's failsafe mode would have kept the shard writable.

    """

    name: str
    state: State
    where: str | None
    site: str | None
    moved: bool = False
    rto_s: Seconds | None = None
    stale: bool = False
    failsafe_helps: bool = False


@dataclass(frozen=True)
class Delay:
    """What takes longer than usual: a service or a shard, and by how much, milliseconds a round trip."""

    name: str
    added_ms: float


@dataclass(frozen=True)
class Outcome:
    """What comes of one loss, or of several together; the worst case where it depends on chance.

    Attributes:
        name: what is lost, as ``host:local-shard-0``; several are joined by `` + ``.
        quorum: whether some etcd member still reaches a majority of the votes.
        votes: the most votes that are together: a member's own and those that it reaches.
        votes_of: how many votes there are.
        leader: the etcd member whose lead makes the outcome what it is, where another one's would make it milder.
        shards: every shard, in the order of their numbers.
        lost_hosts: hosts that are gone themselves.
        cut_off_hosts: hosts that run and reach no other site any more.
        features_lost: services that have no host left, or that those who call them do not reach any more.
        out_of_reach: writable shards that the way of the users' requests does not lead to any more.
        entry: the host through which users come in; None when no entry is left.
        delays: what of the users' way takes longer.

    """

    name: str
    quorum: bool
    votes: int
    votes_of: int
    leader: str | None
    shards: tuple[ShardState, ...]
    lost_hosts: tuple[str, ...] = ()
    cut_off_hosts: tuple[str, ...] = ()
    features_lost: tuple[str, ...] = ()
    out_of_reach: tuple[str, ...] = ()
    entry: str | None = None
    entry_moved: bool = False
    delays: tuple[Delay, ...] = field(default=())

    @property
    def added_latency_ms(self) -> float:
        """The largest delay of one round trip on the users' way, milliseconds."""
        return max((delay.added_ms for delay in self.delays), default=0.0)

    @property
    def writable(self) -> bool:
        """Whether every shard takes writes somewhere."""
        return all(shard.state == "writable" for shard in self.shards)

    @property
    def rto_s(self) -> Seconds | None:
        """Shortest and longest time until every shard takes writes again, seconds; None when one of them does not."""
        ranges = [shard.rto_s for shard in self.shards]
        known = [each for each in ranges if each is not None]
        return None if len(known) < len(ranges) else (max((low for low, _ in known), default=0.0), max((high for _, high in known), default=0.0))
