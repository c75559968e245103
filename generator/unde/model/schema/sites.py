"""Places, the ways between them, and the rows of addresses kept free to grow."""

from typing import Annotated, Literal, Self

from netaddr import IPAddress, IPNetwork
from pydantic import Field, model_validator

from ..forms import RouterosVersion
from ..types import LAST_SLOT, Address, Model, Name, Network, Place, Positive


class Gateway(Model):
    """The router of a site: where the tunnels end."""

    host: Name = Field(description="the host that is the gateway")
    engine: Literal["linux", "routeros"] = Field("linux", description="what ends the tunnels")
    placement: Literal["guest", "bare"] = Field("guest", description="routeros only: a guest on the host, or the host itself")
    acceleration: Literal["auto", "kvm", "tcg"] = Field("auto", description="routeros guest only: how the guest is executed")
    routeros_version: RouterosVersion | None = Field(None, description="routeros only: the pinned release")
    licence: Literal["free", "p1", "p10", "unlimited"] | None = Field(
        None, description="routeros only: CHR's licence; it limits each interface to 1 Mbit/s, 1 Gbit/s, 10 Gbit/s or nothing"
    )
    image_checksum: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="routeros guest only: SHA-256 of the release's disk image, chr-<version>.img.zip, as its vendor states it"
    )
    guest_network: Network = Field(
        default_factory=lambda: IPNetwork("192.168.254.0/29"),
        description="routeros guest only: the closed network of the host and its guests; the host has its first address, the guests a and b the next; "
        "192.168.254.0/29 unless given",
    )
    standby: bool = Field(False, description="routeros guest only: a second guest, b, is kept the same as the first, to switch to")
    active: Literal["a", "b"] = Field("a", description="routeros guest only: the guest that ends the tunnels")
    next_hop: Address | None = Field(
        None,
        description="the address that hosts of the site send remote traffic to; null: the gateway's own "
        "(a provider with routed private networks wants the network's first address)",
    )

    @property
    def bare(self) -> bool:
        """Whether the server is itself the router: nothing of ours runs there."""
        return self.engine == "routeros" and self.placement == "bare"

    @property
    def guests(self) -> dict[str, IPAddress]:
        """Guest → its address in the closed network; empty where no router is a guest."""
        if self.engine != "routeros" or self.placement != "guest":
            return {}
        names = ("a", "b") if self.standby else ("a",)
        return {name: IPAddress(self.guest_network.first + 2 + number, 4) for number, name in enumerate(names)}

    @property
    def guests_host(self) -> IPAddress:
        """The host's own address in the closed network."""
        return IPAddress(self.guest_network.first + 1, 4)


class HostLimits(Model):
    """The largest host that a site offers."""

    vcpu: Positive = Field(description="virtual processors")
    ram_gb: Positive = Field(description="memory, GB")


class MachineType(Model):
    """A machine that a provider rents out; what is null differs from offer to offer."""

    vcpu: Positive | None = Field(None, description="virtual processors")
    ram_gb: Positive | None = Field(None, description="memory, GB")
    disk_gb: Positive | None = Field(None, description="disk, GB")


class Site(Model):
    """One location."""

    description: str = Field("", description="what the site is for")
    provider: str = Field(description="who rents out the servers")
    failure_domain: Name = Field(description="what fails together; two sites may share one")
    networks: dict[Name, Network] = Field(description="private networks of the site")
    types: dict[str, MachineType] = Field(default={}, description="the machine types of the provider; empty: any")
    host_limits: HostLimits | None = Field(None, description="the largest host that may stand here")
    gateway: Gateway | None = Field(None, description="the router that ends this site's tunnels")


class Link(Model):
    """The way between two sites."""

    between: Annotated[list[Name], Field(min_length=2, max_length=2)] = Field(description="the two sites")
    rtt_ms: Annotated[float, Field(ge=0.001, le=10_000)] = Field(description="round-trip time, milliseconds")
    mtu: Annotated[int, Field(ge=1280, le=9000)] = Field(1500, description="largest packet of the path, bytes")


class Pool(Model):
    """A row of addresses or tunnel slots for things that are counted; number n stands at ``base + n``, for ever."""

    kind: Literal["address", "slot"] = Field(description="address: of hosts; slot: of tunnels")
    purpose: str = Field("", description="for whom it is")
    zero: Place | None = Field(None, description="the place of number 0 where it does not follow the row")
    base: Place = Field(description="what the number is added to: an address, or a slot")
    first: Positive = Field(1, description="the smallest number that follows the row")
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
