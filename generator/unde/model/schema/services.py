"""Who listens, and who may talk to whom."""

from typing import Literal, Self

from pydantic import Field, model_validator

from ..types import DomainName, Model, Money, Name, Network, Port, Positive
from .apps import App
from .entry import Entry


class ScalingStep(Model):
    """A step of a service that grows beside the shards."""

    when: str = Field(description="what is measured and asks for it, as \"p95 of responses > 200 ms\"")
    then: str = Field(description="what is added")
    users: Positive | None = Field(None, description="from this number of users on; without it only the measurement tells")
    eur: Money | None = Field(None, description="EUR a month of the whole service from then on")


class Service(Model):
    """Something that listens: on hosts of ours, or outside."""

    hosts: list[str] = Field(default=[], description="where it listens: host names, role:X, site:X, or all")
    external: str | None = Field(None, description="instead of hosts: who runs it, for services that are not ours")
    networks: list[Network] = Field(default=[], description="of an external service: where it is, or its people come from; none: anywhere")
    names: list[DomainName] = Field(default=[], description="of an external service: DNS names, looked up by its callers' firewalls again and again")
    public: bool = Field(False, description="of an external service: its callers come from anywhere, and are meant to")
    ports: list[Port] = Field(default=[], description="TCP or UDP ports")
    protocol: Literal["tcp", "udp"] = Field("tcp", description="of its ports")
    metrics: bool = Field(False, description="Prometheus scrapes it")
    tls: bool = Field(False, description="it speaks TLS")
    jobs: dict[Name, Name] = Field(default={}, description="host → name of its scrape job, where it is not the derived one")
    job: Name | None = Field(None, description="it has a scrape job of its own, named as its hosts' with this behind it; without it joins theirs")
    standby: Name | None = Field(None, description="the site that keeps a warm standby: one of the hosts must stand there")
    app: App | None = Field(None, description="it is one of our own: what the role app_service runs on its hosts; null: something else")
    scaling: list[ScalingStep] = Field(default=[], description="how it grows, smallest step first")
    entry: Entry | None = Field(None, description="users come in here: the hosts have the role nginx_gateway, and answer by these routes")
    note: str = Field("", description="for people")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        """Refuse a service that is nowhere, or both on hosts of ours and outside."""
        if bool(self.hosts) == (self.external is not None):
            raise ValueError("a service is on hosts of ours or external, one of the two: write either hosts or external")
        if self.entry and (self.external is not None or len(self.ports) != 1 or self.protocol != "tcp"):
            raise ValueError("an entry is a service of ours with one TCP port: write its hosts and its port")
        if self.external is None and (self.networks or self.names or self.public):
            raise ValueError("the addresses of hosts of ours are known: networks, names and public are for external services")
        if self.networks and self.names:
            raise ValueError("networks say where it is, names ask DNS: write one of the two")
        return self

    @model_validator(mode="after")
    def _one_port(self) -> Self:
        """Refuse an application of ours that is not ours to run, or listens nowhere or in two places."""
        if self.app and self.external is not None:
            raise ValueError("an external service is not ours to run: remove app")
        if self.app and (len(self.ports) + (self.app.local_port is not None) != 1 or self.protocol != "tcp"):
            raise ValueError("an application of ours listens on one TCP port, where it is asked for its health too: write one of ports and app.local_port")
        return self


class Flow(Model):
    """Who may open connections to what; everything else is denied."""

    callers: list[str] = Field(alias="from", min_length=1, description="host names, role:X, site:X, all, or external services")
    to: list[Name] = Field(min_length=1, description="services")
    within: Literal["shard"] | None = Field(None, description="shard: each shard's members among themselves only")
    at: list[Name] = Field(default=[], description="sites: of a service's hosts those that stand there only; none: all of them")
    note: str = Field("", description="for people")
