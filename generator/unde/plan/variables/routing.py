"""What the routing reconcilers are told."""

from __future__ import annotations

from ...model import Estate, HostView
from .. import clusters, routing, sentinels
from ..flows import Flows
from .common import Own, Shared, Variables


def _routing_shared(estate: Estate, flows: Flows) -> Variables:
    return {
        "routing_shards": [
            {
                "number": number,
                "scope": clusters.scope(estate, number).name,
                "members": [{"name": member.name, "address": str(member.address), "site": member.site} for member in members],
            }
            for number, members in sorted(estate.shards.items())
        ],
        "routing_port": estate.port("shard-sql"),
        "routing_lease_s": estate.layout.clusters.patroni.ttl,
    }


def _routing_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    name = routing.instances(estate, host.site)[0]
    instance = estate.layout.clusters.redis[name]
    return {
        "routing_etcd": {"address": str(host.address), "port": estate.port("etcd-client")},
        "routing_redis": {
            "instance": name,
            "address": str(estate.hosts[instance.host].address),
            "port": instance.port,
            "user": routing.FAMILY,
            "prefix": instance.families[routing.FAMILY].prefix,
        } | ({"sentinels": sentinels.places(estate)} if sentinels.watched(estate, name) else {}),
    }


SHARED: Shared = {
    routing.ROLE: _routing_shared,
}
OWN: Own = {
    routing.ROLE: _routing_own,
}
