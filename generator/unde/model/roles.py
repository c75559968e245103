"""The roles that a layout may name, and what comes with each.

This is the one list of them: the schema refuses other names, the plan derives groups and implied roles from it,
and a structure test compares it with the collection.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

#: Debian's releases that a host may run, by code name, the oldest first.
RELEASES = MappingProxyType({"bookworm": "12", "trixie": "13"})

#: Of a role that works on every release (what a host in use adopts first), and of one that needs the newest.
ALL = tuple(RELEASES)
NEWEST = ALL[-1:]


class Role(NamedTuple):
    """What the generator knows of a role.

    Attributes:
        does: one line for people.
        implies: roles that come with it (they run first, and adopting it adopts them).
        beside: roles one of which it cannot work without on the same host.
        anywhere: roles that some host of the estate must have for it to work.
        after: roles that are applied before it, wherever the estate has them; the order of ``playbooks/roles.yml``.
        releases: code names of Debian's releases on which it works, as its scenario proves; the oldest first.

    """

    does: str
    implies: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    anywhere: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    releases: tuple[str, ...] = NEWEST


ROLES = MappingProxyType(
    {
        "alertmanager": Role("routes alerts to people", ("certificates",), anywhere=("prometheus",), after=("base", "certificates", "prometheus")),
        "app_service": Role(
            "runs our own services", ("certificates",),
            after=("firewall", "certificates", "luks", "redis", "core_database", "postgres_shard", "pgbouncer", "patroni", "posthog"),
        ),
        "balancer": Role("shares the users' connections among the entries of its site", ("certificates",), after=("certificates", "nginx_gateway")),
        "base": Role("hostname, hosts entries, time, updates, SSH, return routes", releases=ALL),
        "certificates": Role("the estate's certificate authority and each host's certificate", after=("firewall", "wireguard_peer"), releases=ALL),
        "core_database": Role(
            "the PostgreSQL beside the shards: catalogue, image vectors, routing, tombstones", ("certificates",),
            after=("certificates", "luks"),
        ),
        "docker": Role("the container engine, behind the host's firewall", after=("firewall", "luks")),
        "etcd": Role("a voting member of the etcd cluster", ("certificates",), after=("certificates", "luks")),
        "exporters": Role(
            "tells Prometheus of the host and of the services on it",
            after=("firewall", "redis", "core_database", "postgres_shard", "pgbackrest", "pgbouncer", "posthog", "nginx_gateway", "balancer"), releases=ALL,
        ),
        "firewall": Role("lets in and out what the flows name, and nothing else", after=("base",), releases=ALL),
        "gateway": Role("ends the tunnels of a site, routes and filters between sites", after=("firewall", "wireguard_keys"), releases=ALL),
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
        "wireguard_keys": Role("makes the tunnels' keys on the host", after=("firewall",), releases=ALL),
        "wireguard_peer": Role("ends a tunnel on a host", ("wireguard_keys",), after=("wireguard_keys", "gateway", "mikrotik_chr"), releases=ALL),
    }
)

#: What keeps a role from Debian 12, as far as anybody has tried: that release's own packages.
MISSING_ON_BOOKWORM = MappingProxyType(
    {
        "alertmanager": "amtool 0.25 knows no `bot_token_file`",
        "app_service": "tarfile of Python 3.11.2 has no filter",
        "core_database": "PostgreSQL 15, and no pgvector",
        "docker": "no `docker-cli`, and docker-compose 1",
        "etcd": "etcd 3.4",
        "luks": "cryptsetup's units are part of systemd there",
        "nginx_gateway": "nginx 1.22 knows no `http2 on`",
        "patroni": "Patroni 3.0",
        "pgbackrest": "pgBackRest 2.45, and no exporter",
        "pgbouncer": "PgBouncer 1.18, and another exporter",
        "posthog": "what `docker` lacks",
        "postgres_shard": "PostgreSQL 15, and no pgvector",
        "redis": "Redis 7.0 ends every connection when users are loaded, and knows no `client|setinfo`",
        "redis_sentinel": "as `redis`",
        "routing": "systemd 252 knows no `Type=notify-reload`",
    }
)

#: What the role ``gateway`` becomes on a gateway's host, by the engine: on RouterOS the router makes its keys itself.
ENGINES = MappingProxyType({"linux": ("wireguard_keys", "gateway"), "routeros": ("gateway", "mikrotik_chr")})
#: What every host has.
EVERYWHERE = ("base", "firewall", "exporters")
