"""The faults that drills know, and the conditions under which each is to be measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """Something that is broken on purpose.

    Attributes:
        title: what people read.
        rtts_ms, losses_percent: the conditions that it is measured under; a fault that is a condition itself brings its own.

    """

    title: str
    rtts_ms: tuple[float, ...] = (0, 40, 120, 200)
    losses_percent: tuple[float, ...] = (0, 5)

    @property
    def conditions(self) -> list[tuple[float, float]]:
        """Every round-trip time with every loss of packets."""
        return [(rtt, loss) for rtt in self.rtts_ms for loss in self.losses_percent]


#: By the name that ``run.json`` has.
FAULTS = {
    "postgres-killed": Fault("PostgreSQL of the primary killed"),
    "primary-frozen": Fault("primary frozen, thawed after the promotion"),
    "host-lost": Fault("host of the primary lost"),
    "tunnel-cut": Fault("tunnel cut, both ways"),
    "tunnel-cut-outward": Fault("tunnel cut, from the primary outward only"),
    "tunnel-cut-inward": Fault("tunnel cut, towards the primary only"),
    "packets-lost": Fault("30 % of the packets lost", losses_percent=(30,)),
    "rtt-grown": Fault("RTT grown to 400 ms", rtts_ms=(400,)),
    "etcd-leader-lost": Fault("etcd’s leader lost"),
    "vote-frozen": Fault("a vote frozen"),
    "two-votes-lost": Fault("two votes lost"),
    "gateway-rebooted": Fault("gateway rebooted"),
    "primary-site-lost": Fault("the primaries’ site lost"),
    "replica-site-lost": Fault("the replicas’ site lost"),
    "witness-lost": Fault("the witness lost"),
    "site-cut-off": Fault("the primaries’ site cut off from both others"),
    "disk-full": Fault("disk of the primary full"),
    "archive-away": Fault("WAL archive away"),
    "redis-lost": Fault("Redis lost"),
    "monitoring-lost": Fault("monitoring lost"),
    "primary-returns": Fault("former primary returns"),
    "estate-off-and-on": Fault("whole estate off and on"),
    "site-killed": Fault("site.yml killed in the middle"),
}
