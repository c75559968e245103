"""What runs on several hosts together."""

from typing import Annotated, Literal

from pydantic import Field

from ..forms import (
    ClusterToken,
    Connections,
    Days,
    DirectoryPath,
    FilePath,
    KeyPattern,
    KeyPrefix,
    Lifetime,
    Megabytes,
    PostgresVersion,
    Principal,
    Seconds,
)
from ..types import BucketName, Commit, Digest, DomainName, Model, Name, Port, Share, SqlName


class EtcdCluster(Model):
    """The etcd cluster; its members are the hosts with the role etcd."""

    token: ClusterToken = Field(description="name of the cluster; members of another one are not talked to")
    heartbeat_per_rtt: Annotated[float, Field(ge=0.001, le=1000)] = Field(description="heartbeat = this × the largest RTT between members")
    election_per_rtt: Annotated[float, Field(ge=0.001, le=1000)] = Field(description="election timeout = this × the largest RTT")
    quota_backend_mb: Annotated[int, Field(ge=1, le=102_400)] = Field(description="size limit of the store, MB")


class PatroniCluster(Model):
    """Timing common to all Patroni clusters."""

    ttl: Seconds = Field(description="seconds; Patroni allows no less than 20")
    loop_wait: Seconds = Field(description="seconds")
    retry_timeout: Seconds = Field(description="seconds")
    maximum_lag_on_failover_mb: Megabytes = Field(description="a replica further behind is not promoted, MB")
    fence: bool = Field(True, description="the kernel closes the ports of a member whose lease is over: one that was frozen acknowledges nothing when it wakes")


class CertificateAuthority(Model):
    """The estate's own certificate authority."""

    host: Name = Field(description="where the authority's key lives; it never leaves")


class WalBounds(Model):
    """How much WAL may pile up while the replica or the store is away."""

    slot_share: Share | None = Field(description="share of the data disk for replication slots; null: unbounded")
    archive_share: Share | None = Field(description="share of the data disk for the archive queue; null: unbounded")
    alert_gb: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="alert at this much, GB")


class PostgresCluster(Model):
    """What is common to all shards' PostgreSQL."""

    version: PostgresVersion = Field(description="major version, as text")
    repository: Literal["distribution", "pgdg"] = Field(description="where the packages come from")
    wal: WalBounds


class PgbouncerCluster(Model):
    """Connection pooling, for each shard member."""

    pool_size: Connections = Field(description="server connections for each database and user")
    max_client_connections: Connections = Field(description="clients of one pooler")
    max_prepared_statements: Annotated[int, Field(ge=1, le=10_000)] = Field(description="kept for each server connection")


class PgbackrestCluster(Model):
    """Backups."""

    path: DirectoryPath = Field(description="of the repository: in the bucket, or a directory of each host")
    retention_full: Annotated[int, Field(ge=1, le=10_000)] = Field(description="full backups kept")
    bucket: BucketName | None = Field(None, description="of the object storage; null: the repository is a directory of each host")
    key: Name = Field("backups", description="the key to that bucket")
    former_path: DirectoryPath | None = Field(
        None, description="a directory of each host that held the repository before: WAL goes there too until this is null, no backup is made or removed"
    )
    from_replica: bool = Field(False, description="backups read a shard's replica, where one streams, and spare its primary")


class Bucket(Model):
    """A bucket of the object storage."""

    versions_days: Days | None = Field(
        None, description="days that an overwritten or deleted object can still be brought back; null: the store keeps no versions"
    )
    abort_uploads_days: Days = Field(7, description="days after which an upload that was never ended is dropped")
    access: dict[Name, Literal["read", "write"]] = Field(description="key → what it may do there; write reads too, and keys that are not named may do nothing")


class ObjectStorage(Model):
    """Buckets of a store that speaks S3 and is not ours."""

    service: Name = Field(description="the external service; its first name is that of the store itself")
    host: Name = Field(description="from where the buckets are managed; it has the role object_storage")
    region: Name = Field(description="of the store, part of every signature")
    style: Literal["host", "path"] = Field("host", description="host: a bucket is named in front of the store's name; path: behind it")
    principal: Principal | None = Field(None, description="how a policy names the holder of a key, with {key} for the access key; null: not known yet")
    ca_file: FilePath | None = Field(None, description="certificates of the authority that vouches for the store, on the hosts; null: a public one does")
    buckets: dict[BucketName, Bucket]


