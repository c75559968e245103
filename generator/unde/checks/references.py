"""References: every name that is used is defined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from ..errors import nearest
from ..model import Estate, HostView, select
from ..model.schema import Sentinel
from ..model.source import DataPath
from ..plan import sentinels
from .rules import Violation, rule


def _unknown(path: DataPath, what: str, name: str, known: Iterable[str]) -> Iterator[Violation]:
    """Yield a violation when a name is not known."""
    known = list(known)
    if name not in known:
        yield Violation(path, f"{what} '{name}' is not defined", nearest(name, known))


@rule("reference-unknown")
def references(estate: Estate) -> Iterator[Violation]:
    """Every site, host, service, day and phase that is referred to exists."""
    layout, hosts, sites = estate.layout, list(estate.hosts), list(estate.layout.sites)
    for host in estate.hosts.values():
        yield from _unknown((*host.path, "site"), "site", host.site, sites)
        if host.kind.day is not None and host.kind.day not in layout.rollout.days:
            yield Violation(
                (*host.path, "day"), f"day {host.kind.day} of '{host.name}' is not in rollout.days",
                f"one of: {', '.join(map(str, layout.rollout.days))}",
            )
    for name, site in layout.sites.items():
        if site.gateway:
            yield from _unknown(("sites", name, "gateway", "host"), "host", site.gateway.host, hosts)
    for name, link in layout.links.items():
        for number, end in enumerate(link.between):
            yield from _unknown(("links", name, "between", number), "site", end, sites)
    for tunnel in estate.tunnels.values():
        for key in ("near", "far"):
            yield from _unknown((*tunnel.path, key), "host", getattr(tunnel, key), hosts)
    for number, day in layout.rollout.days.items():
        if day.phase not in layout.rollout.phases:
            yield Violation(
                ("rollout", "days", number, "phase"), f"phase {day.phase} is not in rollout.phases",
                f"one of: {', '.join(map(str, layout.rollout.phases))}",
            )
        for place, opened in enumerate(day.opens):
            yield from _unknown(("rollout", "days", number, "opens", place), "site", opened, sites)
    yield from _unknown(("clusters", "certificates", "host"), "host", layout.clusters.certificates.host, hosts)
    for name, instance in layout.clusters.redis.items():
        yield from _unknown(("clusters", "redis", name, "host"), "host", instance.host, hosts)
    for name, service in layout.services.items():
        if service.entry and service.entry.balancer:
            yield from _unknown(("services", name, "entry", "balancer"), "host", service.entry.balancer, hosts)
    if layout.clusters.sentinel:
        yield from _sentinel(estate, layout.clusters.sentinel)
    selectors = select.known(estate)
    for name, database in layout.clusters.databases.items():
        here: DataPath = ("clusters", "databases", name)
        yield from _unknown((*here, "host"), "host", database.host, hosts)
        for user, wanted in database.users.items():
            for number, caller in enumerate(wanted.callers):
                yield from _unknown((*here, "users", user, "callers", number), "caller", caller, selectors)
    for name, watch in layout.clusters.watches.items():
        yield from _unknown(("clusters", "watches", name, "host"), "host", watch.host, hosts)
        for number, site_name in enumerate(watch.sites):
            yield from _unknown(("clusters", "watches", name, "sites", number), "site", site_name, sites)
    store = layout.clusters.object_storage
    if store is not None:
        yield from _unknown(("clusters", "object_storage", "host"), "host", store.host, hosts)
        yield from _unknown(("clusters", "object_storage", "service"), "service", store.service, layout.services)
    if layout.clusters.posthog and layout.clusters.posthog.clickhouse is not None:
        yield from _unknown(("clusters", "posthog", "clickhouse"), "host", layout.clusters.posthog.clickhouse, hosts)


def _sentinel(estate: Estate, wanted: Sentinel) -> Iterator[Violation]:
    """Yield the instances and hosts of a failover that do not exist."""
    here: DataPath = ("clusters", "sentinel")
    for number, name in enumerate(wanted.instances):
        yield from _unknown((*here, "instances", number), "Redis", name, estate.layout.clusters.redis)
    for key, names in (("replicas", wanted.replicas), ("sentinels", wanted.sentinels)):
        for number, name in enumerate(names):
            yield from _unknown((*here, key, number), "host", name, estate.hosts)


@rule("flow-reference-unknown")
def flows(estate: Estate) -> Iterator[Violation]:
    """Every caller and every service of a flow exists; so does every host of a service."""
    services = estate.layout.services
    selectors = select.known(estate)
    external = [name for name, service in services.items() if service.external]
    for name, service in services.items():
        for number, selector in enumerate(service.hosts):
            yield from _unknown(("services", name, "hosts", number), "host", selector, selectors)
        for host in service.jobs:
            yield from _unknown(("services", name, "jobs", host), "host", host, estate.hosts)
    for name, flow in estate.layout.flows.items():
        for number, caller in enumerate(flow.callers):
            yield from _unknown(("flows", name, "from", number), "caller", caller, [*selectors, *external])
        for number, target in enumerate(flow.to):
            yield from _unknown(("flows", name, "to", number), "service", target, services)
        for number, site in enumerate(flow.at):
            yield from _unknown(("flows", name, "at", number), "site", site, estate.layout.sites)


#: Services whose ports reach the roles' own configuration.
RELIED_ON = ("etcd-client", "etcd-peer", "patroni", "shard-replication", "shard-sql")


@rule("service-missing")
def relied_on(estate: Estate) -> Iterator[Violation]:
    """The services that roles configure themselves from are there, with a port."""
    for name in (*RELIED_ON, *([sentinels.SERVICE] if estate.layout.clusters.sentinel else [])):
        service = estate.layout.services.get(name)
        if service is None or not service.ports:
            yield Violation(
                ("services", name), f"service '{name}' is not defined with a port, but the clusters use it",
                f"add services.{name} with its hosts and ports",
            )


def _talk(estate: Estate) -> Iterator[tuple[HostView, HostView, str, DataPath]]:
    """Yield every pair of hosts whose distance the plan asks for, with what joins them and where that is written."""
    for tunnel in estate.tunnels.values():
        if tunnel.near in estate.hosts and tunnel.far in estate.hosts:
            yield estate.hosts[tunnel.near], estate.hosts[tunnel.far], f"tunnel '{tunnel.name}'", tunnel.path
    members = estate.by_role["etcd"]
    for one, other in combinations(members, 2):
        yield one, other, "the etcd cluster", (*other.path, "site")
    for host in estate.by_role["patroni"]:
        for member in members:
            yield host, member, f"'{host.name}' and its etcd members", (*host.path, "site")
        for other in estate.shards.get(host.shard, ()) if host.shard is not None else ():
            if "patroni" in other.roles:
                yield host, other, f"shard {host.shard}", (*host.path, "site")


@rule("link-missing")
def links(estate: Estate) -> Iterator[Violation]:
    """Two sites whose hosts need each other have a link that says how long the way is."""
    known = {frozenset(link.between) for link in estate.layout.links.values()}
    for one, other, what, path in _talk(estate):
        ends = frozenset((one.site, other.site))
        if len(ends) == 2 and ends not in known and ends <= estate.layout.sites.keys():
            known.add(ends)  # one finding for each pair of sites
            yield Violation(path, f"{what}: {one.site} and {other.site} have no link", f"add links.{one.site}-{other.site} with its rtt_ms")

#: Rules whose findings mean that a plan cannot be derived.
DANGLING = ("reference-unknown", "flow-reference-unknown", "service-missing", "service-ports", "link-missing")
