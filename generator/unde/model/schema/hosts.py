"""Servers."""

from typing import Annotated, Literal

from pydantic import Field

from ..forms import Disk, Memory, Processors
from ..types import MOST, Address, Day, DevicePath, Model, Money, MountPath, Name, Release, RoleName, State

FirewallMode = Literal["enforce", "observe"]


class EncryptedDisk(Model):
    """A disk of its own for data, encrypted (LUKS2)."""

    device: DevicePath = Field(description="the disk as the host names it, by a name that stays: /dev/disk/by-id/…")
    mount: MountPath = Field("/var/lib/postgresql", description="what lies below is on the disk")
    unlock: Literal["operator", "tpm2"] = Field(
        "operator", description="who opens it after a boot: the operator, and the services wait; or the machine's TPM, for whoever has the machine"
    )


class HostKind(Model):
    """What a host is made of and what it does; common to typed hosts and shard templates."""

    label: str = Field(description="the document's number; decoration, the name is the identity")
    site: Name = Field(description="where it stands")
    type: str = Field(description="the provider's name of the machine type")
    vcpu: Processors = Field(description="virtual processors")
    ram_gb: Memory = Field(description="memory, GB")
    disk_gb: Disk = Field(description="data disk, GB")
    price_eur: Money | None = Field(None, description="EUR a month; null: paid already, or the provider is not chosen")
    roles: list[RoleName] = Field(description="what the host does; base and what a role implies follow")
    state: State = Field(description="create: ours to build; deployed or running: not touched beyond adopt")
    adopt: list[RoleName] = Field(default=[], description="roles that may touch a host which is not 'create'")
    release: Release = Field("trixie", description="Debian's release that it runs, 12 or 13; which role works on which: docs/reference/releases.md")
    firewall: FirewallMode | None = Field(
        None, description="enforce: what no flow names is dropped; observe: it passes, counted and logged; null: enforce where the state is create"
    )
    encrypted_disk: EncryptedDisk | None = Field(None, description="a disk of its own for data, encrypted; null: none")
    traffic_tb: Annotated[float, Field(ge=0.001, le=MOST)] | None = Field(
        None, description="outgoing traffic in the price, TB a month; null: unmetered or unknown"
    )
    day: Day | None = Field(description="day of the rollout; null: in none, which is refused")


class Host(HostKind):
    """One server."""

    address: Address = Field(description="private address")
    public_address: Address | None = Field(None, description="public address; null: to be filled in")
