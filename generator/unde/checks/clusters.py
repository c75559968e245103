"""Clusters: enough votes, in places that do not fail together, with timing that the links allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..model import Estate
from ..plan import clusters
from .rules import Violation, rule

LEAST_TTL_S = 20  #: Patroni refuses less (patroni.readthedocs.io, "Dynamic Configuration Settings")
HEARTBEAT_PER_RTT = (0.5, 1.5)  #: etcd.io, "Tuning"
LEAST_ELECTION_PER_RTT = 10  #: etcd.io, "Tuning"
LEAST_ELECTION_PER_HEARTBEAT = 5  #: etcd refuses to start below
MOST_ELECTION_MS = 50_000  #: etcd refuses to start above


@rule("etcd-members")
def votes(estate: Estate) -> Iterator[Violation]:
    """The etcd cluster has an odd number of members, three or more; only a layout without Patroni needs none."""
    members = estate.by_role["etcd"]
    if not members and not estate.by_role["patroni"]:
        return
    if len(members) < 3 or len(members) % 2 == 0:
        what = "fewer than three cannot lose one" if len(members) < 3 else "an even number loses no more than one fewer would"
        names = ", ".join(member.name for member in members) or "none"
        yield Violation(("clusters", "etcd"), f"etcd has {len(members)} members ({names}): {what}", "give the role etcd to three hosts, or five")


@rule("etcd-majority", rows=(8,))
def majority(estate: Estate) -> Iterator[Violation]:
    """No single failure domain holds a majority of the votes, where the estate has more than one."""
    domains = {name: site.failure_domain for name, site in estate.layout.sites.items()}
    members = [member for member in estate.by_role["etcd"] if member.site in domains]
    if len(set(domains.values())) < 2:
        return
    for domain, held in Counter(domains[member.site] for member in members).items():
        if held * 2 > len(members):
            there = [member for member in members if domains[member.site] == domain]
            yield Violation(
                (*there[-1].path, "site"),
                f"{held} of {len(members)} votes stand in failure domain '{domain}' ({', '.join(member.name for member in there)}): "
                "when it is lost, nobody has a quorum and every primary steps down",
                "move votes until no domain has a majority: one in each of three", warn=True,
            )


@rule("shard-one-domain")
def apart(estate: Estate) -> Iterator[Violation]:
    """The members of a shard stand in different failure domains, where the estate has more than one."""
    sites, shards = estate.layout.sites, estate.layout.shards
    primary, replica = sites.get(shards.primary.site), sites.get(shards.replica.site)
    if primary and replica and primary.failure_domain == replica.failure_domain and len({site.failure_domain for site in sites.values()}) > 1:
        yield Violation(
            ("shards", "replica", "site"),
            f"primaries ('{shards.primary.site}') and replicas ('{shards.replica.site}') stand in one failure domain, "
            f"'{primary.failure_domain}': one loss takes both",
            "place the replicas in another failure domain",
        )


@rule("etcd-timing", derives=True)
def etcd_timing(estate: Estate) -> Iterator[Violation]:
    """Heartbeat and election timeout suit the longest way between members."""
    wanted = estate.layout.clusters.etcd
    settings = clusters.etcd(estate).settings
    rtt, heartbeat, election = (float(str(settings[key])) for key in ("rtt_ms", "heartbeat_ms", "election_ms"))
    low, high = HEARTBEAT_PER_RTT
    if not low <= wanted.heartbeat_per_rtt <= high:
        yield Violation(
            ("clusters", "etcd", "heartbeat_per_rtt"),
            f"a heartbeat of {wanted.heartbeat_per_rtt:g} × RTT ({heartbeat:g} ms at {rtt:g} ms) is outside {low} to {high} × RTT", f"choose {low} to {high}",
        )
    if wanted.election_per_rtt < LEAST_ELECTION_PER_RTT:
        yield Violation(
            ("clusters", "etcd", "election_per_rtt"),
            f"an election timeout of {wanted.election_per_rtt:g} × RTT ({election:g} ms at {rtt:g} ms) is below {LEAST_ELECTION_PER_RTT} × RTT: "
            "a slow moment would depose the leader", f"at least {LEAST_ELECTION_PER_RTT}",
        )
    elif election < LEAST_ELECTION_PER_HEARTBEAT * heartbeat or election > MOST_ELECTION_MS:
        yield Violation(
            ("clusters", "etcd", "election_per_rtt"),
            f"etcd does not start with an election timeout of {election:g} ms at a heartbeat of {heartbeat:g} ms",
            f"at least {LEAST_ELECTION_PER_HEARTBEAT} heartbeats, at most {MOST_ELECTION_MS} ms",
        )


@rule("patroni-timing", rows=(16,))
def patroni_timing(estate: Estate) -> Iterator[Violation]:
    """Patroni's lease is long enough to be renewed: ttl ≥ 20 and loop_wait + 2 × retry_timeout ≤ ttl."""
    timing = estate.layout.clusters.patroni
    needed = timing.loop_wait + 2 * timing.retry_timeout
    if timing.ttl < LEAST_TTL_S:
        yield Violation(("clusters", "patroni", "ttl"), f"ttl {timing.ttl} s: Patroni allows no less than {LEAST_TTL_S} s", f"write {LEAST_TTL_S} or more")
    if needed > timing.ttl:
        yield Violation(
            ("clusters", "patroni", "ttl"),
            f"loop_wait + 2 × retry_timeout = {needed} s is longer than ttl {timing.ttl} s: the lease would run out between two renewals",
            f"a ttl of {max(needed, LEAST_TTL_S)} or more, or shorter loop_wait and retry_timeout",
        )


@rule("patroni-patience", derives=True)
def patroni_patience(estate: Estate) -> Iterator[Violation]:
    """Patroni waits longer for its store than an election of the store lasts: twice the timeout, as etcd draws it at random."""
    election_s = float(str(clusters.etcd(estate).settings["election_ms"])) / 1000
    timing = estate.layout.clusters.patroni
    if estate.by_role["patroni"] and 2 * election_s > timing.retry_timeout:
        yield Violation(
            ("clusters", "patroni", "retry_timeout"),
            f"retry_timeout {timing.retry_timeout} s is shorter than an election of etcd ({2 * election_s:g} s at most): "
            "losing etcd's leader would demote primaries",
            "a longer retry_timeout, or a smaller election_per_rtt", warn=True,
        )
