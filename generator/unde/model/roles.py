"""The roles that a layout may name, and what comes with each.

This is the one list of them: the schema refuses other names, the plan derives groups and implied roles from it,
and a structure test compares it with the collection.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Role(NamedTuple):
    """What the generator knows of a role.

    Attributes:
        does: one line for people.
        implies: roles that come with it (they run first, and adopting it adopts them).
        beside: roles that it cannot work without on the same host.
        anywhere: roles that some host of the estate must have for it to work.

    """

    does: str
    implies: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    anywhere: tuple[str, ...] = ()


ROLES = MappingProxyType(
    {
        "alertmanager": Role("routes alerts to people", anywhere=("prometheus",)),
        "app_service": Role("runs one of our own services"),
        "base": Role("hostname, hosts entries, time, updates, SSH, return routes"),
        "certificates": Role("the estate's certificate authority and each host's certificate"),
        "core_database": Role("production and staging PostgreSQL with PgBouncer"),
        "docker": Role("the container engine"),
        "etcd": Role("a voting member of the etcd cluster", ("certificates",)),
        "firewall": Role("lets in and out what the flows name, and nothing else"),
        "gateway": Role("ends the tunnels of a site, routes and filters between sites", ("wireguard_keys",)),
        "grafana": Role("dashboards", anywhere=("prometheus",)),
        "nginx_gateway": Role("the entry point for users"),
        "patroni": Role("keeps one writable member of a shard", ("certificates",), ("postgres_shard",), ("etcd",)),
        "pgbackrest": Role("archives WAL and takes backups", beside=("postgres_shard",)),
        "pgbouncer": Role("pools connections in front of a shard's PostgreSQL", ("certificates",), ("postgres_shard",)),
        "posthog": Role("product analytics", beside=("docker",)),
        "postgres_shard": Role("PostgreSQL with pgvector and the users' data", ("certificates",)),
        "prometheus": Role("scrapes and stores metrics"),
        "redis": Role("Redis instances with one user for each key family"),
        "wireguard_keys": Role("makes the tunnels' keys on the host"),
        "wireguard_peer": Role("ends a tunnel on a host", ("wireguard_keys",)),
    }
)
