"""The shape of ``layout.yml``: one class for each kind of object, every field with its unit and meaning.

No class here knows a rule that needs two objects; those are in ``unde.checks``. Annotations are evaluated where they stand:
postponed ones pydantic would compile one by one, at every start.
"""

from typing import Literal

from pydantic import Field

from ..types import Model, Name, Positive
from .apps import App
from .clusters import (
    Bucket,
    CertificateAuthority,
    Clusters,
    Database,
    DatabaseUser,
    EtcdCluster,
    KeyFamily,
    ObjectStorage,
    PatroniCluster,
    PgbackrestCluster,
    PgbouncerCluster,
    PostgresCluster,
    RedisInstance,
    Sentinel,
    WalBounds,
    Watch,
)
from .costs import Component, Configuration, CostLine, Costs, Range
from .document import Claim, Document, Promise, Rollout, RolloutDay
from .entry import Entry, EntryLimits, EntryRoute, EntryTimeouts
from .hosts import EncryptedDisk, Host, HostKind
from .services import Flow, ScalingStep, Service
from .shards import Embedding, MasterKey, ShardHost, Shards, ShardTunnel, ShardVariant, UsersPerShard
from .sites import Gateway, HostLimits, Link, MachineType, Pool, Site
from .tunnels import Tunnel, Tunnels

__all__ = [
    "App",
    "Bucket",
    "CertificateAuthority",
    "Claim",
    "Clusters",
    "Component",
    "Configuration",
    "CostLine",
    "Costs",
    "Database",
    "DatabaseUser",
    "Document",
    "Embedding",
    "EncryptedDisk",
    "Entry",
    "EntryLimits",
    "EntryRoute",
    "EntryTimeouts",
    "EtcdCluster",
    "Flow",
    "Gateway",
    "Host",
    "HostKind",
    "HostLimits",
    "KeyFamily",
    "Layout",
    "Link",
    "MachineType",
    "MasterKey",
    "ObjectStorage",
    "PatroniCluster",
    "PgbackrestCluster",
    "PgbouncerCluster",
    "Pool",
    "PostgresCluster",
    "Promise",
    "Range",
    "RedisInstance",
    "Rollout",
    "RolloutDay",
    "ScalingStep",
    "Sentinel",
    "Service",
    "ShardHost",
    "ShardTunnel",
    "ShardVariant",
    "Shards",
    "Site",
    "Tunnel",
    "Tunnels",
    "UsersPerShard",
    "WalBounds",
    "Watch",
]


class Layout(Model):
    """The whole file."""

    plugin: Literal["unde.infra.layout"] = Field(description="Ansible reads this file as an inventory by it")
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
    decisions: dict[Positive, str] = Field(description="row → what was decided where the document contradicts itself; comments and rules name the rows")
