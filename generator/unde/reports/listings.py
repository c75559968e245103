"""The plan as rows: one function for each listing, a row is a plain dictionary with a stable ``name``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..model import Estate
from ..plan import clusters, cost, flows, gates, groups, rollout, scrape

Row = dict[str, Any]


def hosts(estate: Estate) -> list[Row]:
    """Every host, shards and replicas included."""
    grouped = groups.members(estate)
    return [
        {
            "name": host.name, "site": host.site, "address": str(host.address),
            "public_address": str(host.public_address) if host.public_address else None,
            "state": host.kind.state, "day": host.kind.day, "roles": list(host.roles), "groups": grouped[host.name],
            "label": host.kind.label, "type": host.kind.type, "vcpu": host.kind.vcpu, "ram_gb": host.kind.ram_gb,
            "disk_gb": host.kind.disk_gb,
        }
        for host in estate.hosts.values()
    ]


def tunnels(estate: Estate) -> list[Row]:
    """Every tunnel with its two ends."""
    return [
        {
            "name": tunnel.name, "near": tunnel.near, "near_address": str(tunnel.near_address), "far": tunnel.far,
            "far_address": str(tunnel.far_address), "port": tunnel.port,
            "rtt_ms": estate.rtt_ms(estate.hosts[tunnel.near].site, estate.hosts[tunnel.far].site), "purpose": tunnel.purpose,
        }
        for tunnel in estate.tunnels.values()
    ]


def every_cluster(estate: Estate) -> list[Row]:
    """Every cluster with its members and what follows for it."""
    return [
        {"name": cluster.name, "kind": cluster.kind, "members": [host.name for host in cluster.members], **{"settings": cluster.settings}}
        for cluster in clusters.every(estate)
    ]


def connections(estate: Estate) -> list[Row]:
    """Every declared connection."""
    return [
        {
            "name": connection.name,
            "from": [*(host.name for host in connection.callers), *connection.outside_callers],
            "to": [host.name for host in connection.targets] or [estate.layout.services[connection.service].external],
            "protocol": connection.protocol, "ports": list(connection.ports),
        }
        for connection in flows.Flows(estate).connections
    ]


def jobs(estate: Estate) -> list[Row]:
    """Every scrape job."""
    return [
        {"name": job.name, "scheme": job.scheme, "targets": list(job.targets), "hosts": list(job.hosts)} for job in scrape.jobs(estate)
    ]


def bill(estate: Estate) -> list[Row]:
    """Every line of the monthly cost."""
    return [{"name": line.name, "where": line.where, "what": line.what, "eur": line.eur} for line in cost.lines(estate)]


def days(estate: Estate) -> list[Row]:
    """Every day of the rollout."""
    asked = gates.every(estate)
    return [
        {
            "name": day.name, "day": day.number, "phase": day.phase, "title": day.title, "needs": list(day.needs), "opens": list(day.opens),
            "hosts": list(day.hosts), "roles": list(day.roles), "gates": [gate.says for gate in asked if gate.day == day.number],
        }
        for day in rollout.days(estate)
    ]


LISTINGS: Mapping[str, Callable[[Estate], list[Row]]] = {
    "hosts": hosts, "tunnels": tunnels, "clusters": every_cluster, "flows": connections, "scrape": jobs, "cost": bill, "rollout": days,
}
