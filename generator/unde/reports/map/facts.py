"""What the page is told: the plan's own rows, and of each host what a reader of the map asks for first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...model import Estate, HostView, select
from ...plan import clusters, cost
from ...plan.flows import Flows
from ...survive import Outcome, words
from .. import listings

Row = dict[str, Any]


@dataclass(frozen=True)
class Duty:
    """What a host is there for: the quarter of its site that it is drawn in.

    Attributes:
        title: the quarter's heading.
        roles: a host with one of these belongs here.

    """

    name: str
    title: str
    roles: tuple[str, ...]


#: In the order of the map. A host with several duties stands under the last of them, the more particular one.
DUTIES = (
    Duty("other", "Other", ()),
    Duty("gateway", "Gateway", ("gateway", "mikrotik_chr")),
    Duty("service", "Entry and services", ("balancer", "nginx_gateway", "app_service")),
    Duty("cache", "Redis", ("redis",)),
    Duty("watch", "Monitoring, analytics", ("alertmanager", "grafana", "posthog", "prometheus")),
    Duty("database", "Databases", ("core_database",)),
    Duty("shard", "Users’ data", ("patroni", "postgres_shard")),
    Duty("vote", "etcd votes", ("etcd",)),
)

#: Roles that come along with others and give a host no place on the map.
ACCOMPANYING = frozenset(
    [
        "base", "certificates", "docker", "exporters", "firewall", "luks", "object_storage", "pgbackrest", "pgbouncer", "redis_sentinel", "routing",
        "wireguard_keys", "wireguard_peer",
    ]
)


def duty(host: HostView) -> str:
    """Return the duty of a host."""
    return next((each.name for each in reversed(DUTIES) if not set(each.roles).isdisjoint(host.roles)), DUTIES[0].name)


def gathered(estate: Estate, outcomes: Sequence[Outcome]) -> Row:
    """Return everything that the page shows, as plain data in the order of the layout."""
    layout = estate.layout
    return {
        "document": {"title": layout.document.title, "version": layout.document.version},
        "sites": _sites(estate),
        "links": [{"name": ":".join(link.between), "between": link.between, "rtt_ms": link.rtt_ms} for link in layout.links.values()],
        "duties": [{"name": each.name, "title": each.title} for each in DUTIES],
        "hosts": _hosts(estate),
        "tunnels": _tunnels(estate),
        "clusters": listings.every_cluster(estate),
        "shards": layout.shards.count,
        "connections": _connections(estate),
        "outside": [{"name": name, "what": service.external} for name, service in layout.services.items() if service.external],
        "phases": [{"phase": number, "title": title} for number, title in sorted(layout.rollout.phases.items())],
        "days": [{"day": row["day"], "phase": row["phase"], "title": row["title"]} for row in listings.days(estate)],
        "cost": {"total": cost.total(estate), "lines": listings.bill(estate)},
        "losses": {outcome.name: _loss(outcome) for outcome in outcomes},
    }


def _sites(estate: Estate) -> list[Row]:
    return [
        {
            "name": name, "description": site.description, "provider": site.provider,
            "networks": [str(network) for network in site.networks.values()],
            "gateway": site.gateway.host if site.gateway else None,
        }
        for name, site in estate.layout.sites.items()
    ]


def _hosts(estate: Estate) -> list[Row]:
    """Return the listing's rows without Ansible's groups, and what stands on the host's card."""
    everywhere = set(estate.hosts)
    listens: dict[str, list[Row]] = {name: [] for name in estate.hosts}
    for name, service in estate.layout.services.items():
        at = {host.name for host in select.hosts(estate, service.hosts)}
        for host in at:
            listens[host].append({"service": name, "ports": service.ports, "protocol": service.protocol, "everywhere": at == everywhere})
    instances: dict[str, list[str]] = {}
    for cluster in clusters.redis(estate):
        for member in cluster.members:
            instances.setdefault(member.name, []).append(cluster.name)
    return [
        {key: value for key, value in row.items() if key != "groups"}
        | {
            "duty": duty(host), "shard": host.shard, "member": host.member, "price_eur": host.kind.price_eur,
            "redis": instances.get(host.name, []), "listens": listens[host.name],
        }
        for row, host in zip(listings.hosts(estate), estate.hosts.values(), strict=True)
    ]


def _tunnels(estate: Estate) -> list[Row]:
    """Return the listing's rows and the traffic that the layout expects, GB a day."""
    peers, shards = estate.layout.tunnels.peers, estate.layout.shards.tunnel
    return [
        row | {"gb_day": peers[row["name"]].gb_day if row["name"] in peers else shards.gb_day if shards else None}
        for row in listings.tunnels(estate)
    ]


def _connections(estate: Estate) -> list[Row]:
    """Return who may open connections to what; an external service goes by its name in the layout."""
    return [
        {
            "service": connection.service,
            "from": [*(host.name for host in connection.callers), *connection.outside_callers],
            "to": [host.name for host in connection.targets] or [connection.service],
            "protocol": connection.protocol, "ports": list(connection.ports),
        }
        for connection in Flows(estate).connections
    ]


def _loss(outcome: Outcome) -> Row:
    """Return what comes of a loss; of the shards only those that feel it."""
    shards = [
        {"name": shard.name, "state": shard.state, "where": shard.where, "moved": shard.moved, "rto_s": shard.rto_s}
        for shard in outcome.shards if shard.state != "writable" or shard.moved or shard.rto_s != (0, 0)
    ]
    broken = outcome.features_lost or outcome.out_of_reach or not outcome.writable
    felt = broken or shards or outcome.delays or outcome.cut_off_hosts or outcome.entry_moved or not outcome.quorum
    return {
        "sentence": words.sentence(outcome), "level": "broken" if broken else "felt" if felt else "harmless",
        "quorum": outcome.quorum, "votes": [outcome.votes, outcome.votes_of], "shards": shards, "rto_s": outcome.rto_s,
        "lost": outcome.lost_hosts, "cut_off": outcome.cut_off_hosts, "added_latency_ms": outcome.added_latency_ms,
    }
