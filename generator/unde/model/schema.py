"""The shape of ``layout.yml``: one class for each kind of object, every field with its unit and meaning.

No class here knows a rule that needs two objects; those are in ``unde.checks``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from netaddr import IPAddress, IPNetwork
from pydantic import Field, field_validator, model_validator

from .roles import ROLES
from .types import Address, Count, InterfaceName, InterfacePattern, Model, Name, Network, Pattern, Place, Port, Positive

if TYPE_CHECKING:
    RoleName = str
else:
    RoleName = Literal[tuple(ROLES)]

LAST_SLOT = 255  #: a tunnel's slot is the third octet of its addresses
State = Literal["create", "deployed", "running"]
Day = Annotated[int, Field(ge=1, le=99)]
Money = Annotated[float, Field(ge=0)]


class Document(Model):
    """Which document the layout was made from."""

    title: str
    version: str = Field(description="version of the document, as text")


class Gateway(Model):
    """The router of a site: where the tunnels end."""

    host: Name = Field(description="the host that is the gateway")
    engine: Literal["linux", "routeros"] = Field("linux", description="what ends the tunnels")
    placement: Literal["guest", "bare"] = Field("guest", description="routeros only: a guest on the host, or the host itself")
    acceleration: Literal["auto", "kvm", "tcg"] = Field("auto", description="routeros guest only: how the guest is executed")
    routeros_version: str | None = Field(None, description="routeros only: the pinned release")
    next_hop: Address | None = Field(
        None,
        description="the address that hosts of the site send remote traffic to; null: the gateway's own "
        "(a provider with routed private networks wants the network's first address)",
    )


class HostLimits(Model):
    """The largest host that a site offers."""

    vcpu: Positive = Field(description="virtual processors")
    ram_gb: Positive = Field(description="memory, GB")


class Site(Model):
    """One location."""

    description: str = ""
    provider: str = Field(description="who rents out the servers")
    failure_domain: Name = Field(description="what fails together; two sites may share one")
    networks: dict[Name, Network] = Field(description="private networks of the site")
    host_limits: HostLimits | None = Field(None, description="the largest host that may stand here")
    gateway: Gateway | None = Field(None, description="the router that ends this site's tunnels")


class Link(Model):
    """The way between two sites."""

    between: Annotated[list[Name], Field(min_length=2, max_length=2)]
    rtt_ms: Annotated[float, Field(gt=0)] = Field(description="round-trip time, milliseconds")
    mtu: Annotated[int, Field(ge=1280, le=9000)] = Field(1500, description="largest packet of the path, bytes")


class Pool(Model):
    """A row of addresses or tunnel slots for things that are counted; number n stands at ``base + n``, for ever."""

    kind: Literal["address", "slot"]
    purpose: str = ""
    zero: Place | None = Field(None, description="the place of number 0 where it does not follow the row")
    base: Place = Field(description="what the number is added to: an address, or a slot")
    size: Annotated[int, Field(ge=1, le=65534)] = Field(description="the largest number")

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        """Refuse a row of another kind than its pool, and one that runs beyond the last address or slot."""
        wanted, what, last = (IPAddress, "an address", 0xFFFFFFFF) if self.kind == "address" else (int, "a slot", LAST_SLOT)
        for key, value in (("zero", self.zero), ("base", self.base)):
            if value is not None and not isinstance(value, wanted):
                raise ValueError(f"{key} {value} does not fit the kind {self.kind}: write {what}")
        if int(self.base) + self.size > last or int(self.zero or 0) > last:
            raise ValueError(f"{self.base} + {self.size} is beyond the last {self.kind}: the row ends at {wanted(last)}")
        return self


class HostKind(Model):
    """What a host is made of and what it does; common to typed hosts and shard templates."""

    label: str = Field(description="the document's number; decoration, the name is the identity")
    site: Name
    type: str = Field(description="the provider's name of the machine type")
    vcpu: Positive = Field(description="virtual processors")
    ram_gb: Positive = Field(description="memory, GB")
    disk_gb: Positive = Field(description="data disk, GB")
    price_eur: Money | None = Field(None, description="EUR a month; null: paid already, or the provider is not chosen")
    roles: list[RoleName] = Field(description="what the host does; base and what a role implies follow")
    state: State = Field(description="create: ours to build; deployed or running: not touched beyond adopt")
    adopt: list[RoleName] = Field(default=[], description="roles that may touch a host which is not 'create'")
    day: Day = Field(description="day of the rollout")


class Host(HostKind):
    """One server."""

    address: Address = Field(description="private address")
    public_address: Address | None = Field(None, description="public address; null: to be filled in")


class ShardVariant(Model):
    """What differs for shards from a number on."""

    label: str | None = None
    type: str | None = None
    vcpu: Positive | None = None
    ram_gb: Positive | None = None
    disk_gb: Positive | None = None
    price_eur: Money | None = None
    state: State | None = None
    adopt: list[RoleName] | None = None
    public_address: Address | None = None

    @field_validator("label", "type", "vcpu", "ram_gb", "disk_gb", "state", "adopt", mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        """Refuse null: what does not differ is left out."""
        if value is None:
            raise ValueError("null is no value here: leave the key out, and the template's value holds")
        return value


class ShardHost(HostKind):
    """The template of a shard's host; ``{n}`` is the shard's number."""

    name: Pattern
    pool: Name = Field(description="where its address comes from")
    only: dict[Count, ShardVariant] = Field(default={}, description="number → what differs for this one shard")
    starting: dict[Count, ShardVariant] = Field(default={}, description="number → what differs from this shard on")


class ShardTunnel(Model):
    """The template of a shard's tunnel."""

    interface: InterfacePattern
    far: Name
    pool: Name = Field(description="where its slot comes from")
    purpose: str = ""


