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
        beside: roles one of which it cannot work without on the same host.
        anywhere: roles that some host of the estate must have for it to work.
        after: roles that are applied before it, wherever the estate has them; the order of ``playbooks/roles.yml``.

    """

    does: str
    implies: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    anywhere: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


ROLES = MappingProxyType(
    {
        "alertmanager": Role("routes alerts to people", ("certificates",), anywhere=("prometheus",), after=("base", "certificates", "prometheus")),
        "app_service": Role(
            "runs our own services", ("certificates",),
            after=("firewall", "certificates", "luks", "redis", "core_database", "postgres_shard", "pgbouncer", "patroni", "posthog"),
        ),
        "balancer": Role("shares the users' connections among the entries of its site", ("certificates",), after=("certificates", "nginx_gateway")),
        "base": Role("hostname, hosts entries, time, updates, SSH, return routes"),
        "certificates": Role("the estate's certificate authority and each host's certificate", after=("firewall", "wireguard_peer")),
        "core_database": Role(
            "the PostgreSQL beside the shards: catalogue, image vectors, routing, tombstones", ("certificates",),
            after=("certificates", "luks"),
        ),
        "docker": Role("the container engine, behind the host's firewall", after=("firewall", "luks")),
        "etcd": Role("a voting member of the etcd cluster", ("certificates",), after=("certificates", "luks")),
        "exporters": Role(
            "tells Prometheus of the host and of the services on it",
            after=("firewall", "redis", "core_database", "postgres_shard", "pgbackrest", "pgbouncer", "posthog", "nginx_gateway", "balancer"),
        ),
        "firewall": Role("lets in and out what the flows name, and nothing else", after=("base",)),
        "gateway": Role("ends the tunnels of a site, routes and filters between sites", after=("firewall", "wireguard_keys")),
        "grafana": Role("dashboards", ("certificates",), anywhere=("prometheus",), after=("certificates", "prometheus")),
        "luks": Role("encrypts the data disk, and opens it", after=("firewall",)),
        "mikrotik_chr": Role("runs the gateway as MikroTik CHR, and drives it", after=("firewall", "wireguard_keys")),
        "nginx_gateway": Role("the entry of users: TLS, limits, WebSocket, and who answers", ("certificates",), after=("certificates", "app_service")),
        "object_storage": Role("the buckets of the object storage, and who may do what in them", after=("firewall",)),
        "patroni": Role(
            "keeps one writable member of a shard", ("certificates",), ("postgres_shard",), ("etcd",),
            after=("etcd", "postgres_shard", "pgbackrest", "pgbouncer"),
        ),
        "pgbackrest": Role(
            "archives WAL and takes backups", beside=("postgres_shard", "core_database"),
            after=("object_storage", "certificates", "core_database", "postgres_shard"),
        ),
        "pgbouncer": Role(
            "pools connections in front of PostgreSQL", ("certificates",), ("postgres_shard", "core_database"),
            after=("certificates", "core_database", "postgres_shard"),
        ),
        "posthog": Role("product analytics, behind a gate that lets no content through", beside=("docker",), after=("docker",)),
        "postgres_shard": Role("PostgreSQL with pgvector and the users' data", ("certificates",), after=("certificates", "luks", "wireguard_peer")),
        "prometheus": Role("scrapes and stores metrics, and tells Alertmanager", ("certificates",), after=("certificates", "luks", "exporters")),
        "redis": Role("Redis instances with one user for each key family", after=("firewall", "luks", "wireguard_peer")),
        "redis_sentinel": Role("votes on which copy of a Redis is its master", anywhere=("redis",), after=("redis",)),
        "routing": Role(
            "tells its site's Redis of each shard's writable member", ("certificates",), ("etcd",), ("patroni", "redis"),
            after=("etcd", "patroni", "redis"),
        ),
        "wireguard_keys": Role("makes the tunnels' keys on the host", after=("firewall",)),
        "wireguard_peer": Role("ends a tunnel on a host", ("wireguard_keys",), after=("wireguard_keys", "gateway", "mikrotik_chr")),
    }
)

#: What the role ``gateway`` becomes on a gateway's host, by the engine: on RouterOS the router makes its keys itself.
ENGINES = MappingProxyType({"linux": ("wireguard_keys", "gateway"), "routeros": ("gateway", "mikrotik_chr")})
#: What every host has.
EVERYWHERE = ("base", "firewall", "exporters")
