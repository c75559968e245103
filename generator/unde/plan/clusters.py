"""Clusters: who is a member, and the timing that follows from the links."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from ..model import Estate, HostView
from . import sentinels

#: etcd's own defaults, meant for members in one place (etcd.io, "Tuning": heartbeat 100 ms, election 1000 ms).
ETCD_DEFAULT_HEARTBEAT_MS, ETCD_DEFAULT_ELECTION_MS = 100, 1000


@dataclass(frozen=True)
class Cluster:
    """A cluster and its members, in the order of the layout.

    Attributes:
        kind: ``etcd``, ``patroni`` or ``redis``.
        settings: the values that follow from the layout, with units in their names.

    """

    name: str
    kind: str
    members: tuple[HostView, ...]
    settings: dict[str, object]


def rtt_between(estate: Estate, members: tuple[HostView, ...]) -> float:
    """Return the largest round-trip time between two members, milliseconds."""
    sites = sorted({member.site for member in members})
    return max((estate.rtt_ms(one, other) for one, other in combinations(sites, 2)), default=0.0)


def etcd(estate: Estate) -> Cluster:
    """Return the etcd cluster.

    Heartbeat and election timeout are multiples of the largest RTT between members, 0.5 to 1.5 and at least 10 by
    etcd's advice (etcd.io, "Tuning"); never less than etcd's defaults.
    """
    wanted, members = estate.layout.clusters.etcd, estate.by_role["etcd"]
    rtt = rtt_between(estate, members)
    return Cluster(
        wanted.token, "etcd", members,
        {
            "rtt_ms": rtt,
            "heartbeat_ms": max(ETCD_DEFAULT_HEARTBEAT_MS, round(rtt * wanted.heartbeat_per_rtt)),
            "election_ms": max(ETCD_DEFAULT_ELECTION_MS, round(rtt * wanted.election_per_rtt)),
        },
    )


def scope(estate: Estate, shard: int) -> Cluster:
    """Return the Patroni cluster of a shard."""
    members = estate.shards.get(shard, ())
    timing = estate.layout.clusters.patroni
    return Cluster(
        estate.layout.shards.scope.format(n=shard), "patroni", members,
        {
            "stanza": estate.layout.shards.stanza.format(n=shard),
            "rtt_ms": rtt_between(estate, members),
            "ttl_s": timing.ttl, "loop_wait_s": timing.loop_wait, "retry_timeout_s": timing.retry_timeout,
        },
    )


def redis(estate: Estate) -> list[Cluster]:
    """Return the Redis instances, each with its memory in MB: a copy holds what its master holds, so that the smallest host bounds them all."""
    found = []
    for name, instance in estate.layout.clusters.redis.items():
        members = sentinels.copies(estate, name)
        smallest = min(member.kind.ram_gb for member in members)
        settings: dict[str, object] = {
            "port": instance.port, "policy": instance.policy, "persistence": instance.persistence,
            "maxmemory_mb": int(smallest * 1024 * instance.memory_share),
        }
        found.append(Cluster(name, "redis", members, settings))
    return found


def every(estate: Estate) -> list[Cluster]:
    """Return all clusters."""
    return [etcd(estate), *(scope(estate, number) for number in range(estate.layout.shards.count)), *redis(estate)]


def etcd_endpoints(estate: Estate, host: HostView) -> list[str]:
    """Return the etcd client endpoints for a host, nearest first: its own site's, then by RTT, then by name."""
    members = sorted(estate.by_role["etcd"], key=lambda member: (estate.rtt_ms(host.site, member.site), member.name))
    return [f"{member.address}:{estate.port('etcd-client')}" for member in members]
