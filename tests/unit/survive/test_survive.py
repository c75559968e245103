"""What a loss does: outcomes that one can derive by hand, and all pairs against a slow and obvious walk of the hosts' own routes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from netaddr import IPAddress, IPNetwork

import support
import unde
from unde import survive
from unde.errors import InvalidLayout, WrongCall
from unde.model import Estate
from unde.plan import tunnels
from unde.plan.routes import of_site
from unde.plan.timing import Timing

Said = Callable[..., tuple[str, str, int]]
SINGLE_SITE = support.ROOT / "inventory" / "examples" / "single-site.yml"
LOCAL = ("writable", "local-shard-0")
HELSINKI = ("writable", "shard-replica-0")


def literal() -> dict[str, Any]:
    """Return the layout with two of three votes in Helsinki, as the document has it."""
    data = support.shipped()
    data["hosts"]["etcd-3"] = data["hosts"]["etcd-2"] | {"label": "H17", "address": "10.1.0.150", "public_address": "89.167.98.219"}
    del data["tunnels"]["peers"]["wg-witness"], data["tunnels"]["peers"]["wg-direct"]
    data["services"]["wireguard"]["hosts"] = ["role:gateway"]
    return data


def state(outcome: survive.Outcome) -> tuple[str, str | None]:
    """Return what becomes of the first shard."""
    return outcome.shards[0].state, outcome.shards[0].where


@pytest.mark.parametrize(
    ("lost", "votes", "first_shard", "rto_s"),
    [
        (["host:local-shard-0"], 3, HELSINKI, (16, 29)),
        (["host:shard-replica-0"], 3, LOCAL, (0, 0)),
        (["site:local"], 2, HELSINKI, (16, 34.4)),  # with a vote, perhaps the leader's: three elections of 1.8 s more
        (["site:helsinki"], 2, LOCAL, (0, 0)),
        (["site:witness"], 2, LOCAL, (0, 0)),
        (["host:helsinki-gw"], 2, LOCAL, (0, 0)),  # the votes left meet by the direct tunnel
        (["host:local-etcd-1"], 2, LOCAL, (0, 0)),  # the primary asks etcd-2 through its own tunnel
        (["tunnel:wg-shard0"], 3, LOCAL, (0, 0)),
        (["link:local:helsinki"], 3, HELSINKI, (16, 29)),  # if etcd-2 leads, that serves the local site no more
        (["host:local-shard-0", "host:shard-replica-0"], 3, ("lost", None), None),
        (["site:local", "site:helsinki"], 1, ("lost", None), None),
        (["host:local-etcd-1", "host:helsinki-gw"], 1, ("read-only", "local-shard-0"), None),
        (["host:etcd-2", "host:etcd-3"], 1, ("read-only", "local-shard-0"), None),
        (["host:local-shard-0", "site:witness"], 2, HELSINKI, (16, 34.4)),
        (["host:local-shard-0", "tunnel:wg-shard0"], 3, ("read-only", "shard-replica-0"), None),  # the tunnel may have gone first
        (["host:local-shard-0", "tunnel:wg-mood"], 3, HELSINKI, (16, 29)),
    ],
    ids=str,
)
def test_by_hand(estate: Estate, lost: list[str], votes: int, first_shard: tuple[str, str | None], rto_s: tuple[float, float] | None) -> None:
    """The shipped estate, loss by loss."""
    outcome = survive.lose(estate, lost)
    assert (outcome.votes, state(outcome), outcome.rto_s) == (votes, first_shard, rto_s)
    assert outcome.quorum == (votes > 1)


@pytest.mark.parametrize(
    ("lost", "entry", "added_ms", "features"),
    [
        (["host:local-shard-0"], "local-app", {"shard0": 120}, ()),
        (["host:local-orchestrator"], "local-app", {"orchestrator": 120, "shard0": 120}, ()),  # its standby asks the local shard
        (["host:local-orchestrator", "host:local-shard-0"], "local-app", {"orchestrator": 120, "shard0": 0}, ()),
        (["host:local-mood"], "local-app", {"mood": 120}, ()),
        (["host:local-voice"], "local-app", {}, ("voice",)),
        (["tunnel:wg-app"], "local-app", {}, ("posthog",)),
        (["host:recognition"], "local-app", {}, ("recognition",)),  # what recognition alone calls is not missed
        (["host:helsinki-gw"], "local-app", {}, ("production-sql", "recognition", "posthog", "gateway-management")),
        (["host:monitoring"], "local-app", {}, ("blackbox-exporter", "grafana")),  # the watch goes on
        (["host:collage"], "local-app", {}, ("catalog-collage",)),
        (["host:local-app"], "unde-app", {"users": 120}, ("voice", "redis-cache", "posthog")),
        (["site:local"], "unde-app", {"users": 120}, ("voice", "redis-cache", "posthog")),
        (["link:local:helsinki"], "unde-app", {"users": 120}, ("voice", "redis-cache", "posthog")),
        (["site:witness"], "local-app", {}, ()),
    ],
    ids=str,
)
def test_what_users_feel(estate: Estate, lost: list[str], entry: str, added_ms: dict[str, float], features: tuple[str, ...]) -> None:
    """Where users come in, what takes longer, what is gone."""
    outcome = survive.lose(estate, lost)
    delays = {delay.name: delay.added_ms for delay in outcome.delays}
    assert (outcome.entry, outcome.features_lost, outcome.out_of_reach) == (entry, features, ())
    assert {name: delays.get(name, 0) for name in added_ms} == added_ms
    assert outcome.added_latency_ms == max(added_ms.values(), default=0)


def test_nothing_is_left(estate: Estate) -> None:
    """Without both sites there is no entry, and every service is gone."""
    outcome = survive.lose(estate, ["site:local", "site:helsinki"])
    assert outcome.entry is None
    assert {"app-entry", "orchestrator", "voice", "recognition", "staging-sql"} <= set(outcome.features_lost)
    assert set(outcome.lost_hosts) == set(estate.hosts) - {"etcd-3"}


def test_cut_off(estate: Estate) -> None:
    """A host behind a dead tunnel reaches no other site; one with two tunnels reaches one."""
    assert survive.lose(estate, ["tunnel:wg-mood"]).cut_off_hosts == ("local-mood",)
    assert survive.lose(estate, ["tunnel:wg-etcd"]).cut_off_hosts == ()
    gateway = set(survive.lose(estate, ["host:helsinki-gw"]).cut_off_hosts)
    assert gateway == set(estate.hosts) - {"helsinki-gw", "local-etcd-1", "etcd-3"}


def test_who_leads_decides(estate: Estate) -> None:
    """With the link cut the witness hears both sites: who leads etcd decides where writes go, and the worse case is told."""
    outcome = survive.lose(estate, ["link:local:helsinki"])
    assert (outcome.leader, outcome.votes) == ("etcd-2", 3)
    assert "etcd-2 leads etcd" in survive.words.sentence(outcome)
    assert survive.lose(estate, ["site:helsinki"]).leader is None


def test_failsafe(estate: Estate) -> None:
    """Failsafe mode would help only where every member still answers the primary."""
    votes_only = survive.lose(estate, ["host:etcd-2", "host:etcd-3"]).shards[0]
    with_replica = survive.lose(estate, ["host:etcd-3", "site:helsinki"]).shards[0]
    assert (votes_only.state, votes_only.failsafe_helps) == ("read-only", True)
    assert (with_replica.state, with_replica.failsafe_helps) == ("read-only", False)


@pytest.mark.parametrize(
    ("settings", "election", "expected"),
    [((20, 5, 5, 1.8), False, (16, 29)), ((20, 5, 5, 1.8), True, (16, 34.4)), ((30, 10, 10, 2.5), False, (21, 44)), ((20, 5, 5, 1), True, (16, 32))],
)
def test_failover_time(settings: tuple[float, ...], election: bool, expected: tuple[float, float]) -> None:
    """The formula by hand."""
    assert Timing(*settings).failover_s(election) == expected


@pytest.mark.parametrize(
    ("settings", "election", "seen"),
    [
        ((20, 5, 5, 2.5), False, [19.2, 20.8, 20.7, 22.3, 22.4, 23.8, 22.4, 23.9, 21.5, 22.7]),  # killed, partitioned
        ((20, 5, 5, 2.5), True, [22.4, 19.3, 22.5, 20.3, 22.9, 19.2, 24.0, 28.3]),  # with a vote, or the whole site
        ((30, 10, 10, 2.5), False, [23.8, 30.2]),
        ((30, 10, 10, 2.5), True, [26.8, 27.0]),
    ],
)
def test_failover_time_as_measured(settings: tuple[float, ...], election: bool, seen: list[float]) -> None:
    """Every outage measured in the laboratory lies within the prediction."""
    low, high = Timing(*settings).failover_s(election)
    assert all(low <= outage <= high for outage in seen)


def test_a_slow_election_stops_writes() -> None:
    """Where electing an etcd leader takes longer than Patroni retries, the primary pauses."""
    slow = support.estate({"clusters": {"etcd": {"election_per_rtt": 25}}})
    assert survive.lose(slow, ["host:etcd-2"]).rto_s == (0, 15)  # 2 × 3 s, a loop of 5 s, 2 s and 2 s
    assert Timing(20, 5, 5, 2.5).pause_s(election=True) == (0, 0)


# ── Promises ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def broken(estate: Estate) -> dict[str, tuple[str, ...]]:
    """Return the promises that do not hold, with what breaks them."""
    outcomes = {outcome.name: outcome for outcome in survive.every(estate)}
    return {verdict.name: verdict.broken for verdict in survive.promises.verdicts(estate, outcomes) if not verdict.holds}


def test_the_shipped_layout_keeps_its_promises(estate: Estate) -> None:
    """All of them, with one shard and with many."""
    assert set(estate.layout.document.promises) == {"one-loss", "scenario-1", "scenario-2", "scenario-3"}
    assert broken(estate) == {}
    assert broken(support.estate({"shards": {"count": 5}})) == {}


def test_two_votes_in_helsinki() -> None:
    """Row 8: as the document has it, the loss of Helsinki stops all writes; scenarios 1 and 2 hold, 3 does not."""
    estate = support.estate_of(literal())
    found = broken(estate)
    assert set(found) == {"one-loss", "scenario-3"}
    assert any("etcd has no quorum" in why or "read-only" in why for why in found["scenario-3"])
    assert [why.partition(": ")[0] for why in found["one-loss"]] == ["site:helsinki"]
    assert state(survive.lose(estate, ["host:helsinki-gw"])) == HELSINKI  # the votes there go on without the local site


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        ({"document": {"promises": {"scenario-1": {"within_s": 20}}}}, {"scenario-1"}),
        ({"document": {"promises": {"scenario-1": {"adds_ms": 100}}}}, {"scenario-1"}),
        ({"document": {"promises": {"scenario-2": {"stays": True}}}}, {"scenario-2"}),
        ({"document": {"promises": {"scenario-2": {"keeps": ["voice"]}}}}, {"scenario-2"}),
        ({"services": {"orchestrator": {"hosts": ["local-orchestrator"], "standby": None}}}, {"scenario-2"}),  # row 26
        ({"clusters": {"patroni": {"ttl": 60, "loop_wait": 10, "retry_timeout": 10}}}, {"scenario-1"}),
    ],
    ids=str,
)
def test_each_clause_can_break(overlay: dict[str, Any], expected: set[str]) -> None:
    """Every part of a promise is looked at."""
    assert set(broken(support.estate(overlay))) == expected


def test_one_site() -> None:
    """Three votes in three racks: any one host may go, which is promised by default; the site may not, which is not."""
    estate = support.estate(file=SINGLE_SITE)
    assert list(estate.layout.document.promises) == ["one-host"]
    assert broken(estate) == {}
    assert state(survive.lose(estate, ["host:shard-0"])) == ("writable", "replica-0")
    assert state(survive.lose(estate, ["site:home"])) == ("lost", None)
    assert state(survive.lose(estate, ["host:etcd-1", "host:etcd-2"])) == ("read-only", "shard-0")


def test_a_lone_vote_breaks_the_default() -> None:
    """With one etcd member, its loss stops all writes."""
    single = unde.load(SINGLE_SITE).data
    for name in ("etcd-2", "etcd-3"):
        del single["hosts"][name]
    assert broken(support.estate_of(single)) == {"one-host": (
        "host:etcd-1: shard0 read-only, until it is mended",
    )}


# ── All pairs, twice ────────────────────────────────────────────────────────────────────────────────────────────────────


class Slow:
    """The same questions answered the long way: packets follow the routes that the plan gives each host, hop by hop."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.votes = [host.name for host in estate.by_role["etcd"]]
        self.links = {frozenset(link.between): f"link:{':'.join(link.between)}" for link in estate.layout.links.values()}
        self.at = {host.address: name for name, host in estate.hosts.items()}
        self.routes = {name: self.routes_of(name) for name in estate.hosts}
        self.hops = cache(self.hops_between)

    def routes_of(self, name: str) -> list[tuple[IPNetwork, str, str | None]]:
        """Return what a host's routing table says: network, next host, tunnel."""
        site = self.estate.hosts[name].site
        routes = [(IPNetwork(route), end.far_host, end.interface) for end in tunnels.ends_of(self.estate, name) for route in end.routes]
        if name not in self.estate.gateways:
            routes += [(IPNetwork(route["to"]), self.at[IPAddress(route["via"])], None) for route in of_site(self.estate, site)]
        own = list(self.estate.layout.sites[site].networks.values())
        return sorted([*routes, *((network, "", None) for network in own)], key=lambda route: -route[0].prefixlen)

    def hops_between(self, one: str, other: str) -> list[set[str]] | None:
        """Return what each hop from one host to another needs; None when a route leads nowhere."""
        target, here, hops = self.estate.hosts[other].address, one, [{f"host:{one}"}]
        while here != other:
            route = next((route for route in self.routes[here] if target in route[0]), None)
            if route is None or len(hops) > len(self.estate.hosts):
                return None
            following = route[1] or other
            hop = {f"host:{following}"}
            if route[2]:
                sites = frozenset((self.estate.hosts[here].site, self.estate.hosts[following].site))
                hop |= {f"tunnel:{route[2]}"} | ({self.links[sites]} if len(sites) == 2 else set())
            hops.append(hop)
            here = following
        return hops

    def reaches(self, one: str, other: str, lost: set[str]) -> bool:
        """Return whether packets go there and back."""
        ways = self.hops(one, other), self.hops(other, one)
        return all(way is not None and not any(hop & lost for hop in way) for way in ways)

    def lost(self, names: tuple[str, ...]) -> set[str]:
        """Return everything that goes with what is lost."""
        hosts = {f"host:{host.name}" for host in self.estate.hosts.values() if f"site:{host.site}" in names}
        return {name for name in names if not name.startswith("site:")} | hosts

    def leaders(self, lost: set[str]) -> list[str]:
        """Return who reaches a majority."""
        return [one for one in self.votes if 2 * sum(self.reaches(one, other, lost) for other in self.votes) > len(self.votes)]

    def holds(self, member: str, leader: str, lost: set[str]) -> bool:
        """Return whether a shard's member can write its lease."""
        return any(self.reaches(member, vote, lost) and self.reaches(leader, vote, lost) for vote in self.votes)

    def shard(self, number: int, names: tuple[str, ...], leader: str | None) -> tuple[str, str | None]:
        """Return the state of a shard and who takes writes, the losses in any order."""
        members = sorted((host.name for host in self.estate.hosts.values() if host.shard == number), key=lambda name: "replica" in name)
        lost = self.lost(names)
        alive = [member for member in members if f"host:{member}" not in lost]
        if not alive:
            return "lost", None
        stale = set()
        for first in names if len(names) > 1 else ():
            before = self.lost((first,))
            for former in self.leaders(before):
                if former == leader or former not in self.leaders(lost):
                    writer = next((member for member in members if self.holds(member, former, before)), None)
                    stale |= {member for member in members if writer and not self.reaches(writer, member, before) and member != writer}
        able = [member for member in alive if leader and self.holds(member, leader, lost) and member not in stale]
        return ("writable", able[0]) if able else ("read-only", None)


