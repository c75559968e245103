"""What each role is told about a host: the one place where plan values get the names of role variables.

``SHARED`` holds what is equal on all hosts of a role and is published once, on the role's group; ``OWN`` what differs
from host to host. A structure test compares the names with the roles' argument specifications.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ..model import Estate, HostView
from ..model.schema import KeyFamily
from . import clusters, firewall, postgres, scrape, tunnels
from .flows import Flows

Variables = dict[str, Any]

PACKAGE_DIRECTORY = "/var/lib/postgresql"


def _members(hosts: Iterable[HostView]) -> list[dict[str, str]]:
    return [{"name": host.name, "address": str(host.address)} for host in hosts]


def _data_directory(estate: Estate) -> str:
    return f"{PACKAGE_DIRECTORY}/{estate.layout.clusters.postgres.version}/main"


def _etcd_shared(estate: Estate, flows: Flows) -> Variables:
    cluster, wanted = clusters.etcd(estate), estate.layout.clusters.etcd
    return {
        "etcd_members": _members(cluster.members),
        "etcd_token": wanted.token,
        "etcd_heartbeat_ms": cluster.settings["heartbeat_ms"],
        "etcd_election_ms": cluster.settings["election_ms"],
        "etcd_client_port": estate.port("etcd-client"),
        "etcd_peer_port": estate.port("etcd-peer"),
        "etcd_quota_backend_mb": wanted.quota_backend_mb,
    }


def _certificates_shared(estate: Estate, flows: Flows) -> Variables:
    return {"certificates_ca_host": estate.layout.clusters.certificates.host}


def _postgres_shared(estate: Estate, flows: Flows) -> Variables:
    shards, cluster = estate.layout.shards, estate.layout.clusters.postgres
    return {
        "postgres_shard_version": cluster.version,
        "postgres_shard_repository": cluster.repository,
        "postgres_shard_embedding": {"dimensions": shards.embedding.dimensions, "index": shards.embedding.index},
        "postgres_shard_partitions": shards.partitions,
    }


def _patroni_shared(estate: Estate, flows: Flows) -> Variables:
    timing = estate.layout.clusters.patroni
    return {
        "patroni_ttl": timing.ttl,
        "patroni_loop_wait": timing.loop_wait,
        "patroni_retry_timeout": timing.retry_timeout,
        "patroni_maximum_lag_on_failover": timing.maximum_lag_on_failover_mb * 1024 * 1024,
        "patroni_api_port": estate.port("patroni"),
        "patroni_postgresql_version": estate.layout.clusters.postgres.version,
        "patroni_data_directory": _data_directory(estate),
    }


def _pgbouncer_shared(estate: Estate, flows: Flows) -> Variables:
    pool = estate.layout.clusters.pgbouncer
    return {
        "pgbouncer_port": estate.port("shard-sql"),
        "pgbouncer_pool_size": pool.pool_size,
        "pgbouncer_max_client_conn": pool.max_client_connections,
        "pgbouncer_max_prepared_statements": pool.max_prepared_statements,
    }


def _pgbackrest_shared(estate: Estate, flows: Flows) -> Variables:
    backups = estate.layout.clusters.pgbackrest
    return {
        "pgbackrest_repo": {"type": "posix", "path": backups.path},
        "pgbackrest_retention_full": backups.retention_full,
        "pgbackrest_data_directory": _data_directory(estate),
    }


def _prometheus_shared(estate: Estate, flows: Flows) -> Variables:
    return {
        "prometheus_scrape_jobs": [
            {"name": job.name, "scheme": job.scheme, "targets": list(job.targets)} for job in scrape.jobs(estate)
        ]
    }


def _base_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"base_hostname": host.name}


def _wireguard_keys_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"wireguard_keys_interfaces": [tunnel.name for tunnel in estate.tunnels_of[host.name]]}


def _wireguard_peer_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"wireguard_peer_tunnels": [_tunnel_end(end) for end in tunnels.ends_of(estate, host.name)]}


def _tunnel_end(end: tunnels.TunnelEnd) -> Variables:
    values = asdict(end)
    del values["host"]
    return values | {"routes": list(end.routes), "allowed_ips": list(end.allowed_ips)}


def _firewall_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {
        "firewall_inbound": [_opening(each) for each in firewall.inbound(flows, host)],
        "firewall_outbound": [_opening(each) for each in firewall.outbound(flows, host)],
    }


def _opening(opening: firewall.Opening) -> Variables:
    return {
        "name": opening.name, "peers": list(opening.peers), "names": list(opening.names),
        "protocol": opening.protocol, "ports": list(opening.ports),
    }


def _gateway_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    layout, site = estate.layout, estate.gateways[host.name]
    gateway = layout.sites[site].gateway
    return {
        "gateway_engine": gateway.engine if gateway else "linux",
        "gateway_tunnels": [_tunnel_end(end) for end in tunnels.ends_of(estate, host.name)],
        "gateway_forward": flows.forwarded_by(host.name),
        "gateway_tunnel_networks": [str(layout.tunnels.network)],
        "gateway_private_networks": [str(network) for network in layout.sites[site].networks.values()],
    }


def _certificates_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"certificates_names": [host.name, str(host.address), "localhost", "127.0.0.1"]}


def _etcd_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {"etcd_name": host.name, "etcd_address": str(host.address)}


def _shard(host: HostView) -> int:
    assert host.shard is not None, "shard roles stand in the shards' templates only"
    return host.shard


def _postgres_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    cluster = clusters.scope(estate, _shard(host))
    return {
        "postgres_shard_scope": cluster.name,
        "postgres_shard_id": _shard(host),
        "postgres_shard_initial_role": host.member,
        "postgres_shard_address": str(host.address),
        "postgres_shard_members": [
            {"name": member.name, "address": str(member.address), "initial_role": member.member} for member in cluster.members
        ],
        "postgres_shard_clients": [
            {"name": caller.name, "address": str(caller.address)}
            for caller in flows.callers_of(host.name, estate.port("shard-replication")) if caller.shard is None
        ],
        "postgres_shard_settings": postgres.settings(
            host.kind, estate.layout.clusters.postgres.wal, str(cluster.settings["stanza"])
        ),
    }


def _patroni_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    cluster = clusters.scope(estate, _shard(host))
    primary = next(member for member in cluster.members if member.member == "primary")
    return {
        "patroni_scope": cluster.name,
        "patroni_name": host.name,
        "patroni_address": str(host.address),
        "patroni_members": _members(cluster.members),
        "patroni_etcd_hosts": clusters.etcd_endpoints(estate, host),
        "patroni_dcs_parameters": postgres.common(
            primary.kind, estate.layout.clusters.postgres.wal, str(cluster.settings["stanza"])
        ),
    }


def _pgbouncer_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {
        "pgbouncer_address": str(host.address),
        "pgbouncer_clients": _members(flows.callers_of(host.name, estate.port("shard-sql"))),
    }


def _pgbackrest_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    return {
        "pgbackrest_stanza": clusters.scope(estate, _shard(host)).settings["stanza"],
        "pgbackrest_archive_queue_max": postgres.archive_queue_max(host.kind, estate.layout.clusters.postgres.wal),
        "pgbackrest_process_max": max(1, host.kind.vcpu // 4),
    }


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
                "clients": _members(flows.callers_of(host.name, wanted[cluster.name].port)),
            }
            for cluster in clusters.redis(estate)
            if cluster.members == (host,)
        ]
    }


SHARED: Mapping[str, Callable[[Estate, Flows], Variables]] = {
    "certificates": _certificates_shared,
    "etcd": _etcd_shared,
    "patroni": _patroni_shared,
    "pgbackrest": _pgbackrest_shared,
    "pgbouncer": _pgbouncer_shared,
    "postgres_shard": _postgres_shared,
    "prometheus": _prometheus_shared,
}

OWN: Mapping[str, Callable[[Estate, Flows, HostView], Variables]] = {
    "base": _base_own,
    "certificates": _certificates_own,
    "etcd": _etcd_own,
    "firewall": _firewall_own,
    "gateway": _gateway_own,
    "patroni": _patroni_own,
    "pgbackrest": _pgbackrest_own,
    "pgbouncer": _pgbouncer_own,
    "postgres_shard": _postgres_own,
    "redis": _redis_own,
    "wireguard_keys": _wireguard_keys_own,
    "wireguard_peer": _wireguard_peer_own,
}
