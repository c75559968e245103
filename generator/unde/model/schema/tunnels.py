"""WireGuard."""

from typing import Annotated

from netaddr import IPNetwork
from pydantic import Field, field_validator

from ..types import FEWEST_SLOTS, LAST_PORT, LAST_SLOT, SLOT, GigabytesPerDay, InterfaceName, Model, Name, Network


class Tunnel(Model):
    """One WireGuard tunnel; its key in the layout is the interface's name on both ends."""

    near: Name = Field(description="the end that calls")
    far: Name = Field(description="the end that listens")
    slot: Annotated[int, Field(ge=0, le=LAST_SLOT)] = Field(description="addresses and port follow from it, for ever")
    gb_day: GigabytesPerDay | None = Field(None, description="expected traffic besides etcd's, GB a day, busy day")
    purpose: str = Field("", description="for people")


class Tunnels(Model):
    """All tunnels and what is common to them."""

    network: Network = Field(description="slot s owns the s-th /24 of it")
    near_octet: Annotated[int, Field(ge=1, le=254)] = Field(description="last octet of the calling end")
    far_octet: Annotated[int, Field(ge=1, le=254)] = Field(description="last octet of the listening end")
    base_port: Annotated[int, Field(ge=1, le=LAST_PORT - FEWEST_SLOTS + 1)] = Field(description="UDP port of slot 0; slot s listens at base_port + s")
    mtu: Annotated[int, Field(ge=1280, le=9000)] = Field(description="bytes")
    keepalive_s: Annotated[int, Field(ge=1, le=65_535)] = Field(description="seconds")
    peers: dict[InterfaceName, Tunnel]

    @field_validator("network")
    @classmethod
    def _holds_every_slot(cls, value: IPNetwork) -> IPNetwork:
        """Refuse a network that has too little room to grow into."""
        if value.size // SLOT < FEWEST_SLOTS:
            raise ValueError(f"{value} has no /24 for each of {FEWEST_SLOTS} slots: write a /16, as in 10.3.0.0/16")
        return value

    @property
    def last_slot(self) -> int:
        """Return the last slot that the network has a /24 for, and UDP a port."""
        return min(int(self.network.size) // SLOT - 1, LAST_PORT - self.base_port)
