"""Servers."""

from typing import Annotated

from pydantic import Field

from ..types import Address, Day, Model, Money, Name, Positive, RoleName, State


class HostKind(Model):
    """What a host is made of and what it does; common to typed hosts and shard templates."""

    label: str = Field(description="the document's number; decoration, the name is the identity")
    site: Name = Field(description="where it stands")
    type: str = Field(description="the provider's name of the machine type")
    vcpu: Positive = Field(description="virtual processors")
    ram_gb: Positive = Field(description="memory, GB")
    disk_gb: Positive = Field(description="data disk, GB")
    price_eur: Money | None = Field(None, description="EUR a month; null: paid already, or the provider is not chosen")
    roles: list[RoleName] = Field(description="what the host does; base and what a role implies follow")
    state: State = Field(description="create: ours to build; deployed or running: not touched beyond adopt")
    adopt: list[RoleName] = Field(default=[], description="roles that may touch a host which is not 'create'")
    traffic_tb: Annotated[float, Field(gt=0)] | None = Field(None, description="outgoing traffic in the price, TB a month; null: unmetered or unknown")
    day: Day | None = Field(description="day of the rollout; null: in none, which is refused")


class Host(HostKind):
    """One server."""

    address: Address = Field(description="private address")
    public_address: Address | None = Field(None, description="public address; null: to be filled in")
