"""Databases: replicas, WAL, connections, memory and keys."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, select
from ..plan import postgres
from .rules import Violation, rule

#: Connections that are not the pool's: superuser_reserved_connections (3), Patroni, the exporter, backups and people.
OTHER_CONNECTIONS = 10
DATA = "/var/lib/postgresql"  #: where PostgreSQL's own data is
#: Folders that are the system's, and that many share.
SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "root", "run", "sbin", "sys", "tmp", "usr")
SHARED = (
    "/home", "/media", "/mnt", "/opt", "/srv", "/var", "/var/backups", "/var/cache", "/var/lib", "/var/local", "/var/lock", "/var/log", "/var/mail", "/var/opt",
    "/var/run", "/var/spool", "/var/tmp",
)
MOST_REDIS_SHARE = 0.8  #: of a host's memory; a fork for persistence and the system need the rest (redis.io, "Memory optimization")


@rule("replica-smaller", rows=(20,))
def replicas(estate: Estate) -> Iterator[Violation]:
    """A replica is as large as the primary whose work it takes over."""
    primaries = {host.shard: host for host in estate.hosts.values() if host.member == "primary"}
    seen: set[tuple[object, ...]] = set()
    for host in estate.hosts.values():
        if host.member != "replica":
            continue
        primary = primaries[host.shard].kind
        less = [
            f"{getattr(host.kind, key)} {unit} for {getattr(primary, key)}"
            for key, unit in (("vcpu", "vCPU"), ("ram_gb", "GB RAM"), ("disk_gb", "GB disk"))
            if getattr(host.kind, key) < getattr(primary, key)
        ]
        if less and tuple(less) not in seen:  # one finding for each size, not for each shard
            seen.add(tuple(less))
            yield Violation(
                (*host.path, "type"), f"'{host.name}' is smaller than '{primaries[host.shard].name}': {', '.join(less)}",
                "a larger type, or accept that a failover is slower", warn=True,
            )


@rule("wal-bounds", rows=(17,))
def wal(estate: Estate) -> Iterator[Violation]:
    """WAL that waits is bounded, fits the disk, and the alert comes before the bound."""
    bounds = estate.layout.clusters.postgres.wal
    here = ("clusters", "postgres", "wal")
    shares = {"slot_share": ("replication slots", bounds.slot_share), "archive_share": ("the archive queue", bounds.archive_share)}
    for key, (what, share) in shares.items():
        if share is None:
            yield Violation(
                (*here, key), f"WAL for {what} has no bound: while Helsinki or the store is lost it fills the disk and stops the primary",
                "a share of the disk, as 0.2", warn=True,
            )
    total = sum(share or 0 for _, share in shares.values())
    if total >= 1:
        yield Violation(
            (*here, "slot_share"), f"slots and archive queue may hold {total:g} of the disk: no room is left for data",
            "shares that add up to less than 1",
        )
    disk = min((host.kind.disk_gb for host in estate.by_role["postgres_shard"]), default=0)
    bound = min((disk * share for _, share in shares.values() if share is not None), default=None)
    if bound is not None and bounds.alert_gb >= bound:
        yield Violation(
            (*here, "alert_gb"), f"the alert at {bounds.alert_gb} GB comes after the bound of {bound:g} GB on the smallest disk ({disk} GB)",
            f"an alert below {bound:g}",
        )


@rule("pool-too-large")
def connections(estate: Estate) -> Iterator[Violation]:
    """PgBouncer's pool fits into PostgreSQL's connections."""
    pool = estate.layout.clusters.pgbouncer
    for host in estate.by_role["postgres_shard"][:1]:
        most = int(postgres.settings(host.kind, estate.layout.clusters.postgres.wal, "")["max_connections"])
        if pool.pool_size > most - OTHER_CONNECTIONS:
            yield Violation(
                ("clusters", "pgbouncer", "pool_size"),
                f"a pool of {pool.pool_size} and {OTHER_CONNECTIONS} other connections exceed max_connections {most}", f"at most {most - OTHER_CONNECTIONS}",
            )
    if pool.pool_size > pool.max_client_connections:
        yield Violation(
            ("clusters", "pgbouncer", "max_client_connections"),
            f"{pool.max_client_connections} clients can never use a pool of {pool.pool_size}", f"at least {pool.pool_size}",
        )


@rule("master-key", rows=(25,))
def master_key(estate: Estate) -> Iterator[Violation]:
    """The master key is never on disk, and every host that may have to decrypt has it."""
    key = estate.layout.shards.master_key
    if key.kept_in != "tmpfs":
        yield Violation(("shards", "master_key", "kept_in"), "an .env file is on disk, so the master key would be too", "kept_in: tmpfs", warn=True)
    known = select.known(estate)
    for number, reader in enumerate(key.readers):
        if reader not in known:
            yield Violation(("shards", "master_key", "readers", number), f"'{reader}' names no host", "a host, role:X or site:X")
    readers = {host.name for host in select.hosts(estate, key.readers)}
    blind = [host for host in estate.by_role["postgres_shard"] if host.name not in readers]
    blind += [
        host for name, service in estate.layout.services.items() if service.standby
        for host in select.hosts(estate, service.hosts) if host.site == service.standby and _reads(estate, name, readers) and host.name not in readers
    ]
    if blind:
        names = list(dict.fromkeys(host.name for host in blind))
        yield Violation(
            ("shards", "master_key", "readers"), f"{', '.join(names)} would not be able to decrypt after a failover: "
            "they do not get the master key",
            "add them to the readers", warn=True,
        )


def _reads(estate: Estate, service: str, readers: set[str]) -> bool:
    """Return whether some host of a service has the master key, so that its standby needs it too."""
    return any(host.name in readers for host in select.hosts(estate, estate.layout.services[service].hosts))


@rule("redis-memory")
def redis_memory(estate: Estate) -> Iterator[Violation]:
    """The Redis instances of a host leave memory for the system and for the copy that persistence makes."""
    shares: dict[str, list[tuple[str, float]]] = {}
    sentinel = estate.layout.clusters.sentinel
    for name, instance in estate.layout.clusters.redis.items():
        copies = sentinel.replicas if sentinel and name in sentinel.instances else []
        for place in dict.fromkeys((instance.host, *copies)):
            shares.setdefault(place, []).append((name, instance.memory_share))
    for host, instances in shares.items():
        total = sum(share for _, share in instances)
        if total > MOST_REDIS_SHARE:
            yield Violation(
                ("clusters", "redis", instances[-1][0], "memory_share"),
                f"Redis {' and '.join(name for name, _ in instances)} would take {total:.0%} of the memory of '{host}'",
                f"at most {MOST_REDIS_SHARE:.0%} together",
            )
        if host in estate.hosts and host not in (sentinel.replicas if sentinel else []) and "redis" not in estate.hosts[host].roles:
            yield Violation(
                ("clusters", "redis", instances[0][0], "host"), f"'{host}' runs Redis '{instances[0][0]}', but has not the role redis",
                f"give '{host}' the role redis",
            )
    for host_view in estate.by_role["redis"]:
        if host_view.name not in shares:
            yield Violation(
                (*host_view.path, "roles"), f"'{host_view.name}' has the role redis, but no instance in clusters.redis names it",
                "add an instance, or remove the role",
            )


@rule("backup-path")
def backup_path(estate: Estate) -> Iterator[Violation]:
    """A repository on the host has a directory of its own: the role gives it to PostgreSQL, and nothing else may live there."""
    backups = estate.layout.clusters.pgbackrest
    for key, path in (("path", backups.path if backups.bucket is None else None), ("former_path", backups.former_path)):
        if path is None:
            continue
        parts = path.split("/")[1:]
        if parts[0] in SYSTEM or path in SHARED or f"{path}/".startswith(f"{DATA}/"):
            yield Violation(
                ("clusters", "pgbackrest", key),
                f"{path} is not a repository's alone: PostgreSQL would own it, or a backup would hold the backups",
                "a directory of its own, as /var/lib/pgbackrest or /srv/pgbackrest",
            )
    if backups.former_path and backups.bucket is None and backups.former_path == backups.path:
        yield Violation(("clusters", "pgbackrest", "former_path"), f"{backups.path} is the repository that is used", "former_path: null, or another path")
