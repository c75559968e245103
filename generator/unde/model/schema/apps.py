"""What makes a service one of our own: what runs, with how much of its host, and what it is told."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ..forms import Artifact, ImageName, Megabytes, Seconds, Word
from ..types import Model, Port, Share

#: Also a folder's name and a part of a URL.
Version = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._+-]{0,63}$")]
#: ``kind`` or ``kind/name``; which ones there are, `unde.plan.secrets` knows.
SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*(/[a-z0-9][a-z0-9_-]*)?$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class App(Model):
    """An application of ours; its neighbours follow from the flows that begin at its hosts."""

    deploy: Literal["unit", "image"] = Field("unit", description="unit: an archive that a systemd unit runs; image: a container that a unit runs")
    version: Version | None = Field(None, description="the release that runs; null: to be filled in")
    artifact: Artifact | None = Field(
        None, description="unit only: URL of the tar archive, or its name where the role finds archives; {version} stands for the version; "
        "null: <service>-{version}.tar.gz"
    )
    checksum: Sha256 | None = Field(None, description="unit only: SHA-256 of the archive; an archive from a URL needs it")
    command: list[Word] = Field(
        default=[], description="unit: the program, relative to the archive's root, and its arguments; image: arguments of the image's own program"
    )
    image: ImageName | None = Field(None, description="image only: registry and name, without a tag")
    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = Field(
        None, description="image only: what the version is, to the byte; null: to be filled in"
    )
    local_port: Port | None = Field(
        None, description="the TCP port on the loopback, of a service that nobody calls from elsewhere; the others have services.<name>.ports"
    )
    health: Annotated[str, StringConstraints(pattern=r"^/[!-~]*$")] = Field("/health", description="HTTP path that answers 200 when it is ready to serve")
    memory_mb: Megabytes = Field(description="it is ended when it takes more, MB")
    standby_memory_mb: Megabytes | None = Field(None, description="the same on hosts of the standby's site; null: as everywhere")
    cpu_share: Share = Field(description="of all processors of its host, at most")
    start_s: Seconds = Field(60, description="healthy within so many seconds, or the release before comes back")
    stop_s: Seconds = Field(30, description="seconds to finish what it has begun, before it is killed")
    secrets: list[SecretName] = Field(
        default=[],
        description="master-key, shard-sql, redis/<instance>-<family>, database/<database>-<user>, given/<name>; each becomes a file that it alone reads",
    )
    rereads_secrets: bool = Field(
        False, description="it reads a secret's file whenever it uses it, and where it is refused tries <file>-former if there is one, then <file> again: "
        "a new secret is handed to it without a restart"
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        """Refuse what belongs to the other way to deploy, and a unit without a program."""
        foreign = ("image", "digest") if self.deploy == "unit" else ("artifact", "checksum")
        given = [key for key in foreign if getattr(self, key) is not None]
        if given:
            raise ValueError(f"{' and '.join(given)} does not fit deploy: {self.deploy}: remove it, or deploy the other way")
        if self.deploy == "unit" and not self.command:
            raise ValueError("a unit runs a program of the archive: write command, as in [bin/serve]")
        if self.deploy == "image" and self.image is None:
            raise ValueError("deploy: image needs the image's name: write image")
        return self
