"""etcd: who may lead, and whom a leader serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from .ways import Ways


@dataclass(frozen=True)
class Votes:
    """The members of the etcd cluster.

    A member may lead when it reaches a majority of all members itself, its own vote included; a member is served when
    it reaches the leader, for requests are passed on to the leader and nowhere else (raft.github.io, sections 5 and 8).
    A leader that keeps its majority stays, even where another member does not hear it: the others refuse the
    vote of one that does not (pre-vote, etcd-io/etcd ``raft``). So where reachability is not the same for all, what
    happens depends on who leads.
    """

    ways: Ways
    _leaders: dict[int, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    _together: dict[int, int] = field(default_factory=dict, compare=False, repr=False)
    _served: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Names of the hosts that vote."""
        return tuple(host.name for host in self.ways.estate.by_role["etcd"])

    @cached_property
    def majority(self) -> int:
        """How many votes decide."""
        return len(self.members) // 2 + 1

    @cached_property
    def needs(self) -> int:
        """The bits of everything that the votes depend on."""
        needs = 0
        for one in self.members:
            for other in self.members:
                needs |= self.ways.between(one, other).needs
        return needs

    def served(self, leader: str, lost: int) -> tuple[str, ...]:
        """Return the members that a leader reaches, itself included; none when it is lost itself."""
        key = (leader, lost & self.needs)
        if key not in self._served:
            self._served[key] = tuple(member for member in self.members if self.ways.works(leader, member, lost))
        return self._served[key]

    def leaders(self, lost: int) -> tuple[str, ...]:
        """Return the members that may lead; none means that there is no quorum."""
        key = lost & self.needs
        if key not in self._leaders:
            self._leaders[key] = tuple(member for member in self.members if len(self.served(member, key)) >= self.majority)
        return self._leaders[key]

    def together(self, lost: int) -> int:
        """Return the most members that one of them reaches, itself included."""
        key = lost & self.needs
        if key not in self._together:
            self._together[key] = max((len(self.served(member, key)) for member in self.members), default=0)
        return self._together[key]
