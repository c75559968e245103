"""The gates: what must be true when a day ends, in words, and which hosts are asked.

A gate belongs to the day on which its role is applied to the host; one that asks a cluster as a whole, to the day on which its last member is there.
How a gate is measured is a function of its name in ``plugins/module_utils/gates/``; what that is told, ``playbooks/gates/tasks/measure.yml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..model import Estate, HostView, select
from . import rollout
from .flows import Flows


@dataclass(frozen=True)
class Gate:
    """One gate of one day.

    Attributes:
        name: of the function that measures it.
        says: what is true where it is green.
        hosts: who is asked: hosts that the role may act on.

    """

    name: str
    day: int
    says: str
    hosts: tuple[str, ...]


#: Gates that ask each host by itself: (name, role, what is true there; ``{hosts}``, ``{sites}`` and ``{services}`` are filled in).
OF_ROLES = (
    ("base", "base", "every host of {sites} answers and filters"),
    ("object_storage", "object_storage", "every bucket is there, and every key works where it may and nowhere else"),
    ("forwarding", "mikrotik_chr", "the gateway forwards what its rules name"),
    ("forwarding", "gateway", "the gateway forwards what its rules name"),
    ("monitoring", "prometheus", "Prometheus on {hosts} is ready and knows whom to tell"),
    ("databases", "core_database", "{hosts} answers, and has a backup"),
    ("services", "app_service", "{services}: every service of ours is well"),
    ("entry", "nginx_gateway", "the entry on {hosts} answers by TLS"),
    ("posthog", "posthog", "the gate in front of PostHog answers, and refuses what is not named"),
    ("tunnels", "wireguard_peer", "every tunnel carries packets"),
    ("redis", "redis", "every Redis answers, and to nobody without a password"),
    ("primaries", "postgres_shard", "every shard has one writable member"),
    ("backups", "pgbackrest", "every shard has a backup that is whole"),
    ("routing", "routing", "each site's Redis is told who leads every shard"),
)
#: Gates that ask a shard, or a cluster, as a whole.
OF_SHARDS = (
    ("replication", "postgres_shard", "a shard's other members stream from the writable one"),
    ("master_key", "postgres_shard", "every member of a shard has the key of user knowledge"),
    ("failover", "patroni", "Patroni has one leader for each shard, and the others follow it"),
)
OF_CLUSTERS = (
    ("votes", "etcd", "every vote of etcd is healthy"),
    ("watch", "prometheus", "each Prometheus hears from the others that they can tell"),
)
#: Gates of a day that the layout names.
STATED = {
    "pipeline": "every service reaches all that it calls",
    "drills": "the loss of a primary was measured and cost nothing that was acknowledged",
}
#: Asked only of members that begin as primary: the repository, and who is writable, are one for the shard.
PRIMARIES = frozenset({"primaries", "backups"})


def every(estate: Estate) -> list[Gate]:
    """Return every gate, day by day; those of one day in the order in which they are measured."""
    applied = rollout.applied(estate)
    found = [*_of_roles(estate, applied), *_of_shards(estate, applied), *_of_clusters(applied), *_stated(estate)]
    return sorted(found, key=lambda gate: gate.day)


def _of_roles(estate: Estate, applied: dict[str, rollout.Applied]) -> Iterator[Gate]:
    """Yield the gates that ask each host by itself."""
    for name, role, says in OF_ROLES:
        # A tunnel's gate waits for the host's last tunnel.
        day_of = max if name == "tunnels" else min
        hosts = [host for host in estate.hosts.values() if role in applied[host.name] and _asked(name, host)]
        for day, there in _by_day((day_of(applied[host.name][role]), host) for host in hosts):
            yield Gate(name, day, says.format(**_words(estate, there)), tuple(host.name for host in there))


def _asked(name: str, host: HostView) -> bool:
    """Return whether a host with the gate's role is asked."""
    if name in PRIMARIES:
        return host.member == "primary"
    # A server that is itself the router has nothing of ours that could be asked.
    return name != "forwarding" or "base" in host.roles


def _of_shards(estate: Estate, applied: dict[str, rollout.Applied]) -> Iterator[Gate]:
    """Yield the gates that ask a shard as a whole, on the day on which its last member is there."""
    for name, role, says in OF_SHARDS:
        shards = [[member for member in shard if role in applied[member.name]] for shard in estate.shards.values()]
        placed = [(max(applied[member.name][role][-1] for member in members), member) for members in shards for member in members]
        for day, there in _by_day(placed):
            yield Gate(name, day, says, tuple(member.name for member in there))


def _of_clusters(applied: dict[str, rollout.Applied]) -> Iterator[Gate]:
    """Yield the gates that ask a cluster as a whole, on the day on which its last member is there."""
    for name, role, says in OF_CLUSTERS:
        members = [host for host, roles in applied.items() if role in roles]
        if members:
            yield Gate(name, max(applied[host][role][-1] for host in members), says, tuple(members))


def _stated(estate: Estate) -> Iterator[Gate]:
    """Yield the gates that the layout's days name."""
    for number, day in estate.layout.rollout.days.items():
        for name in day.gates:
            hosts = _pipeline(estate, number) if name == "pipeline" else [host for host in estate.hosts.values() if host.may("patroni")]
            yield Gate(name, number, STATED[name], tuple(host.name for host in hosts))


def _pipeline(estate: Estate, day: int) -> list[HostView]:
    """Return the hosts whose services are there by a day, with everything that they call."""
    waiting = {
        caller.name for connection in Flows(estate).connections for caller in connection.callers
        if any((target.kind.day or 1) > day for target in connection.targets)
    }  # fmt: skip
    return [host for host in estate.hosts.values() if host.may("app_service") and (host.kind.day or 1) <= day and host.name not in waiting]


def _by_day(placed: Iterable[tuple[int, HostView]]) -> list[tuple[int, list[HostView]]]:
    """Return each day with its hosts."""
    found: dict[int, list[HostView]] = {}
    for day, host in placed:
        found.setdefault(day, []).append(host)
    return sorted(found.items())


def _words(estate: Estate, hosts: list[HostView]) -> dict[str, str]:
    """Return what a gate's text may name of its hosts."""
    names = {host.name for host in hosts}
    services = [
        name for name, service in estate.layout.services.items()
        if service.app and names & {host.name for host in select.hosts(estate, service.hosts)}
    ]  # fmt: skip
    return {
        "hosts": _list(host.name for host in hosts), "sites": _list(dict.fromkeys(host.site for host in hosts)), "services": _list(services),
    }


def _list(words: Iterable[str]) -> str:
    """Return words as a sentence lists them."""
    *others, last = list(words) or [""]
    return f"{', '.join(others)} and {last}" if others else last
