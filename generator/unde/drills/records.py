"""What a drill writes down, typed: ``run.json`` and each line of its files. The format is told, with an example, in ``docs/drills.md``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FORMAT = 1  #: of the files; another one is refused

Instant = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0)]
What = Literal["write", "replay", "read", "search"]
Result = Literal["ok", "failed", "unknown"]
Moment = Literal["before-replay", "after-replay"]
#: Bounds that a drill may set for itself, each the largest value that holds.
Bound = Literal["write_outage_s", "read_outage_s", "lost_before_replay", "routing_s", "whole_s"]


class Record(BaseModel):
    """Anything that is written down: no unknown key, no value of another type, no infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Clocked(Record):
    """Whoever writes down times says at its beginning which clock they are of."""

    host: Name = Field(description="the host it ran on")
    boot: Name = Field(description="/proc/sys/kernel/random/boot_id: who has the same one has the same monotonic clock, as containers of one machine do")
    wall: Instant = Field(description="time of day at the beginning, seconds since 1970")
    monotonic: Instant = Field(description="CLOCK_MONOTONIC in the same moment, seconds")


class ClockSample(Record):
    """What a host's time of day was, asked by the machine that runs the drill; all three seconds since 1970."""

    host: Name = Field(description="who was asked")
    boot: Name = Field(description="its boot id")
    sent: Instant = Field(description="when it was asked, by the asking machine's clock")
    answered: Instant = Field(description="its answer, by its own clock")
    received: Instant = Field(description="when the answer came, by the asking machine's clock")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.received < self.sent:
            raise ValueError("received lies before sent")
        return self


class Run(Clocked):
    """``run.json``: what was done, under which conditions; its clock is the one that all others are compared with."""

    format: Literal[1] = Field(description="of all files of the run")
    name: Name = Field(description="of this run, unlike any other's")
    drill: Name = Field(description="the drill, as its playbook is named")
    fault: Name = Field(description="one of unde.drills.faults.FAULTS")
    targets: tuple[Name, ...] = Field((), description="the hosts, tunnels or sites that it hit")
    losses: tuple[Name, ...] = Field((), description="the same for `unde survive --lose`; empty where it has no word for the fault")
    rtt_ms: Annotated[float, Field(ge=0)] = Field(description="round-trip time between the sites, milliseconds")
    loss_percent: Annotated[float, Field(ge=0, le=100)] = Field(description="packets lost between the sites, percent")
    command: Name = Field(description="the command that gives this run again")
    revision: Name | None = Field(None, description="of the code, as git names it")
    judged: tuple[Name, ...] = Field((), description="clients whom the fault leaves a way to the shard; empty: all that connect again")
    bounds: dict[Bound, Annotated[float, Field(ge=0)]] = Field(default={}, description="what the drill itself promises, at most")
    alerts: tuple[Name, ...] = Field((), description="alerts that have to fire")
    clocks: tuple[ClockSample, ...] = Field((), description="of every host with another boot id, at the beginning and at the end")


class _Said(BaseModel):
    """A row of ``unde survive --format json``, as far as a drill can measure it; what it says besides is let through."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class ShardForetold(_Said):
    """What becomes of a shard; ``rto_s``: shortest and longest time until it takes writes again, seconds; none: until somebody mends it."""

    name: Name
    where: Name | None
    moved: bool
    rto_s: tuple[float, float] | None


class LossForetold(_Said):
    """What comes of a loss."""

    name: Name
    shards: tuple[ShardForetold, ...]


class PromiseForetold(_Said):
    """A promise of the document that speaks of the loss, with its bounds."""

    name: Name
    where: str
    within_s: float | None = None
    stays: bool = False
    adds_ms: float | None = None


class Foretold(Record):
    """``foretold.json``: what ``unde survive --lose …`` said before the fault."""

    loss: LossForetold | None
    promises: tuple[PromiseForetold, ...]

    def speaks_of(self, losses: tuple[str, ...]) -> bool:
        """Return whether the loss is the one of these names; a link may be named from either end."""
        def plain(name: str) -> tuple[str, ...]:
            kind, *ends = name.split(":")
            return (kind, *(sorted(ends) if kind == "link" else ends))

        return self.loss is not None and {plain(name) for name in self.loss.name.split(" + ")} == {plain(name) for name in losses}


class Client(Clocked):
    """First line of a client's file."""

    kind: Literal["client"]
    format: Literal[1]
    client: Name = Field(description="its name, unlike any other's in this run")
    site: Name = Field(description="where its host stands")
    shard: Name = Field(description="the shard it speaks to, as `shard0`")
    users: tuple[Count, ...] = Field((), description="the users it writes for; no other client writes for them")
    write_interval_s: Annotated[float, Field(gt=0)] | None = Field(None, description="from one write of a worker to its next, seconds; none: it does not write")
    read_interval_s: Annotated[float, Field(gt=0)] | None = Field(None, description="the same for reads")
    search_interval_s: Annotated[float, Field(gt=0)] | None = Field(None, description="the same for hybrid searches")
    reconnects: bool = Field(True, description="false: it keeps the session that it opened before the fault, whatever becomes of it")


    def interval_s(self, what: What) -> float | None:
        """Return the interval of a sort of operation; None: the client has none of it, or no interval (a replay)."""
        return {"write": self.write_interval_s, "read": self.read_interval_s, "search": self.search_interval_s, "replay": None}[what]


