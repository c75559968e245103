"""What runs on several hosts together."""

from typing import Annotated, Literal

from pydantic import Field

from ..types import Model, Name, Port, Positive, Share


class EtcdCluster(Model):
    """The etcd cluster; its members are the hosts with the role etcd."""

    token: str = Field(description="name of the cluster; members of another one are not talked to")
    heartbeat_per_rtt: Annotated[float, Field(gt=0)] = Field(description="heartbeat = this × the largest RTT between members")
    election_per_rtt: Annotated[float, Field(gt=0)] = Field(description="election timeout = this × the largest RTT")
    quota_backend_mb: Positive = Field(description="size limit of the store, MB")


class PatroniCluster(Model):
    """Timing common to all Patroni clusters."""

    ttl: Positive = Field(description="seconds; Patroni allows no less than 20")
    loop_wait: Positive = Field(description="seconds")
    retry_timeout: Positive = Field(description="seconds")
    maximum_lag_on_failover_mb: Positive = Field(description="a replica further behind is not promoted, MB")


class CertificateAuthority(Model):
    """The estate's own certificate authority."""

    host: Name = Field(description="where the authority's key lives; it never leaves")


class WalBounds(Model):
    """How much WAL may pile up while the replica or the store is away."""

    slot_share: Share | None = Field(description="share of the data disk for replication slots; null: unbounded")
    archive_share: Share | None = Field(description="share of the data disk for the archive queue; null: unbounded")
    alert_gb: Positive = Field(description="alert at this much, GB")


class PostgresCluster(Model):
    """What is common to all shards' PostgreSQL."""

    version: str = Field(description="major version, as text")
    repository: Literal["distribution", "pgdg"] = Field(description="where the packages come from")
    wal: WalBounds


class PgbouncerCluster(Model):
    """Connection pooling, for each shard member."""

    pool_size: Positive = Field(description="server connections for each database and user")
    max_client_connections: Positive = Field(description="clients of one pooler")
    max_prepared_statements: Positive = Field(description="kept for each server connection")


class PgbackrestCluster(Model):
    """Backups."""

    path: str = Field(description="the posix repository")
    retention_full: Positive = Field(description="full backups kept")


class KeyFamily(Model):
    """One family of Redis keys, with a user of its own."""

    prefix: str = Field(description="keys begin with it")
    ttl_s: Positive | None = Field(None, description="time to live, seconds; null: kept until overwritten")
    access: Literal["frame", "counter", "pending", "cache", "map", "queue"] | None = Field(
        None, description="what its user may do, by name in the role redis; null: frame with a time to live, cache without"
    )
    patterns: list[str] = Field(default=[], description="key patterns in place of the prefix, for software that cannot be given one")
    reads: list[str] = Field(default=[], description="patterns of further keys that its user may read only")
    channels: list[str] = Field(default=[], description="patterns of the channels that its user may publish to and subscribe")
    purpose: str = Field("", description="for people")


class RedisInstance(Model):
    """One Redis process."""

    host: Name = Field(description="where it runs")
    port: Port = Field(description="TCP port")
    memory_share: Share = Field(description="share of the host's memory")
    policy: Literal["allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl", "noeviction"] = Field(
        description="what is dropped when the memory is full (Redis maxmemory-policy)"
    )
    persistence: Literal["none", "aof"] = Field(description="aof: every second to disk; none: it starts empty")
    families: dict[Name, KeyFamily]


class Sentinel(Model):
    """Automatic failover of one Redis instance."""

    instance: Name = Field(description="which of clusters.redis")
    replicas: list[Name] = Field(description="hosts of its copies")
    sentinels: list[Name] = Field(description="hosts that vote: at least three")


class Clusters(Model):
    """The clustered services."""

    certificates: CertificateAuthority
    etcd: EtcdCluster
    patroni: PatroniCluster
    postgres: PostgresCluster
    pgbouncer: PgbouncerCluster
    pgbackrest: PgbackrestCluster
    redis: dict[Name, RedisInstance]
    sentinel: Sentinel | None = Field(None, description="null: no automatic failover of Redis")
