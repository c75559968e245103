"""Encrypted disks: what lies on one and waits for it, and what a key slot costs to try."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, HostView, select
from ..model.schema import HostKind
from . import apps

#: Where Debian keeps PostgreSQL's data.
DATABASES = "/var/lib/postgresql"
#: Role → where what it runs keeps data, and the units that do.
KEEPERS = {
    "postgres_shard": (DATABASES, ("patroni.service", "postgresql@.service")),
    "core_database": (DATABASES, ("postgresql@.service",)),
    "redis": ("/var/lib/redis", ("redis-server@.service",)),
    "redis_sentinel": ("/var/lib/redis/sentinel", ("unde-redis-sentinel.service",)),
    "etcd": ("/var/lib/etcd", ("etcd.service",)),
    "prometheus": ("/var/lib/prometheus/metrics2", ("prometheus.service",)),
    "alertmanager": ("/var/lib/prometheus/alertmanager", ("prometheus-alertmanager.service",)),
    "grafana": ("/var/lib/grafana", ("grafana-server.service",)),
    "docker": ("/var/lib/docker", ("docker.service",)),
}

KIB_PER_GB = 1 << 20
#: Of a host's memory: a slot is tried while the database runs, too.
SHARE = 32
#: KiB: the memory of RFC 9106's second recommendation; and cryptsetup's own default, as its upper bound.
LEAST, MOST = 1 << 16, 1 << 20
ITERATIONS = 4  #: passes; the fewest that cryptsetup takes, one more than the RFC has for that memory
MOST_THREADS = 4  #: that cryptsetup takes, and the RFC recommends


def memory_kib(host: HostKind) -> int:
    """Return the memory of Argon2id for a new header, KiB."""
    return max(LEAST, min(MOST, host.ram_gb * KIB_PER_GB // SHARE))


def threads(host: HostKind) -> int:
    """Return the threads of Argon2id for a new header."""
    return min(MOST_THREADS, host.vcpu)


def kept(estate: Estate, host: HostView) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each directory in which something on a host keeps data, with the units that do."""
    databases = tuple(unit for role in ("postgres_shard", "core_database") if role in host.roles for unit in KEEPERS[role][1])
    for role in host.roles:
        if role in KEEPERS:
            yield KEEPERS[role]
    if "pgbackrest" in host.roles and estate.layout.clusters.pgbackrest.bucket is None:
        yield estate.layout.clusters.pgbackrest.path, databases  # who archives
    for name in apps.ours(estate):
        if host in select.hosts(estate, estate.layout.services[name].hosts):
            yield f"/var/lib/unde-{name}", (f"unde-{name}.service",)


def waiting(estate: Estate, host: HostView) -> list[str]:
    """Return the units of a host that do not start without its encrypted disk: those whose data is on it, all or some."""
    disk = host.kind.encrypted_disk
    units = [unit for directory, of in kept(estate, host) for unit in of if disk and _meet(disk.mount, directory)]
    return list(dict.fromkeys(units))


def _meet(one: str, other: str) -> bool:
    """Return whether one directory is the other, or is in it."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