class Operation(Record):
    """One attempt, written down when its result is known."""

    kind: Literal["operation"]
    what: What
    worker: Count = Field(0, description="which of the client's workers; a worker does one thing after another")
    user: Count
    number: Count | None = Field(None, description="of a write: the user's next number; a repeated attempt keeps it")
    begin: Instant = Field(description="monotonic, before it was sent")
    end: Instant = Field(description="monotonic, when its result was known")
    result: Result = Field(description="ok: acknowledged; failed: certainly without effect; unknown: anything else, as a silence")
    member: Name | None = Field(None, description="the host whose PostgreSQL answered")
    timeline: Count | None = Field(None, description="of an acknowledged write: the member's timeline")
    of: Literal["primary", "replica"] | None = Field(None, description="of a read: whom it asked; acknowledged only if pg_is_in_recovery() said the same")
    seen: Count | None = Field(None, description="of a read: the user's largest number that it found; none: it found nothing")
    error: str | None = Field(None, description="what the client was told")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        writes = self.what in ("write", "replay")
        if self.end < self.begin:
            raise ValueError(f"end {self.end} lies before begin {self.begin}")
        if writes != (self.number is not None):
            raise ValueError(f"a {self.what} {'needs a number' if writes else 'has no number'}")
        if writes and (self.of is not None or self.seen is not None):
            raise ValueError(f"a {self.what} has neither 'of' nor 'seen'")
        if not writes and self.of is None:
            raise ValueError(f"a {self.what} says whom it asked: 'of', primary or replica")
        needed = {"member": self.member, **({"timeline": self.timeline} if writes else {})}
        missing = [name for name, value in needed.items() if value is None] if self.result == "ok" else []
        if missing:
            raise ValueError(f"a {self.what} that was acknowledged needs {' and '.join(missing)}")
        return self


class State(Clocked):
    """First line of what a shard's writable member held when all clients were silent."""

    kind: Literal["state"]
    format: Literal[1]
    shard: Name
    moment: Moment = Field(description="before the clients wrote their lost writes again, or after")
    member: Name
    timeline: Count


class Row(Record):
    """A row of the drill's table."""

    kind: Literal["row"]
    user: Count
    number: Count
    position: Count = Field(description="grows from row to row as they were inserted (an identity column)")


class Observer(Clocked):
    """First line of an observer's file."""

    kind: Literal["observer"]
    format: Literal[1]
    observer: Name


class Event(Record):
    """Something that was seen."""

    at: Instant = Field(description="monotonic, when it was seen")
    since: Instant | None = Field(None, description="monotonic, when it was last seen otherwise")


class Injected(Event):
    """The fault began; of several the first counts."""

    kind: Literal["fault"]
    name: Name
    target: Name


class Mended(Event):
    """What was broken was given back: power, tunnel, process."""

    kind: Literal["mended"]
    name: Name
    target: Name


class Leader(Event):
    """Who leads a shard; none: nobody does."""

    kind: Literal["leader"]
    shard: Name
    member: Name | None
    timeline: Count | None = None


class VotesLeader(Event):
    """Who leads etcd."""

    kind: Literal["votes-leader"]
    member: Name | None


class Routing(Event):
    """What a site's routing record says."""

    kind: Literal["routing"]
    site: Name
    shard: Name
    member: Name | None
    stale: bool = False
    epoch: Count | None = None


class Whole(Event):
    """Whether every member of a shard runs and follows."""

    kind: Literal["whole"]
    shard: Name
    whole: bool


class Lag(Event):
    """How far a member is behind the leader."""

    kind: Literal["lag"]
    shard: Name
    member: Name
    lag_bytes: Count


class Alert(Event):
    """An alert began or ended, as an Alertmanager has it."""

    kind: Literal["alert"]
    name: Name
    state: Literal["firing", "resolved"]
    watch: Name = Field(description="the site whose Alertmanager says so")
    about: str = Field("", description="what it is about, as a host")


class End(Record):
    """Last line: the file is whole. A client that was killed has none."""

    kind: Literal["end"]
    wall: Instant
    monotonic: Instant
    lines: Count = Field(description="how many lines stand between the first and this one")


Header = Annotated[Client | State | Observer, Field(discriminator="kind")]
Seen = Injected | Mended | Leader | VotesLeader | Routing | Whole | Lag | Alert
Line = Annotated[
    Operation | Row | End | Injected | Mended | Leader | VotesLeader | Routing | Whole | Lag | Alert, Field(discriminator="kind")
]
#: First line → the lines that may follow it, beside the last one.
FOLLOWS: dict[type[Record], tuple[type[Record], ...]] = {
    Client: (Operation,), State: (Row,), Observer: (Injected, Mended, Leader, VotesLeader, Routing, Whole, Lag, Alert),
}