class UsersPerShard(Model):
    """How many users one shard holds with a year of data."""

    comfortable: Positive
    most: Positive


class Embedding(Model):
    """The vectors of the messages."""

    dimensions: Annotated[int, Field(ge=1, le=2000)] = Field(description="pgvector indexes up to 2,000 (vector)")
    messages_per_user_year: Positive
    index: Literal["vector", "halfvec", "none"] = Field(description="what the HNSW index holds; none: exact search only")


class Shards(Model):
    """The users' databases: how many, and the templates that each one's hosts, tunnel and names follow from."""

    count: Positive
    users_per_shard: UsersPerShard
    embedding: Embedding
    partitions: Positive = Field(64, description="hash partitions of the chat history")
    scope: Pattern = Field(description="Patroni's name of the cluster")
    stanza: Pattern = Field(description="pgBackRest's name of the cluster")
    primary: ShardHost
    replica: ShardHost
    tunnel: ShardTunnel | None = Field(None, description="the primary's tunnel; null where both members stand at one site")


class Tunnel(Model):
    """One WireGuard tunnel; its key in the layout is the interface's name on both ends."""

    near: Name = Field(description="the end that calls")
    far: Name = Field(description="the end that listens")
    slot: Annotated[int, Field(ge=0, le=LAST_SLOT)] = Field(description="addresses and port follow from it, for ever")
    purpose: str = ""


class Tunnels(Model):
    """All tunnels and what is common to them."""

    network: Network = Field(description="slot s owns the s-th /24 of it")
    near_octet: Annotated[int, Field(ge=1, le=254)] = Field(description="last octet of the calling end")
    far_octet: Annotated[int, Field(ge=1, le=254)] = Field(description="last octet of the listening end")
    base_port: Annotated[int, Field(ge=1, le=65535 - LAST_SLOT)] = Field(description="UDP port of slot 0; slot s listens at base_port + s")
    mtu: Annotated[int, Field(ge=1280, le=9000)] = Field(description="bytes")
    keepalive_s: Positive = Field(description="seconds")
    peers: dict[InterfaceName, Tunnel]

    @field_validator("network")
    @classmethod
    def _holds_every_slot(cls, value: IPNetwork) -> IPNetwork:
        """Refuse a network that has no room for every slot."""
        if value.prefixlen > 16:
            raise ValueError(f"{value} has no /24 for each slot up to {LAST_SLOT}: write a /16, as in 10.3.0.0/16")
        return value


