"""The entry of users: what a service does that calls other services on behalf of people outside."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ..forms import Connections, FilePath, Many, Seconds
from ..types import DomainName, Model, Name, Port

#: A prefix of a request's path, as it is written into nginx's configuration.
RoutePath = Annotated[str, StringConstraints(pattern=r"^/([A-Za-z0-9._~-]+/)*([A-Za-z0-9._~-]+)?$")]


class EntryRoute(Model):
    """Where requests go whose path begins so; the longest path that fits wins."""

    path: RoutePath = Field(description="beginning of a request's path")
    to: Name | None = Field(None, description="the service that answers, at the hosts that flows let the entry's host call: its own site's first")
    port: Port | None = Field(None, description="instead of to: what answers is beside the entry, at this port of the loopback address")
    websocket: bool = Field(False, description="connections may become WebSockets, and be silent for long")
    sites: list[Name] = Field(default=[], description="entries at these sites alone have the route, the others answer 503; empty: all")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        """Refuse a route that leads nowhere, or to two places."""
        if (self.to is None) == (self.port is None):
            raise ValueError("a route leads to a service or to a port beside it, one of the two: write either to or port")
        return self


class EntryLimits(Model):
    """What one address may ask for; beyond it the answer is 429 (413 for a body that is too large)."""

    requests_s: Many = Field(20, description="requests a second")
    burst: Many = Field(40, description="requests at once on top of that")
    connections: Connections = Field(100, description="open requests and WebSockets at a time")
    body_mb: Annotated[int, Field(ge=1, le=102_400)] = Field(20, description="largest body of a request, MB")


class EntryTimeouts(Model):
    """How long the entry waits, seconds."""

    connect_s: Seconds = Field(2, description="for a connection to whoever answers, before the next one is asked")
    answer_s: Seconds = Field(60, description="for the next bytes of an answer")
    websocket_s: Seconds = Field(3600, description="for the next message of a WebSocket, either way")
    drain_s: Seconds = Field(600, description="WebSockets outlive a reload by at most this")


class Entry(Model):
    """How users' requests are answered."""

    names: list[DomainName] = Field(description="what users call it by; who asks for another name is not answered. Empty: to be filled in")
    certificate: Literal["files", "own"] = Field(
        description="files: somebody brings it, as certbot does by a DNS challenge; own: of the estate's authority, which nobody outside trusts"
    )
    certificate_file: FilePath | None = Field(None, description="files only: the chain, PEM; null: /etc/letsencrypt/live/<first name>/fullchain.pem")
    key_file: FilePath | None = Field(None, description="files only: its key, PEM; null: /etc/letsencrypt/live/<first name>/privkey.pem")
    routes: list[EntryRoute] = Field(min_length=1)
    balancer: Name | None = Field(
        None, description="host in front of the entries of its own site: users come in there, and those entries hear it alone; null: they come to each entry"
    )
    health: RoutePath = Field("/health", description="path by which a balancer asks an entry whether it is well")
    limits: EntryLimits = Field(default_factory=EntryLimits)
    timeouts: EntryTimeouts = Field(default_factory=EntryTimeouts)

    @model_validator(mode="after")
    def _paths_once(self) -> Self:
        """Refuse a path with two routes, and files of a certificate that is ours."""
        paths = [route.path.rstrip("/") or "/" for route in self.routes]
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            raise ValueError(f"two routes for {twice}: remove one")
        if self.certificate == "own" and (self.certificate_file or self.key_file):
            raise ValueError("the place of our own certificate is known: remove certificate_file and key_file")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("a certificate and its key come together: write both files, or neither")
        return self
