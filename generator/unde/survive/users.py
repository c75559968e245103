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
from ..plan.flows import Connection, Flows
from .outcome import Delay, ShardState
from .ways import Ways

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


@dataclass(frozen=True)
class Users:
    """The users' way through an estate."""

    ways: Ways
    _walks: dict[tuple[str, int], Walk] = field(default_factory=dict, compare=False, repr=False)
    _missing: dict[int, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def estate(self) -> Estate:
        """The estate."""
        return self.ways.estate

    def seen(self, lost: int, shards: tuple[ShardState, ...]) -> Seen:
        """Return what people notice when shards are in these states."""
        walks = [self.walk(entry, lost) for entry in self.entries if not self.ways.host(entry) & lost]
        if not walks:
            return Seen(None, self._in_order({*self.usual.rtt_ms, *self._background_lost(lost)}), (), ())
        reach = {walk.entry: self._out_of_reach(walk, lost, shards) for walk in walks}
        best = min(walks, key=lambda walk: (len(reach[walk.entry]), -len(walk.rtt_ms)))
        gone = {service for service in self.usual.rtt_ms if service not in best.rtt_ms and self._is_missed(service, best, lost)}
        delays = [Delay(name, added) for name, added in self._delays(best, shards) if added > 0]
        return Seen(best.entry, self._in_order(gone | self._background_lost(lost)), reach[best.entry], tuple(delays))

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
        best: tuple[float, str] | None = None
        for target in targets:
            way = self.ways.between(here, target)
            if way is not None and not way.needs & lost and (best is None or way.rtt_ms < best[0]):
                best = (way.rtt_ms, target)
        return best

    def _delays(self, walk: Walk, shards: tuple[ShardState, ...]) -> Iterable[tuple[str, float]]:
        """Yield what takes how much longer than usual: the users' own way, the services', the queries' to each shard."""
        yield "users", self._to_users(walk.entry) - self._to_users(self.usual.entry)
        for service, rtt_ms in walk.rtt_ms.items():
            yield service, rtt_ms - self.usual.rtt_ms.get(service, rtt_ms)
        for shard in shards:
            if shard.state == "writable" and shard.where:
                yield shard.name, self._query_ms(walk, shard.where) - self._query_ms(self.usual, self._first_member[shard.name])

    def _to_users(self, entry: str) -> float:
        """Return the round-trip time from an entry to the site that users are near to: the usual entry's."""
        here, there = self.estate.hosts[entry].site, self.estate.hosts[self.usual.entry].site
        return 0.0 if here == there else next(
            (link.rtt_ms for link in self.estate.layout.links.values() if set(link.between) == {here, there}), 0.0
        )

    def _query_ms(self, walk: Walk, member: str) -> float:
        """Return the longest round trip of a query to a shard's member."""
        ways = [self.ways.between(asker, member) for asker in walk.askers]
        return max((way.rtt_ms for way in ways if way), default=0.0)

    def _out_of_reach(self, walk: Walk, lost: int, shards: tuple[ShardState, ...]) -> tuple[str, ...]:
        """Return the writable shards that not all who ask on the way can reach."""
        works, askers = self.ways.works, walk.askers
        if not self._askers:
            return ()
        return tuple(
            shard.name for shard in shards
            if shard.state == "writable" and shard.where and not (askers and all(works(asker, shard.where, lost) for asker in askers))
        )

    def _is_missed(self, service: str, walk: Walk, lost: int) -> bool:
        """Return whether a service that is not on a way is missed there: it has no host left, or what usually calls it is on the way."""
        return all(self.ways.host(host) & lost for host in self._hosts_of[service]) or bool(self._usual_callers[service] & walk.rtt_ms.keys())

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

    def _background_lost(self, lost: int) -> frozenset[str]:
        """Return the services off the users' way that have no host left, or none that a caller reaches."""
        key = lost & self._background_needs
        if key not in self._missing:
            self._missing[key] = frozenset(
                service for service, options in self._background.items() if all(needs & lost for needs in options)
            )
        return self._missing[key]

    def _in_order(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return services in the order of the layout."""
        wanted = set(services)
        return tuple(service for service in self.estate.layout.services if service in wanted)

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
            if connection.outside_callers and connection.targets and {host.name for host in connection.targets} <= set(self.entries)
        )

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
    def _first_member(self) -> dict[str, str]:
        """Shard → its usual primary."""
        scope = self.estate.layout.shards.scope
        return {scope.format(n=host.shard): name for name, host in self.estate.hosts.items() if host.member == "primary"}

    @cached_property
    def _needs(self) -> int:
        """The bits of everything that a walk from any entry may depend on."""
        needs, passed, waiting = 0, set(self.entries), list(self.entries)
        while waiting:
            here = waiting.pop()
            needs |= self.ways.host(here)
            for targets in self._calls[here].values():
                for target in targets:
                    way = self.ways.between(here, target)
                    if way is not None:
                        needs |= way.needs
                        if target not in passed:
                            passed.add(target)
                            waiting.append(target)
        return needs

    @cached_property
    def _background(self) -> dict[str, tuple[int, ...]]:
        """Service off the users' way → the sets of bits of which one must work: a host that people open, or a way of a caller to a host.

        Services without a port of their own (tunnels), and exporters, that only monitoring reads, are no features.
        """
        monitoring = {host.name for host in self.estate.by_role["prometheus"]}
        options: dict[str, list[int]] = {}
        called: dict[str, list[Connection]] = {}
        for connection in self._connections:
            called.setdefault(connection.service, []).append(connection)
        for name, service in self.estate.layout.services.items():
            callers = {caller.name for each in called.get(name, []) for caller in each.callers}
            outside = any(each.outside_callers for each in called.get(name, []))
            read_only_by_monitoring = service.metrics and callers <= monitoring and not outside
            if service.external or not service.ports or name in INTERNAL or name in self.usual.rtt_ms or read_only_by_monitoring:
                continue
            hosts = [host.name for host in select.hosts(self.estate, service.hosts)]
            if not callers or outside:
                options[name] = [self.ways.host(host) for host in hosts]
            else:
                found = (self.ways.between(caller, host) for caller in callers for host in hosts)
                options[name] = [way.needs for way in found if way]
        return {name: tuple(dict.fromkeys(needs)) for name, needs in options.items()}

    @cached_property
    def _background_needs(self) -> int:
        needs = 0
        for options in self._background.values():
            for option in options:
                needs |= option
        return needs