def disagreements(estate: Estate) -> list[str]:
    """Return where fast and slow differ, over all single losses and all pairs."""
    slow, survey = Slow(estate), survive.Survey(estate)
    outcomes = [*((loss,) for loss in survey.losses.values()), *itertools.combinations(survey.losses.values(), 2)]
    wrong = []
    for losses in outcomes:
        names = tuple(loss.name for loss in losses)
        outcome = survey.outcome(losses)
        leaders = slow.leaders(slow.lost(names))
        possible = [
            [slow.shard(number, names, leader) for number in range(estate.layout.shards.count)] for leader in (leaders or [None])
        ]
        told = [(shard.state, shard.where if shard.state == "writable" else None) for shard in outcome.shards]
        fewest = min(sum(state == "writable" for state, _ in states) for states in possible)
        if bool(leaders) != outcome.quorum or told not in possible or sum(state == "writable" for state, _ in told) != fewest:
            wrong.append(f"{outcome.name}: {told}, possible {possible}")
    return wrong


def test_all_pairs_against_the_slow_way(estate: Estate) -> None:
    """1,176 questions about the shipped estate, those of the literal one, and of one site: the same answers."""
    assert disagreements(estate) == []
    assert disagreements(support.estate_of(literal())) == []
    assert disagreements(support.estate(file=SINGLE_SITE)) == []