class KeyFamily(Model):
    """One family of Redis keys, with a user of its own."""

    prefix: KeyPrefix = Field(description="keys begin with it")
    ttl_s: Lifetime | None = Field(None, description="time to live, seconds; null: kept until overwritten")
    access: Literal["frame", "counter", "pending", "cache", "map", "queue"] | None = Field(
        None, description="what its user may do, by name in the role redis; null: frame with a time to live, cache without"
    )
    patterns: list[KeyPattern] = Field(default=[], description="key patterns in place of the prefix, for software that cannot be given one")
    reads: list[KeyPattern] = Field(default=[], description="patterns of further keys that its user may read only")
    channels: list[KeyPattern] = Field(default=[], description="patterns of the channels that its user may publish to and subscribe")
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
    """Automatic failover of a site's Redis: what is copied where, and who votes for another master. Their port is that of the service redis-sentinel."""

    instances: list[Name] = Field(min_length=1, description="which of clusters.redis; where each is at first, clusters.redis.<name>.host says")
    replicas: list[Name] = Field(min_length=1, description="hosts with a copy of each of them")
    sentinels: list[Name] = Field(description="hosts that vote: at least three")
    down_after_s: Seconds = Field(5, description="a master that has not answered for so long is lost, seconds")


class DatabaseUser(Model):
    """A user of a database: whose it is, and what it may do."""

    callers: list[str] = Field(description="hosts that it comes from: host names, role:X, site:X; a flow lets each of them in")
    access: list[
        Literal[
            "catalog-read", "catalog-write", "catalog-own", "embeddings-read", "embeddings-insert", "embeddings-retire",
            "routing-read", "routing-write", "tombstones-read", "tombstones-write",
        ]
    ] = Field(description="what it may do, by name in the role core_database; nothing else")
    pool_size: Connections | None = Field(None, description="most connections to PostgreSQL; null: as many as the pool has")


class Database(Model):
    """One database beside the shards: the catalogue, the images' vectors, who is on which shard, who was erased."""

    host: Name = Field(description="where it runs")
    port: Port = Field(description="TCP port of its pooler")
    database: SqlName = Field("unde", description="its name in PostgreSQL")
    dimensions: Annotated[int, Field(ge=1, le=2000)] = Field(description="of the image embeddings; pgvector indexes up to 2,000")
    pool_size: Connections = Field(description="connections to PostgreSQL, all callers together")
    users: dict[Name, DatabaseUser] = Field(description="by name; in PostgreSQL with _ for each -")


class PosthogCluster(Model):
    """PostHog, as its own Compose files have it at one commit; it has no releases."""

    app_commit: Commit | None = Field(None, description="commit of PostHog's repository that its Compose files come from")
    app_image: Digest | None = Field(None, description="digest of posthog/posthog at that commit")
    node_image: Digest | None = Field(None, description="digest of posthog/posthog-node: of that commit, or of its newest ancestor that has one")
    domain: DomainName | None = Field(None, description="name under which people open it; null: the host's address")
    retention_days: Days = Field(7, description="days that ClickHouse keeps its own logs, which grow without bound otherwise")
    clickhouse: Name | None = Field(None, description="host of ClickHouse, where it is another one: with the roles docker and posthog; null: the same")


class Watch(Model):
    """A second watch: a Prometheus and an Alertmanager that tell people what the main ones cannot, while those are lost."""

    host: Name = Field(description="where it runs: with the roles prometheus and alertmanager, away from the main ones")
    sites: list[Name] = Field(min_length=1, description="whose hosts it looks at, as far as flows let it in")
    retention_days: Days = Field(description="days that it keeps samples")
    retention_mb: Megabytes = Field(description="bound of what it keeps, MB")


class Clusters(Model):
    """The clustered services."""

    certificates: CertificateAuthority
    etcd: EtcdCluster
    patroni: PatroniCluster
    postgres: PostgresCluster
    pgbouncer: PgbouncerCluster
    pgbackrest: PgbackrestCluster
    object_storage: ObjectStorage | None = Field(None, description="the buckets outside; null: they are nobody's business here")
    redis: dict[Name, RedisInstance]
    databases: dict[Name, Database] = Field({}, description="the databases beside the shards")
    posthog: PosthogCluster | None = Field(None, description="product analytics; null: there are none")
    sentinel: Sentinel | None = Field(None, description="null: no automatic failover of Redis")
    watches: dict[Name, Watch] = Field({}, description="who tells people when the main monitoring is lost")
