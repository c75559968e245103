"""What people notice: the way of a user's request through the services, and which services nobody reaches any more.

The way begins at an entry (a host with the role ``nginx_gateway``). Each host on it calls what the flows let it call, at
the nearest host that can be reached; a service whose warm standby stands on the same host is called there. When an
entry leads to less than another one, users are sent to the other: to as many writable shards as possible, then to as
many services. Services of others (``external``) are taken to work, and the internet to reach every host that runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..model import Estate, select
from ..plan import balancers
from ..plan.flows import Connection, Flows
from .outcome import Delay, ShardState
from .ways import NOWHERE, Way, Ways

#: Where users' data is asked for; every other port of the shards and of etcd is the clusters' own affair.
SHARD_SQL = "shard-sql"
INTERNAL = frozenset(["shard-replication", "patroni", "etcd-client", "etcd-peer", SHARD_SQL])


@dataclass(frozen=True)
class Walk:
    """How users' requests go from one entry.

    Attributes:
        entry: where they come in.
        rtt_ms: service → the longest round trip of a call to it.
        callers: service → hosts on the way that call it.
        askers: hosts on the way that ask the shards.

    """

    entry: str
    rtt_ms: Mapping[str, float]
    callers: Mapping[str, list[str]]
    askers: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What people notice of a loss (see the fields of the same names in ``Outcome``)."""

    entry: str | None
    features_lost: tuple[str, ...]
    out_of_reach: tuple[str, ...]
    delays: tuple[Delay, ...]


def _joined(ways: list[Way]) -> Way:
    """Return several ways as one that needs all of them."""
    needs = 0
    for way in ways:
        needs |= way.needs
    return Way(needs, max((way.rtt_ms for way in ways), default=0.0))