def test_ways_follow_the_routes(estate: Estate) -> None:
    """Between any two hosts the way that is reasoned with needs exactly what the hosts' routes pass."""
    slow, ways = Slow(estate), survive.Survey(estate).ways
    for one, other in itertools.combinations(estate.hosts, 2):
        there, back = slow.hops(one, other), slow.hops(other, one)
        passed = set().union(*(there or []), *(back or []))
        assert ways.between(one, other).needs == sum(ways.bits[name] for name in passed), (one, other)


def test_memory_changes_no_answer() -> None:
    """What was asked before makes no difference: a sample of pairs asked afresh."""
    estate = support.estate({"shards": {"count": 3}})
    survey = survive.Survey(estate)
    pairs = list(itertools.combinations(survey.losses.values(), 2))
    answers = [survey.outcome(pair) for pair in pairs]
    for pair, answer in list(zip(pairs, answers, strict=True))[::29]:
        assert survive.lose(estate, [loss.name for loss in pair]) == answer


def test_shards_are_alike() -> None:
    """Growth changes nothing for the shards that were there, and each shard fares like the first."""
    one, four = support.estate(), support.estate({"shards": {"count": 4}})
    for name in ("site:local", "site:helsinki", "link:local:helsinki", "host:local-etcd-1"):
        before, after = survive.lose(one, [name]), survive.lose(four, [name])
        assert after.shards[0] == before.shards[0]
        assert len({(shard.state, shard.site, shard.rto_s) for shard in after.shards}) == 1
    outcome = survive.lose(four, ["host:local-shard-2"])
    assert [shard.moved for shard in outcome.shards] == [False, False, True, False]
    assert [(delay.name, delay.added_ms) for delay in outcome.delays] == [("shard2", 120)]


