"""Redis with copies: enough votes, everybody in place and at one site, and every way open that a failover needs."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate
from ..plan import sentinels
from ..plan.flows import Flows
from .rules import Violation, rule

HERE = ("clusters", "sentinel")


@rule("sentinel-votes", rows=(23,))
def votes(estate: Estate) -> Iterator[Violation]:
    """Redis Sentinel has an odd number of votes, three or more."""
    wanted = estate.layout.clusters.sentinel
    if wanted is not None and (len(set(wanted.sentinels)) < 3 or len(set(wanted.sentinels)) % 2 == 0):
        yield Violation(
            (*HERE, "sentinels"),
            f"{len(set(wanted.sentinels))} sentinels ({', '.join(wanted.sentinels)}) cannot agree on a failover when one is lost",
            "three sentinels on three hosts; the third may stand beside another service", warn=True,
        )


@rule("sentinel-role", rows=(23,), derives=True)
def roles(estate: Estate) -> Iterator[Violation]:
    """Where a copy of a Redis is there is the role redis, beside no other of it; where a vote is, and only there, the role redis_sentinel."""
    wanted = estate.layout.clusters.sentinel
    voters = set(wanted.sentinels) if wanted else set()
    for host in estate.by_role[sentinels.ROLE]:
        if host.name not in voters:
            yield Violation(
                (*host.path, "roles"), f"'{host.name}' has the role {sentinels.ROLE}, but clusters.sentinel does not name it",
                f"add '{host.name}' to clusters.sentinel.sentinels, or remove the role",
            )
    if wanted is None:
        return
    for key, names, role in (("replicas", wanted.replicas, "redis"), ("sentinels", wanted.sentinels, sentinels.ROLE)):
        for number, name in enumerate(names):
            if role not in estate.hosts[name].roles:
                yield Violation((*HERE, key, number), f"'{name}' is named here, but has not the role {role}", f"give '{name}' the role {role}")
            if name in names[:number]:
                yield Violation((*HERE, key, number), f"'{name}' is named twice", "name another host")
    for number, name in enumerate(wanted.replicas):
        own = [instance for instance in wanted.instances if estate.layout.clusters.redis[instance].host == name]
        if own:
            yield Violation(
                (*HERE, "replicas", number), f"'{name}' is where Redis '{own[0]}' is already: a copy beside it would be lost with it",
                "name another host",
            )
    if sentinels.NAME in estate.layout.clusters.redis:
        yield Violation(
            ("clusters", "redis", sentinels.NAME), f"a Redis called '{sentinels.NAME}' would share its passwords with the sentinels",
            "give it another name",
        )


@rule("sentinel-site", rows=(23, 24), derives=True)
def site(estate: Estate) -> Iterator[Violation]:
    """Masters, copies and sentinels stand at one site: no Redis speaks to another site's."""
    wanted = estate.layout.clusters.sentinel
    if wanted is None:
        return
    home = estate.hosts[estate.layout.clusters.redis[wanted.instances[0]].host].site
    named = [
        *(((*HERE, "instances", number), estate.layout.clusters.redis[name].host) for number, name in enumerate(wanted.instances)),
        *(((*HERE, "replicas", number), name) for number, name in enumerate(wanted.replicas)),
        *(((*HERE, "sentinels", number), name) for number, name in enumerate(wanted.sentinels)),
    ]
    for path, name in named:
        if estate.hosts[name].site != home:
            yield Violation(path, f"'{name}' stands at '{estate.hosts[name].site}', Redis '{wanted.instances[0]}' at '{home}'", f"name a host of '{home}'")


@rule("sentinel-denied", rows=(23,), derives=True)
def denied(estate: Estate) -> Iterator[Violation]:
    """Copies may call one another; sentinels all of them and one another; who may call one copy, every copy and every sentinel."""
    wanted, flows = estate.layout.clusters.sentinel, Flows(estate)
    if wanted is None:
        return
    voters, voting = sentinels.voters(estate), estate.port(sentinels.SERVICE)
    ways: dict[tuple[str, int], dict[str, None]] = {(voter.name, voting): dict.fromkeys(other.name for other in voters) for voter in voters}
    for instance in wanted.instances:
        copies, port = sentinels.copies(estate, instance), estate.layout.clusters.redis[instance].port
        callers = [caller.name for copy in copies for caller in flows.callers_of(copy.name, port)]
        for copy in copies:
            ways.setdefault((copy.name, port), {}).update(dict.fromkeys([*(other.name for other in (*copies, *voters)), *callers]))
        for voter in voters:
            ways[voter.name, voting].update(dict.fromkeys([*(copy.name for copy in copies), *callers]))
    for (target, port), needed in ways.items():
        let_in = {target, *(caller.name for caller in flows.callers_of(target, port))}
        missing = [name for name in needed if name not in let_in]
        if missing:
            others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            yield Violation(
                HERE, f"no flow lets '{missing[0]}'{others} call '{target}' at port {port}: after a failover it would find no master",
                f"name '{target}' in the service's hosts, and {', '.join(missing)} in a flow to it",
            )
