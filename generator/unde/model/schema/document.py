"""What the layout was made from, what that document claims, and the order of work."""

from typing import Annotated, Literal

from pydantic import Field

from ..types import MOST, Day, Model, Name, Positive
from .shards import UsersPerShard


class Claim(Model):
    """A figure that the document states and that this project computes: where the two differ, that is a finding."""

    about: str = Field(description="name of the computed figure, or the path of a value in this file")
    says: str | int | float | Annotated[list[float], Field(min_length=2, max_length=2)] = Field(
        description="the document's value; a list is a range"
    )
    where: str = Field(description="where the document says so")
    decision: Positive | None = Field(None, description="the decision that explains the difference; it is no finding then")


class Promise(Model):
    """What users are promised when something is lost: every shard takes writes again by itself, and what is said here besides."""

    lose: Annotated[list[str], Field(min_length=1)] = Field(
        description="each of these alone: host:X, tunnel:X, site:X, link:A:B, or all hosts, tunnels, sites, links, primaries"
    )
    stays: bool = Field(False, description="writes go on where they are, without a failover")
    within_s: Annotated[float, Field(ge=0.001, le=MOST)] | None = Field(None, description="every shard takes writes again within this time, seconds")
    adds_ms: Annotated[float, Field(ge=0, le=MOST)] | None = Field(None, description="no call of the users' way takes longer than this on top, milliseconds")
    keeps: list[Name] = Field(default=[], description="services that users still have")
    where: str = Field(description="where the document says so")


#: What the redundancy of a shard is for: promised where a layout says nothing of its own.
ONE_HOST = Promise(lose=["hosts"], where="every shard has a replica, etcd an odd number of votes")


class StatedUsers(UsersPerShard):
    """How many users the document gives a shard, by an HNSW index of whole vectors."""


class Document(Model):
    """Which document the layout was made from, and what that document claims."""

    title: str = Field(description="of the document")
    version: str = Field(description="version of the document, as text")
    claims: dict[Name, Claim] = Field(default={}, description="what it states and this project computes")
    users_per_shard: StatedUsers | None = Field(None, description="what `unde capacity` and `unde cost` compare the layout with")
    promises: dict[Name, Promise] = Field(
        default={"one-host": ONE_HOST}, description="what holds when something is lost; by default that any one host may be"
    )


class RolloutDay(Model):
    """One day of the rollout."""

    phase: Positive = Field(description="the phase it belongs to")
    title: str = Field(description="what the day brings")
    needs: list[Day] = Field(default=[], description="days whose gates must be green before this one begins")
    opens: list[Name] = Field(
        default=[], description="sites whose hosts get their base system, firewall and tunnels on this day; a site named nowhere: on the first day of its hosts"
    )
    gates: list[Literal["pipeline", "drills"]] = Field(
        default=[], description="gates beside those of the roles that it brings: pipeline (services reach what they call), drills (a loss was measured)"
    )


class Rollout(Model):
    """The order of work."""

    phases: dict[Positive, str] = Field(description="phase → its title")
    days: dict[Day, RolloutDay]