# ── The command ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_command(said: Said) -> None:
    """A line for each loss, the pairs that stop writes, the promises; all is well, so the exit code is 0."""
    out, err, code = said("survive")
    assert (code, err) == (0, "inventory/layout.yml: 1128 pairs of losses, 52 of them stop writes\n")
    lines = [line for line in out.splitlines() if line.startswith(("site:", "link:", "host:", "tunnel:"))]
    assert all(any(line.startswith(f"{name} ") for line in lines) for name in survive.Survey(support.estate()).losses)
    assert "local-shard-0" in out
    assert "scenario-3" in out


def test_the_command_in_json(said: Said) -> None:
    """JSON alone on stdout, every object with a name and a kind; --pairs lists them all."""
    out, _, code = said("survive", "--format", "json")
    rows = json.loads(out)
    kinds = {kind: [row for row in rows if row["kind"] == kind] for kind in ("promise", "loss", "pair")}
    assert (code, {kind: len(found) for kind, found in kinds.items()}) == (0, {"promise": 4, "loss": 48, "pair": 52})
    assert len({(row["kind"], row["name"]) for row in rows}) == len(rows)
    assert not any(row["writable"] for row in kinds["pair"])
    shard = next(row for row in kinds["loss"] if row["name"] == "host:local-shard-0")["shards"][0]
    assert shard == {"name": "shard0", "state": "writable", "where": "shard-replica-0", "site": "helsinki", "moved": True,
                     "rto_s": [16.0, 29.0], "stale": False, "failsafe_helps": False}
    assert len(json.loads(said("survive", "--pairs", "--format", "json")[0])) == 4 + 48 + 1128
    assert len(said("survive", "--pairs")[0].splitlines()) > 1128


