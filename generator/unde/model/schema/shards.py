"""The users' databases."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from ..forms import Disk, Memory, Processors
from ..types import Address, Count, GigabytesPerDay, InterfacePattern, Model, Money, Name, Pattern, Positive, Release, RoleName, State
from .hosts import EncryptedDisk, FirewallMode, HostKind


class ShardVariant(Model):
    """What differs for shards from a number on."""

    label: str | None = Field(None, description="as of a host; left out: as the template has it")
    type: str | None = Field(None, description="as of a host; left out: as the template has it")
    vcpu: Processors | None = Field(None, description="as of a host; left out: as the template has it")
    ram_gb: Memory | None = Field(None, description="as of a host; left out: as the template has it")
    disk_gb: Disk | None = Field(None, description="as of a host; left out: as the template has it")
    price_eur: Money | None = Field(None, description="as of a host; left out: as the template has it")
    state: State | None = Field(None, description="as of a host; left out: as the template has it")
    adopt: list[RoleName] | None = Field(None, description="as of a host; left out: as the template has it")
    release: Release | None = Field(None, description="as of a host; left out: as the template has it")
    firewall: FirewallMode | None = Field(None, description="as of a host; left out: as the template has it")
    encrypted_disk: EncryptedDisk | None = Field(None, description="as of a host; left out: as the template has it")
    public_address: Address | None = Field(None, description="as of a host; left out: as the template has it")

    @field_validator("label", "type", "vcpu", "ram_gb", "disk_gb", "state", "adopt", "release", mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        """Refuse null: what does not differ is left out."""
        if value is None:
            raise ValueError("null is no value here: leave the key out, and the template's value holds")
        return value


class ShardHost(HostKind):
    """The template of a shard's host; ``{n}`` is the shard's number."""

    name: Pattern = Field(description="{n} is the shard number")
    pool: Name = Field(description="where its address comes from")
    only: dict[Count, ShardVariant] = Field(default={}, description="number → what differs for this one shard")
    starting: dict[Count, ShardVariant] = Field(default={}, description="number → what differs from this shard on")


class ShardTunnel(Model):
    """The template of a shard's tunnel."""

    interface: InterfacePattern = Field(description="name of the interface; {n} is the shard number")
    far: Name = Field(description="the host at the other end")
    pool: Name = Field(description="where its slot comes from")
    gb_day: GigabytesPerDay | None = Field(None, description="expected traffic, GB a day, busy day")
    purpose: str = Field("", description="for people")


class UsersPerShard(Model):
    """How many users one shard holds with a year of data."""

    comfortable: Positive = Field(description="users that a shard serves at ease")
    most: Positive = Field(description="users that a shard serves at all")


class Embedding(Model):
    """The vectors of the messages."""

    dimensions: Annotated[int, Field(ge=1, le=2000)] = Field(description="pgvector indexes up to 2,000 (vector)")
    model: str = Field(
        "", pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/@+-]{0,99})?$", description="the model that they are of; those of another one are never compared with them"
    )
    messages_per_user_year: Positive = Field(description="messages of one user in a year, both sides")
    text_bytes: Positive = Field(300, description="average length of a message's text, bytes")
    index: Literal["vector", "halfvec", "bits", "none"] = Field(
        description="what finds the nearest: HNSW over vector or halfvec; bits: one bit for each component in the b-tree by user, then exact; none: exact alone"
    )
    storage: Literal["vector", "halfvec"] = Field("vector", description="precision of the column: 4 bytes a dimension, or 2")
    in_line: bool = Field(False, description="the vector stays in the page of its row (STORAGE PLAIN) instead of outside (TOAST)")
    candidates: Annotated[int, Field(ge=10, le=100_000)] = Field(
        400, description="how many messages of a user the bits choose for the exact ranking, at the least; the other kinds do not use it"
    )
    trigger_gb: Annotated[float, Field(ge=0.001, le=1_000_000)] | None = Field(
        None, description="a new shard is due when the index is larger, GB; left out: 20 for HNSW, for bits a year of users_per_shard.most, for none never"
    )
    measured_by: Literal["partitions", "parent"] = Field(
        "partitions", description="how the index is measured: the sum over its partitions, or the parent alone, which is always 0"
    )


class MasterKey(Model):
    """The key that the users' knowledge is encrypted with."""

    kept_in: Literal["tmpfs", "env-file"] = Field(description="where a host keeps it; an env-file is on disk")
    readers: list[str] = Field(description="who needs it: host names, role:X, site:X")


class Shards(Model):
    """The users' databases: how many, and the templates that each one's hosts, tunnel and names follow from."""

    count: Positive = Field(description="how many there are: numbers 0 to count - 1")
    users_per_shard: UsersPerShard
    embedding: Embedding
    partitions: Annotated[int, Field(ge=1, le=1024)] = Field(64, description="hash partitions of the chat history")
    master_key: MasterKey
    scope: Pattern = Field(description="Patroni's name of the cluster")
    stanza: Pattern = Field(description="pgBackRest's name of the cluster")
    primary: ShardHost
    replica: ShardHost
    tunnel: ShardTunnel | None = Field(None, description="the primary's tunnel; null where both members stand at one site")