@dataclass(frozen=True)
class Users:
    """The users' way through an estate."""

    ways: Ways
    _walks: dict[tuple[str, int], Walk] = field(default_factory=dict, compare=False, repr=False)
    _features: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    _query_ways: dict[tuple[str, ...], dict[str, Way]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def estate(self) -> Estate:
        """The estate."""
        return self.ways.estate

    def seen(self, lost: int, shards: tuple[ShardState, ...]) -> Seen:
        """Return what people notice when shards are in these states."""
        best: tuple[tuple[int, int], Walk, tuple[str, ...]] | None = None
        for entry in self.entries:
            if not (self.ways.host(entry) | self._doors.get(entry, 0)) & lost:
                walk = self.walk(entry, lost)
                missed = self._out_of_reach(walk, lost, shards)
                rank = (len(missed), -len(walk.rtt_ms))
                if best is None or rank < best[0]:
                    best = (rank, walk, missed)
                if not missed and len(walk.rtt_ms) >= len(self.usual.rtt_ms):
                    break  # no other entry leads to more
        if best is None:
            return Seen(None, self._features_lost(Walk("", {}, {}, ()), lost), (), ())
        _, walk, missed = best
        return Seen(walk.entry, self._features_lost(walk, lost), missed, tuple(self._delays(walk, shards)))

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """Hosts through which users come in; where the layout has no such role, the first host that asks the shards."""
        typed = tuple(host.name for host in self.estate.by_role["nginx_gateway"])
        askers = [caller.name for each in self._connections if each.service == SHARD_SQL for caller in each.callers]
        return typed or tuple(askers[:1])

    @cached_property
    def usual(self) -> Walk:
        """How requests go when nothing is lost."""
        walks = [self.walk(entry, 0) for entry in self.entries]
        return max(walks, key=lambda walk: len(walk.rtt_ms), default=Walk("", {}, {}, ()))

    def walk(self, entry: str, lost: int) -> Walk:
        """Return how requests go from an entry."""
        key = (entry, lost & self._needs)
        if key not in self._walks:
            self._walks[key] = self._walk(entry, lost)
        return self._walks[key]

    def _walk(self, entry: str, lost: int) -> Walk:
        rtt_ms: dict[str, float] = {service: 0.0 for service in self._entry_services if entry in self._hosts_of[service]}
        callers: dict[str, list[str]] = {}
        passed, waiting = {entry}, [entry]
        while waiting:
            here = waiting.pop()
            for service in self._standbys.get(here, ()):
                rtt_ms.setdefault(service, 0.0)
            for service, targets in self._calls[here].items():
                near = self._nearest(here, targets, lost)
                if near is not None:
                    rtt_ms[service] = max(rtt_ms.get(service, 0.0), near[0])
                    callers.setdefault(service, []).append(here)
                    if near[1] not in passed:
                        passed.add(near[1])
                        waiting.append(near[1])
        return Walk(entry, rtt_ms, callers, tuple(sorted(passed & self._askers)))

    def _nearest(self, here: str, targets: Iterable[str], lost: int) -> tuple[float, str] | None:
        """Return the nearest of several hosts that can be reached, with its round-trip time; the first of several as near."""
        found = [(self.ways.between(here, target).rtt_ms, target) for target in targets if self.ways.works(here, target, lost)]
        return min(found, key=lambda each: each[0], default=None)

    def _delays(self, walk: Walk, shards: tuple[ShardState, ...]) -> list[Delay]:
        """Return what takes how much longer than usual: the users' own way, the services', the queries' to each shard."""
        usual = self.usual
        added = {"users": self._to_users(walk.entry)} if walk.entry != usual.entry else {}
        if walk is not usual:
            added |= {service: rtt_ms - usual.rtt_ms.get(service, rtt_ms) for service, rtt_ms in walk.rtt_ms.items()}
        queries, same_way = self._queries(walk.askers), walk.askers == usual.askers
        for shard in shards:
            if shard.state == "writable" and not (same_way and not shard.moved):
                added[shard.name] = queries[shard.where or ""].rtt_ms - self._usual_query_ms[shard.name]
        return [Delay(name, more) for name, more in added.items() if more > 0]

    def _to_users(self, entry: str) -> float:
        """Return the round-trip time from an entry to the site that users are near to: the usual entry's."""
        sites = {self.estate.hosts[entry].site, self.estate.hosts[self.usual.entry].site}
        return next((link.rtt_ms for link in self.estate.layout.links.values() if set(link.between) == sites), 0.0)

    def _queries(self, askers: tuple[str, ...]) -> dict[str, Way]:
        """Return, for every shard member, what all who ask need to reach it, and their longest round trip."""
        if askers not in self._query_ways:
            self._query_ways[askers] = {
                name: _joined([self.ways.between(asker, name) for asker in askers])
                for name, host in self.estate.hosts.items() if host.shard is not None
            }
        return self._query_ways[askers]

    @cached_property
    def _usual_query_ms(self) -> dict[str, float]:
        """Shard → the longest usual round trip of a query."""
        queries, scope = self._queries(self.usual.askers), self.estate.layout.shards.scope
        return {scope.format(n=host.shard): queries[name].rtt_ms for name, host in self.estate.hosts.items() if host.member == "primary"}

    def _out_of_reach(self, walk: Walk, lost: int, shards: tuple[ShardState, ...]) -> tuple[str, ...]:
        """Return the writable shards that not all who ask on the way can reach."""
        if not walk.askers:
            return tuple(shard.name for shard in shards if shard.state == "writable" and self._askers)
        queries, gone = self._queries(walk.askers), lost | NOWHERE
        return tuple([shard.name for shard in shards if shard.state == "writable" and queries[shard.where or ""].needs & gone])

    def _is_missed(self, service: str, walk: Walk, lost: int) -> bool:
        """Return whether a service that is not on a way is missed there: it has no host left, or what usually calls it is on the way, or there is no way."""
        callers = self._usual_callers[service]
        return all(self.ways.host(host) & lost for host in self._hosts_of[service]) or not walk.entry or bool(callers & walk.rtt_ms.keys())

    @cached_property
    def _usual_callers(self) -> dict[str, frozenset[str]]:
        """Service on the usual way → the services there that call it."""
        offered: dict[str, set[str]] = {}
        for service in self.usual.rtt_ms:
            for host in self._hosts_of[service]:
                offered.setdefault(host, set()).add(service)
        return {
            service: frozenset(caller for host in self.usual.callers.get(service, ()) for caller in offered.get(host, ()))
            for service in self.usual.rtt_ms
        }

    def _features_lost(self, walk: Walk, lost: int) -> tuple[str, ...]:
        """Return the services and jobs that are missed on a way, or lost off it, in the order of the layout."""
        key = (walk.entry, lost & self._features_need)
        if key not in self._features:
            gone = {name for name, options in self._background.items() if all(needs & lost for needs in options)}
            gone |= {name for name in self.usual.rtt_ms if name not in walk.rtt_ms and self._is_missed(name, walk, lost)}
            named = dict.fromkeys((*self.estate.layout.services, *self.estate.layout.flows))
            self._features[key] = tuple(name for name in named if name in gone)
        return self._features[key]

    @cached_property
    def _connections(self) -> list[Connection]:
        return Flows(self.estate).connections

    @cached_property
    def _hosts_of(self) -> dict[str, tuple[str, ...]]:
        """Service of ours → its hosts."""
        found: dict[str, tuple[str, ...]] = {}
        for connection in self._connections:
            if connection.targets:
                found[connection.service] = tuple(dict.fromkeys((*found.get(connection.service, ()), *(host.name for host in connection.targets))))
        return found

    @cached_property
    def _entry_services(self) -> tuple[str, ...]:
        """Services that people outside open and that stand on entries alone."""
        return tuple(
            connection.service for connection in self._connections
            if connection.outside_callers and connection.targets and {host.name for host in connection.targets} <= {*self.entries, *self._balancers}
        )

    @cached_property
    def _balancers(self) -> frozenset[str]:
        """Hosts with a balancer of users."""
        return frozenset(host.name for service in self.estate.layout.services.values() if (host := balancers.of(self.estate, service)))

    @cached_property
    def _doors(self) -> dict[str, int]:
        """Entry behind a balancer → the bits of the balancer."""
        return {
            entry.name: self.ways.host(host.name)
            for service in self.estate.layout.services.values() if (host := balancers.of(self.estate, service))
            for entry in balancers.behind(self.estate, service)
        }

    @cached_property
    def _calls(self) -> dict[str, dict[str, list[str]]]:
        """Host → service → hosts that it may be called on."""
        calls: dict[str, dict[str, list[str]]] = {name: {} for name in self.estate.hosts}
        for connection in self._connections:
            if connection.targets and connection.ports and connection.service not in INTERNAL:
                for caller in connection.callers:
                    calls[caller.name].setdefault(connection.service, []).extend(host.name for host in connection.targets)
        return calls

    @cached_property
    def _standbys(self) -> dict[str, list[str]]:
        """Host → services whose warm standby it is."""
        found: dict[str, list[str]] = {}
        for name, hosts in self._hosts_of.items():
            for host in hosts:
                if self.estate.hosts[host].site == self.estate.layout.services[name].standby:
                    found.setdefault(host, []).append(name)
        return found

    @cached_property
    def _askers(self) -> frozenset[str]:
        """Hosts that ask the shards."""
        return frozenset(caller.name for each in self._connections if each.service == SHARD_SQL for caller in each.callers)

    @cached_property
    def _needs(self) -> int:
        """The bits of everything that a walk from any entry may depend on."""
        needs, passed, waiting = 0, set(self.entries), list(self.entries)
        while waiting:
            here = waiting.pop()
            needs |= self.ways.host(here)
            for targets in self._calls[here].values():
                for target in targets:
                    needs |= self.ways.between(here, target).needs
                    if target not in passed:
                        passed.add(target)
                        waiting.append(target)
        return needs

    @cached_property
    def _background(self) -> dict[str, tuple[int, ...]]:
        """Service off the users' way, or job → the sets of bits of which one must work.

        A service needs a host, and a caller that reaches it where hosts of ours call it (Prometheus, that reads its metrics,
        does not count). A service without a port is a tunnel, and no feature. A job is a flow that only hosts without
        a service have: it needs one of them that reaches every service it is made of.
        """
        monitoring = {host.name for host in self.estate.by_role["prometheus"]}
        options: dict[str, list[int]] = {}
        for name, service in self.estate.layout.services.items():
            if service.external or not service.ports or name in INTERNAL or name in self.usual.rtt_ms:
                continue
            hosts = [host.name for host in select.hosts(self.estate, service.hosts)]
            uses = [each for each in self._connections if each.service == name]
            callers = {caller.name for each in uses for caller in each.callers} - monitoring
            if not callers or any(each.outside_callers for each in uses):
                options[name] = [self.ways.host(host) for host in hosts]
            else:
                options[name] = [self.ways.between(caller, host).needs for caller in sorted(callers) for host in hosts]
        return {name: tuple(needs for needs in dict.fromkeys(sets) if not needs & NOWHERE) for name, sets in (options | self._jobs(options)).items()}

    def _jobs(self, background: Iterable[str]) -> dict[str, list[int]]:
        """Return what each job needs: one set of bits for each host that does it."""
        everywhere = len(self.estate.hosts)
        serving = {
            host for name in (*self.usual.rtt_ms, *background, *INTERNAL)
            if (hosts := self._hosts_of.get(name, ())) and len(hosts) < everywhere for host in hosts
        }
        jobs: dict[str, list[int]] = {}
        for name, flow in self.estate.layout.flows.items():
            callers = [host.name for host in select.hosts(self.estate, flow.callers)]
            if callers and not serving & set(callers):
                needed = [host for service in flow.to for host in self._hosts_of.get(service, ())[:1]]
                jobs[name] = [_joined([self.ways.between(caller, host) for host in (caller, *needed)]).needs for caller in callers]
        return jobs

    @cached_property
    def _features_need(self) -> int:
        """The bits of everything that services and jobs depend on."""
        needs = self._needs
        for name in self.usual.rtt_ms:
            for host in self._hosts_of[name]:
                needs |= self.ways.host(host)
        for options in self._background.values():
            for option in options:
                needs |= option
        return needs