def test_lose(said: Said) -> None:
    """One question: its answer in detail, and only the promises that speak of it."""
    out, err, code = said("survive", "--lose", "link:helsinki:local", "--format", "json")
    rows = json.loads(out)
    assert (err, code) == ("", 0)
    assert [(row["kind"], row["name"]) for row in rows] == [("promise", "one-loss"), ("loss", "link:local:helsinki")]
    out, _, code = said("survive", "--lose", "host:local-shard-0", "--lose", "tunnel:wg-shard0")
    assert code == 0
    assert "may lack acknowledged rows" in out
    assert "Promises" not in out


@pytest.mark.parametrize(
    ("name", "hint"),
    [("host:local-shard0", "'host:local-shard-0'"), ("local-shard-0", "'host:local-shard-0'"), ("sites:local", "'site:local'"),
     ("link:local:helsinky", "'link:local:helsinki'"), ("nonsense", "host:NAME")],
)
def test_an_unknown_name(name: str, hint: str, said: Said) -> None:
    """A wrong call: one line, the nearest spelling, exit code 2."""
    out, err, code = said("survive", "--lose", name)
    assert (out, code, len(err.splitlines())) == ("", 2, 1)
    assert err.startswith(f"ERROR '{name}'")
    assert hint in err
    with pytest.raises(WrongCall):
        survive.lose(support.estate(), [name])


def test_a_broken_promise(said: Said) -> None:
    """Exit code 1, for the whole and for the loss that breaks it alone."""
    broken_by = ("--set", "document.promises.scenario-2.within_s=10")
    out, _, code = said("survive", *broken_by)
    assert code == 1
    assert "promised 10 s" in out
    assert said("survive", "--lose", "site:local", *broken_by)[2] == 1
    assert said("survive", "--lose", "site:helsinki", *broken_by)[2] == 0


def test_what_cannot_be_reasoned_about(said: Said) -> None:
    """Names that lead nowhere are refused; two hosts with one address are none of this command's business."""
    assert said("survive", "--set", "hosts.push.site=nowhere")[2] == 1
    assert said("survive", "--set", "hosts.push.address=10.1.0.5")[2] == 0
    assert said("survive", "no-such.yml")[2] == 2
    with pytest.raises(InvalidLayout):
        survive.refuse_errors(support.estate_of(support.shipped() | {"links": {}}))
