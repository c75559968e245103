"""What a host that somebody else set up looks like: typed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Seen(BaseModel):
    """Something that the host told; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Listener(Seen):
    """A socket that waits."""

    protocol: str = Field(description="tcp or udp")
    address: str = Field(description="empty: any")
    port: int
    program: str = Field(description="empty: the kernel, or it ended meanwhile")
    unit: str = Field(description="its unit of systemd; empty: none")

    @property
    def near(self) -> bool:
        """Whether only the host itself can reach it."""
        return self.address.startswith("127.") or self.address == "::1"


class Connection(Seen):
    """Connections that stand, of one party to one port."""

    way: str = Field(description="in or out, seen from the host")
    peer: str
    port: int = Field(description="at the listening end")
    program: str = Field(description="on this host")
    count: int


class Disk(Seen):
    """A file system."""

    mount: str
    device: str
    bytes: int
    free: int = Field(description="bytes")


class Apt(Seen):
    """What dpkg and apt say of themselves."""

    lists_age_s: int | None = Field(description="since the lists of packages were fetched, seconds; null: never")
    unattended: bool = Field(description="whether packages are upgraded by themselves")
    held: list[str]
    broken: list[str] = Field(description="packages that are half installed")


class Cluster(Seen):
    """A PostgreSQL server that Debian's tools know."""

    version: str
    name: str
    port: str
    status: str
    owner: str
    data: str


class Survey(Seen):
    """A host, as the module ``unde.infra.host_survey_info`` tells of it."""

    hostname: str
    system: str = Field(description="ID of os-release")
    version: str = Field(description="VERSION_ID of os-release")
    vcpu: int
    ram_bytes: int
    reboot_required: bool
    needrestart: bool = Field(description="whether a package's installation may restart services by itself")
    addresses: list[str]
    listens: list[Listener]
    connections: list[Connection]
    services: dict[str, str] = Field(description="running units: main process and when it began")
    disks: list[Disk]
    firewalls: list[str]
    apt: Apt
    postgres: list[Cluster]
    tracked: int = Field(description="connections that the kernel follows")
    tracked_most: int = Field(description="how many it can; 0: it follows none yet")
    encrypted: list[str] = Field(description="names in crypttab")
