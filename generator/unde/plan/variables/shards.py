"""What the members of the shards are told, PostgreSQL and Patroni; and every host with PgBouncer."""

from __future__ import annotations

from ...model import Estate, HostView
from .. import clusters, postgres
from ..flows import Flows
from . import databases
from .common import Own, Shared, Variables, data_directory, members


def _shard(host: HostView) -> int:
    assert host.shard is not None, "shard roles stand in the shards' templates only"
    return host.shard


def _common(estate: Estate, cluster: clusters.Cluster) -> Variables:
    """Return what the shard's members share; PostgreSQL starts with it, so that nothing waits for a restart when Patroni takes over."""
    primary = next(member for member in cluster.members if member.member == "primary")
    return dict(postgres.common(primary.kind, estate.layout.clusters.postgres.wal, str(cluster.settings["stanza"])))


def _postgres_shared(estate: Estate, flows: Flows) -> Variables:
    cluster, embedding = estate.layout.clusters.postgres, estate.layout.shards.embedding
    return {
        "postgres_shard_version": cluster.version,
        "postgres_shard_repository": cluster.repository,
        "postgres_shard_embedding": {
            "model": embedding.model, "dimensions": embedding.dimensions, "index": embedding.index, "storage": embedding.storage, "in_line": embedding.in_line,
        },
        "postgres_shard_candidates": embedding.candidates,
        "postgres_shard_partitions": estate.layout.shards.partitions,
    }


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
        "postgres_shard_shared_settings": _common(estate, cluster),
    }


def _patroni_shared(estate: Estate, flows: Flows) -> Variables:
    timing = estate.layout.clusters.patroni
    return {
        "patroni_ttl": timing.ttl,
        "patroni_loop_wait": timing.loop_wait,
        "patroni_retry_timeout": timing.retry_timeout,
        "patroni_maximum_lag_on_failover": timing.maximum_lag_on_failover_mb * 1024 * 1024,
        "patroni_fence": timing.fence,
        "patroni_fence_ports": [estate.port("shard-replication"), estate.port("shard-sql")],
        "patroni_api_port": estate.port("patroni"),
        "patroni_postgresql_version": estate.layout.clusters.postgres.version,
        "patroni_data_directory": data_directory(estate),
    }


def _patroni_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    cluster = clusters.scope(estate, _shard(host))
    return {
        "patroni_scope": cluster.name,
        "patroni_name": host.name,
        "patroni_address": str(host.address),
        "patroni_members": members(cluster.members),
        "patroni_etcd_hosts": clusters.etcd_endpoints(estate, host),
        "patroni_dcs_parameters": _common(estate, cluster),
    }


def _pgbouncer_shared(estate: Estate, flows: Flows) -> Variables:
    pool = estate.layout.clusters.pgbouncer
    return {
        "pgbouncer_port": estate.port("shard-sql"),
        "pgbouncer_pool_size": pool.pool_size,
        "pgbouncer_max_client_conn": pool.max_client_connections,
        "pgbouncer_max_prepared_statements": pool.max_prepared_statements,
    }


def _pgbouncer_own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    if host.shard is None:
        return databases.pgbouncer(estate, flows, host)
    return {
        "pgbouncer_address": str(host.address),
        "pgbouncer_clients": members(flows.callers_of(host.name, estate.port("shard-sql"))),
    }


SHARED: Shared = {
    "patroni": _patroni_shared,
    "pgbouncer": _pgbouncer_shared,
    "postgres_shard": _postgres_shared,
}
OWN: Own = {
    "patroni": _patroni_own,
    "pgbouncer": _pgbouncer_own,
    "postgres_shard": _postgres_own,
}
