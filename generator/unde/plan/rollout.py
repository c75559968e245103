"""The order of work: the days of the rollout, and on which of them a role is applied to a host.

A host has a day of its own. Its base system, firewall and tunnels come before, when its site is opened; what needs others waits for them: Patroni for
every vote and every member of its shard, the routing for these and for its site's Redis, the gateway for the keys of the tunnels that end there.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Estate, HostView, once
from ..model.roles import ROLES
from . import routing, sentinels
from .exporters import EXPORTERS

#: What a host is prepared with when its site is opened.
PREPARED_WITH = ("base", "firewall", "wireguard_keys")
#: Roles whose service adds to the exporters when it comes, without an exporter that the layout has as a service.
ALSO_ADDED = ("posthog", "balancer")
#: What ends tunnels at a site's gateway.
GATEWAY = ("gateway", "mikrotik_chr")

Applied = dict[str, tuple[int, ...]]  #: role → the days on which it is applied, the first one first


@dataclass(frozen=True)
class Day:
    """One day of the rollout.

    Attributes:
        needs: days whose gates must be green before this one begins.
        opens: sites whose hosts are prepared on this day.
        gates: gates of the day beside those of its roles.
        hosts: hosts that are built or adopted on this day.
        roles: roles that are applied on this day, wherever.

    """

    number: int
    phase: int
    title: str
    needs: tuple[int, ...]
    opens: tuple[str, ...]
    gates: tuple[str, ...]
    hosts: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def name(self) -> str:
        """The day's name, as groups and playbooks have it."""
        return f"day_{self.number:02d}"


def days(estate: Estate) -> list[Day]:
    """Return every day, in order."""
    when, opened = applied(estate), openings(estate)
    result = []
    for number, day in sorted(estate.layout.rollout.days.items()):
        hosts = tuple(host.name for host in estate.hosts.values() if host.kind.day == number)
        roles = {role for roles in when.values() for role, on in roles.items() if number in on}
        opens = tuple(site for site, on in opened.items() if on == number)
        result.append(Day(number, day.phase, day.title, tuple(day.needs), opens, tuple(day.gates), hosts, tuple(sorted(roles))))
    return result


def openings(estate: Estate) -> dict[str, int]:
    """Return site → the day on which its hosts are prepared: the day that opens it, else the first day of its hosts; a site without hosts has none."""
    stated = {site: number for number, day in sorted(estate.layout.rollout.days.items(), reverse=True) for site in day.opens}
    first: dict[str, int] = {}
    for host in estate.hosts.values():
        first[host.site] = min(_own(host), first.get(host.site, _own(host)))
    return {site: stated.get(site, day) for site, day in first.items()}


@once
def applied(estate: Estate) -> dict[str, Applied]:
    """Return host → the roles that may act on it, each with its days."""
    opened = openings(estate)
    prepared = {name: min(opened[host.site], _own(host)) for name, host in estate.hosts.items()}
    authority = estate.layout.clusters.certificates.host
    certified = [_own(host) for host in estate.hosts.values() if host.may("certificates")]
    if authority in estate.hosts and estate.hosts[authority].may("certificates"):
        prepared[authority] = min(prepared[authority], *certified)  # the authority is there before the first certificate
    found = {name: {role: _days(estate, host, role, prepared) for role in _acting(host)} for name, host in estate.hosts.items()}
    for host in estate.hosts.values():
        _wait(estate, host, found)
    for name, host in estate.hosts.items():
        if host.may("exporters"):
            found[name]["exporters"] = _exporters(found[name], prepared[name])
    return found


def _acting(host: HostView) -> list[str]:
    """Return the roles that act on a host; where the gateway is a router, that router's role does the gateway's work."""
    return [role for role in host.roles if host.may(role) and not (role == "gateway" and "mikrotik_chr" in host.roles)]


def _own(host: HostView) -> int:
    """Return a host's own day; one without a day is refused by the checks, and comes first until then."""
    return host.kind.day or 1


def _days(estate: Estate, host: HostView, role: str, prepared: dict[str, int]) -> tuple[int, ...]:
    """Return the days of a role on a host by what the host itself is."""
    if role in PREPARED_WITH:
        return (prepared[host.name],)
    tunnels = {max(prepared[end] for end in (tunnel.near, tunnel.far) if end in prepared) for tunnel in estate.tunnels_of[host.name]}
    if role == "wireguard_peer":
        return tuple(sorted(tunnels)) or (prepared[host.name],)
    if role == "gateway":
        # Without the far ends' keys there is nothing to build.
        return tuple(sorted(tunnels)) or (_own(host),)
    if role == "mikrotik_chr":
        return tuple(sorted({_own(host), *tunnels}))
    return (_own(host),)


def _wait(estate: Estate, host: HostView, found: dict[str, Applied]) -> None:
    """Move the roles of a host behind what they wait for on other hosts."""
    mine = found[host.name]
    for role in mine:
        earliest = [min(days) for somewhere in ROLES[role].anywhere if (days := _first(found, somewhere))]
        mine[role] = tuple(sorted({max(day, *earliest) for day in mine[role]})) if earliest else mine[role]
    if "patroni" in mine:
        members = [member.name for member in estate.shards.get(host.shard, ())] if host.shard is not None else []
        mine["patroni"] = (max(*mine["patroni"], *_first(found, "etcd"), *_first(found, "postgres_shard", members)),)
    if "routing" in mine:
        shards = [max(_own(member) for member in members) for members in estate.shards.values()]
        kept = [estate.layout.clusters.redis[instance].host for instance in routing.instances(estate, host.site)]
        mine["routing"] = (max(*mine["routing"], *_first(found, "etcd"), *shards, *_first(found, "redis", kept)),)
    if "redis_sentinel" in mine and estate.layout.clusters.sentinel:
        watched = [copy.name for instance in estate.layout.clusters.sentinel.instances for copy in sentinels.copies(estate, instance)]
        mine["redis_sentinel"] = (max(*mine["redis_sentinel"], *_first(found, "redis", watched)),)
    if "certificates" in mine and host.name == estate.layout.clusters.certificates.host:
        mine["certificates"] = tuple(sorted({min(_first(found, "certificates")), *mine["certificates"]}))


def _first(found: dict[str, Applied], role: str, hosts: list[str] | None = None) -> list[int]:
    """Return the first day of a role on each host that has it."""
    return [roles[role][0] for name, roles in found.items() if role in roles and (hosts is None or name in hosts)]


def _exporters(mine: Applied, prepared: int) -> tuple[int, ...]:
    """Return the days of the exporters on a host: with what they ask, and again when more comes."""
    asked = {mine[role][0] for exporter in EXPORTERS.values() if not exporter.added for role in exporter.roles if role in mine}
    added = {mine[role][0] for exporter in EXPORTERS.values() if exporter.added for role in exporter.roles if role in mine}
    added |= {mine[role][0] for role in ALSO_ADDED if role in mine}
    return tuple(sorted((asked or {prepared}) | added))
