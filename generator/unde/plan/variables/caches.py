"""What the hosts of Redis are told, and who votes on its master."""

from __future__ import annotations

from ...model import Estate, HostView
from ...model.schema import KeyFamily
from .. import clusters, sentinels
from ..flows import Flows
from .common import Own, Shared, Variables, members


def _redis_family(name: str, family: KeyFamily) -> Variables:
    """Return a key family as the role wants it: what is not given is left out."""
    values = family.model_dump(exclude={"purpose"}, exclude_none=True)
    return {"name": name, "access": "frame" if family.ttl_s else "cache"} | {
        key: value for key, value in values.items() if value or key == "prefix"
    }


def _redis_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    wanted = estate.layout.clusters.redis
    return {
        "redis_instances": [
            {
                "name": cluster.name,
                "address": str(host.address),
                "port": cluster.settings["port"],
                "maxmemory_mb": cluster.settings["maxmemory_mb"],
                "policy": cluster.settings["policy"],
                "persistence": cluster.settings["persistence"],
                "families": [
                    _redis_family(name, family) for name, family in wanted[cluster.name].families.items()
                ],
                "clients": members(flows.callers_of(host.name, wanted[cluster.name].port)),
            }
            | _replication(estate, cluster)
            for cluster in clusters.redis(estate)
            if host in cluster.members
        ]
    }


def _replication(estate: Estate, cluster: clusters.Cluster) -> Variables:
    """Return what an instance with copies is told besides: who is the master at first, and whom to ask who it is now."""
    if not sentinels.watched(estate, cluster.name):
        return {}
    return {
        "replication": {
            "master": str(cluster.members[0].address),
            "sentinels": sentinels.places(estate),
            "least_replicas": sentinels.least_replicas(estate, cluster.name),
        }
    }


def _sentinel_shared(estate: Estate, flows: Flows) -> Variables:
    wanted = estate.layout.clusters.sentinel
    assert wanted is not None, "the rule sentinel-role demands it"
    return {
        "redis_sentinel_port": estate.port(sentinels.SERVICE),
        "redis_sentinel_members": members(sentinels.voters(estate)),
        "redis_sentinel_instances": [
            {"name": cluster.name, "port": cluster.settings["port"], "copies": [str(member.address) for member in cluster.members]}
            for cluster in clusters.redis(estate) if sentinels.watched(estate, cluster.name)
        ],
        "redis_sentinel_quorum": sentinels.quorum(estate),
        "redis_sentinel_down_after_s": wanted.down_after_s,
    }


def _sentinel_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"redis_sentinel_address": str(host.address)}


SHARED: Shared = {
    sentinels.ROLE: _sentinel_shared,
}
OWN: Own = {
    "redis": _redis_own,
    sentinels.ROLE: _sentinel_own,
}
