"""Patroni: which member of a shard takes writes, seen from each etcd leader that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..plan.timing import Timing
from .outcome import ShardState
from .votes import Votes
from .ways import NOWHERE, Ways

#: What is lost, each of several losses by itself.
Parts = tuple[int, ...]


def together(parts: Parts) -> int:
    """Return the bits of all losses."""
    lost = 0
    for part in parts:
        lost |= part
    return lost


@dataclass(frozen=True)
class Shard:
    """One shard of an estate.

    A member keeps or takes the writes when it reaches an etcd member that is served; the usual primary goes first, for it
    holds the lease. A member that may lack acknowledged rows is not promoted (``maximum_lag_on_failover``), and of
    several losses any may have come first: if one alone lets the holder write on while another member cannot
    follow, that other member is stale when the rest is lost too.
    """

    votes: Votes
    timing: Timing
    name: str
    members: tuple[str, ...]
    _known: dict[Parts, tuple[ShardState, ...]] = field(default_factory=dict, compare=False, repr=False)
    _behind: dict[tuple[int, str], frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def ways(self) -> Ways:
        """The ways of the estate."""
        return self.votes.ways

    @cached_property
    def needs(self) -> int:
        """The bits of everything that the shard's state depends on."""
        needs = self.votes.needs
        for member in self.members:
            for other in (*self.members, *self.votes.members):
                needs |= self.ways.between(member, other).needs
        return needs

    def states(self, parts: Parts) -> tuple[ShardState, ...]:
        """Return the state under each possible etcd leader, in their order; only one where it is the same under all."""
        seen = tuple(sorted({part & self.needs for part in parts} - {0}))
        known = self._known.get(seen)
        if known is None:
            leaders: Sequence[str | None] = self.votes.leaders(together(seen)) or (None,)
            states = tuple(self._state(seen, leader) for leader in leaders)
            known = self._known[seen] = states[:1] if len(set(states)) == 1 else states
        return known

    def _state(self, parts: Parts, leader: str | None) -> ShardState:
        """Return the state under one etcd leader; None: there is no quorum."""
        lost = together(parts)
        alive = [member for member in self.members if not self.ways.host(member) & lost]
        if not alive:
            return ShardState(self.name, "lost", None, None)
        able = [member for member in alive if leader and self._may_hold(member, leader, lost)]
        stale = self._stale(parts, leader)
        fresh = [member for member in able if member not in stale]
        site = {member: self.ways.estate.hosts[member].site for member in alive}
        if not fresh:
            # A stale member may be read, but who needs the truth asks one that is not.
            first = next((member for member in alive if member not in stale), alive[0])
            return ShardState(self.name, "read-only", first, site[first], stale=bool(able), failsafe_helps=self._failsafe_helps(lost))
        holder, moved = fresh[0], fresh[0] != self.members[0]
        election = self.votes.leaders(0) != self.votes.leaders(lost)
        duration = (self.timing.failover_s if moved else self.timing.pause_s)(election)
        return ShardState(self.name, "writable", holder, site[holder], moved, duration)

    def _may_hold(self, member: str, leader: str, lost: int) -> bool:
        """Return whether a member reaches an etcd member that is served."""
        served = self.votes.served(leader, lost)
        return any(vote in served for vote, needs in self._to_votes[member] if not needs & (lost | NOWHERE))

    @cached_property
    def _to_votes(self) -> dict[str, list[tuple[str, int]]]:
        """Member → each etcd member with what the way to it needs."""
        return {member: [(vote, self.ways.between(member, vote).needs) for vote in self.votes.members] for member in self.members}

    def _stale(self, parts: Parts, leader: str | None) -> frozenset[str]:
        """Return the members that may lack acknowledged rows, whichever loss came first and whoever led etcd then.

        The leader of the end led from the beginning, or one that can lead no more did.
        """
        if len(parts) < 2:
            return frozenset()
        possible = self.votes.leaders(together(parts))
        return frozenset().union(*(
            self._left_behind(first, former)
            for first in parts for former in self.votes.leaders(first) if former == leader or former not in possible
        ))

    def _left_behind(self, lost: int, leader: str) -> frozenset[str]:
        """Return the members that do not follow the one that takes writes under a leader."""
        key = (lost, leader)
        if key not in self._behind:
            holder = next((one for one in self.members if self._may_hold(one, leader, lost)), None)
            self._behind[key] = frozenset(
                member for member in self.members if holder and member != holder and not self.ways.works(holder, member, lost)
            )
        return self._behind[key]

    def _failsafe_helps(self, lost: int) -> bool:
        """Return whether all members run and reach the primary: failsafe mode asks each of them (measured: one that is silent is enough)."""
        return all(self.ways.works(self.members[0], member, lost) for member in self.members)