class EtcdCluster(Model):
    """The etcd cluster; its members are the hosts with the role etcd."""

    token: str
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

    slot_share: Annotated[float, Field(gt=0, lt=1)] = Field(description="share of the data disk for replication slots")
    archive_share: Annotated[float, Field(gt=0, lt=1)] = Field(description="share of the data disk for the archive queue")
    alert_gb: Positive = Field(description="alert at this much, GB")


class PostgresCluster(Model):
    """What is common to all shards' PostgreSQL."""

    version: str
    repository: Literal["distribution", "pgdg"] = Field(description="where the packages come from")
    wal: WalBounds


class PgbouncerCluster(Model):
    """Connection pooling, for each shard member."""

    pool_size: Positive = Field(description="server connections for each database and user")
    max_client_connections: Positive
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
    purpose: str = ""


class RedisInstance(Model):
    """One Redis process."""

    host: Name
    port: Port
    memory_share: Annotated[float, Field(gt=0, lt=1)] = Field(description="share of the host's memory")
    policy: Literal["allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl", "noeviction"]
    persistence: Literal["none", "aof"]
    families: dict[Name, KeyFamily]


class Clusters(Model):
    """The clustered services."""

    certificates: CertificateAuthority
    etcd: EtcdCluster
    patroni: PatroniCluster
    postgres: PostgresCluster
    pgbouncer: PgbouncerCluster
    pgbackrest: PgbackrestCluster
    redis: dict[Name, RedisInstance]


class Service(Model):
    """Something that listens: on hosts of ours, or outside."""

    hosts: list[str] = Field(default=[], description="where it listens: host names, role:X, site:X, or all")
    external: str | None = Field(None, description="instead of hosts: who runs it, for services that are not ours")
    ports: list[Port] = Field(default=[], description="TCP or UDP ports")
    protocol: Literal["tcp", "udp"] = "tcp"
    metrics: bool = Field(False, description="Prometheus scrapes it")
    tls: bool = Field(False, description="it speaks TLS")
    jobs: dict[Name, Name] = Field(default={}, description="host → name of its scrape job, where it is not the derived one")
    note: str = ""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        """Refuse a service that is nowhere, or both on hosts of ours and outside."""
        if bool(self.hosts) == (self.external is not None):
            raise ValueError("a service is on hosts of ours or external, one of the two: write either hosts or external")
        return self


class Flow(Model):
    """Who may open connections to what; everything else is denied."""

    callers: list[str] = Field(alias="from", min_length=1, description="host names, role:X, site:X, all, or external services")
    to: list[Name] = Field(min_length=1, description="services")
    within: Literal["shard"] | None = Field(None, description="shard: each shard's members among themselves only")
    note: str = ""


class RolloutDay(Model):
    """One day of the rollout."""

    phase: Positive
    title: str


class Rollout(Model):
    """The order of work."""

    phases: dict[Positive, str]
    days: dict[Day, RolloutDay]


class CostLine(Model):
    """A monthly cost that is not a host's."""

    eur: Money = Field(description="EUR a month")
    note: str = ""


class Range(Model):
    """A monthly price range of a provider."""

    low: Money
    high: Money
    currency: Literal["EUR", "USD"]


class Costs(Model):
    """What is paid besides hosts; totals are computed, never typed."""

    usd_per_eur: Annotated[float, Field(gt=0)] = Field(description="exchange rate")
    lines: dict[Name, CostLine]
    local_site_options: dict[Name, Range] = Field(description="offers for all hosts of the local site together")


class Layout(Model):
    """The whole file."""

    plugin: Literal["unde.infra.layout"]
    document: Document
    sites: dict[Name, Site]
    links: dict[Name, Link]
    pools: dict[Name, Pool]
    hosts: dict[Name, Host]
    shards: Shards
    tunnels: Tunnels
    clusters: Clusters
    services: dict[Name, Service]
    flows: dict[Name, Flow]
    rollout: Rollout
    costs: Costs
    decisions: dict[Positive, str]
