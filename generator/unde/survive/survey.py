"""The whole answer to a loss: votes, shards, users put together, worst case first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

from ..model import Estate
from ..plan.timing import Timing
from . import losses
from .losses import Loss
from .outcome import Outcome, ShardState
from .shards import Parts, Shard, together
from .users import Seen, Users
from .votes import Votes
from .ways import NOWHERE, Ways

States = tuple[ShardState, ...]
_RANK = {"writable": 0, "read-only": 1, "lost": 2}


@dataclass(frozen=True)
class Survey:
    """What can be lost in an estate, and what comes of it. Partial answers are kept, so that many questions are cheap."""

    estate: Estate
    _alike: dict[Parts, tuple[list[States], list[States]]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def ways(self) -> Ways:
        """The ways between hosts."""
        return Ways(self.estate)

    @cached_property
    def votes(self) -> Votes:
        """The etcd cluster."""
        return Votes(self.ways)

    @cached_property
    def timing(self) -> Timing:
        """How long things take."""
        return Timing.of(self.estate)

    @cached_property
    def users(self) -> Users:
        """The users' way."""
        return Users(self.ways)

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """Every shard, its first primary before its replicas."""
        members: dict[int, list[str]] = {}
        for name, host in self.estate.hosts.items():
            if host.shard is not None:
                members.setdefault(host.shard, []).insert(0 if host.member == "primary" else len(members[host.shard]), name)
        scope = self.estate.layout.shards.scope
        return tuple(Shard(self.votes, self.timing, scope.format(n=number), tuple(names)) for number, names in members.items())

    @cached_property
    def losses(self) -> dict[str, Loss]:
        """Everything that can be lost, by name."""
        return losses.every(self.ways)

    def singles(self) -> Iterator[Outcome]:
        """Yield the outcome of each single loss."""
        for loss in self.losses.values():
            yield self.outcome((loss,))

    def pairs(self) -> Iterator[Outcome]:
        """Yield the outcome of each two losses together."""
        for pair in combinations(self.losses.values(), 2):
            yield self.outcome(pair)

    def outcome(self, lost: tuple[Loss, ...]) -> Outcome:
        """Return what comes of losses, whichever of them came first."""
        parts = tuple(loss.bits for loss in lost)
        bits = together(parts)
        leaders = self.votes.leaders(bits)
        found = [(states, self.users.seen(bits, states)) for states in self._by_leader(parts, len(leaders))]
        worst = max(range(len(found)), key=lambda number: _severity(*found[number])) if len(found) > 1 else 0
        states, seen = found[worst]
        return Outcome(
            name=" + ".join(loss.name for loss in lost),
            quorum=bool(leaders),
            votes=self.votes.together(bits),
            votes_of=len(self.votes.members),
            leader=leaders[worst] if len(found) > 1 else None,
            shards=states,
            lost_hosts=tuple(dict.fromkeys([host for loss in lost for host in loss.hosts])),
            cut_off_hosts=self._cut_off(bits),
            features_lost=seen.features_lost, out_of_reach=seen.out_of_reach,
            entry=seen.entry, entry_moved=seen.entry is not None and seen.entry != self.users.usual.entry, delays=seen.delays,
        )

    def _by_leader(self, parts: Parts, leaders: int) -> list[States]:
        """Return the states of all shards under each possible etcd leader; once where they are the same under all.

        What is no single shard's own meets all of them alike: those answers are kept for all shards together.
        """
        common = tuple(part & self._common for part in parts)
        if common not in self._alike:
            every = [shard.states(common) for shard in self.shards]
            self._alike[common] = (every, _columns(every, leaders))
        every, columns = self._alike[common]
        lost = together(parts)
        if not lost & self._single:
            return columns
        every = every.copy()
        for number, own in enumerate(self._own):
            if own & lost:
                every[number] = self.shards[number].states(parts)
        return _columns(every, leaders)

    @cached_property
    def _common(self) -> int:
        """The bits that more than one shard depends on."""
        once = more = 0
        for shard in self.shards:
            more |= once & shard.needs
            once |= shard.needs
        return more | self.votes.needs

    @cached_property
    def _own(self) -> list[int]:
        """The bits that each shard alone depends on."""
        return [shard.needs & ~self._common for shard in self.shards]

    @cached_property
    def _single(self) -> int:
        """The bits that one shard alone depends on, of all shards."""
        return together(tuple(self._own))

    @cached_property
    def _host_bits(self) -> list[tuple[str, int]]:
        return [(name, self.ways.host(name)) for name in self.estate.hosts]

    @cached_property
    def _outward(self) -> list[tuple[int, list[tuple[int, int]], list[tuple[str, int]]]]:
        """Hosts whose ways to other sites are the same, as (all that lies between, [(what lies between, the hosts behind)], [(host, its bit)])."""
        found: dict[tuple[tuple[int, int], ...], list[tuple[str, int]]] = {}
        for name, bit in self._host_bits:
            behind: dict[int, int] = {}
            for other, other_bit in self._host_bits:
                if self.estate.hosts[name].site != self.estate.hosts[other].site:
                    between = self.ways.between(name, other).needs & ~(bit | other_bit)
                    behind[between] = behind.get(between, 0) | other_bit
            found.setdefault(tuple(each for each in behind.items() if not each[0] & NOWHERE), []).append((name, bit))
        return [(together(tuple(between for between, _ in ways)), list(ways), hosts) for ways, hosts in found.items()]

    def _cut_off(self, lost: int) -> tuple[str, ...]:
        """Return the running hosts that reached a running host of another site before and reach none now."""
        result: list[str] = []
        for concerned, ways, hosts in self._outward:
            if concerned & lost and _severed(ways, lost):
                result += [name for name, bit in hosts if not bit & lost]
        return tuple(result)


def _columns(every: list[States], leaders: int) -> list[States]:
    """Return the states of each shard under each leader as those of all shards under each leader; once where all are the same."""
    if all(len(states) == 1 for states in every):
        return [tuple([states[0] for states in every])]
    return [tuple([states[number if len(states) > 1 else 0] for states in every]) for number in range(leaders)]


def _severed(ways: list[tuple[int, int]], lost: int) -> bool:
    """Return whether running hosts stand behind some of these ways, and none of those ways works."""
    severed = False
    for between, behind in ways:
        if behind & ~lost:
            if not between & lost:
                return False
            severed = True
    return severed


def _severity(states: States, seen: Seen) -> tuple[int, ...]:
    """Return how bad an outcome is, what matters most first."""
    return (
        sum(_RANK[state.state] for state in states), len(seen.out_of_reach), sum(state.moved for state in states), len(seen.features_lost),
    )
