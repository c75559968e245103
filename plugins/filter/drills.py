# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who takes part in a drill, and which hosts it breaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.errors import AnsibleFilterError

Groups = Mapping[str, Sequence[str]]


def _sites(groups: Groups) -> dict[str, str]:
    """Return the site of each host."""
    return {host: group.removeprefix("site_") for group, hosts in groups.items() if group.startswith("site_") for host in hosts}


def one_per_site(names: Iterable[str], groups: Groups) -> list[dict[str, str]]:
    """Return the first of some hosts at each site, as ``{"name", "site"}``; names that are no hosts of the layout are passed over."""
    sites = _sites(groups)
    found: dict[str, str] = {}
    for name in names:
        if name in sites:
            found.setdefault(sites[name], name)
    return [{"name": name, "site": site} for site, name in found.items()]


@dataclass(frozen=True)
class Estate:
    """The layout as a shard sees it that ``leader`` leads."""

    groups: Groups
    leader: str
    members: Sequence[str]
    #: The vote that leads etcd.
    votes_leader: str
    sites: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the sites."""
        object.__setattr__(self, "sites", _sites(self.groups))

    @property
    def near(self) -> str:
        """Return the leader's site."""
        return self.sites[self.leader]

    @property
    def far(self) -> list[str]:
        """Return the sites of the other members, without that of the leader."""
        return sorted({self.sites[member] for member in self.members} - {self.near})

    def with_role(self, *roles: str) -> list[str]:
        """Return the hosts on which one of some roles acts."""
        return [host for role in roles for host in self.groups.get(f"managed_{role}", ())]

    def at(self, *sites: str) -> list[str]:
        """Return the hosts of some sites."""
        return [host for host, site in self.sites.items() if site in sites]

    def votes(self) -> list[str]:
        """Return the votes of etcd, that of the leader's own site first, which its Patroni asks."""
        return sorted(self.with_role("etcd"), key=lambda host: self.sites[host] != self.near)


#: What a fault breaks: the hosts, all at once.
PLACES: dict[str, Callable[[Estate], list[str]]] = {
    "leader": lambda estate: [estate.leader],
    "etcd-leader": lambda estate: [estate.votes_leader],
    "near-vote": lambda estate: estate.votes()[:1],
    "two-votes": lambda estate: estate.votes()[:2],
    "witness": lambda estate: [host for host in estate.votes() if estate.sites[host] not in (estate.near, *estate.far)][:1],
    "gateway": lambda estate: estate.with_role("mikrotik_chr", "gateway")[:1],
    "near-redis": lambda estate: [host for host in estate.with_role("redis") if estate.sites[host] == estate.near],
    "far-monitoring": lambda estate: [host for host in estate.with_role("prometheus") if estate.sites[host] in estate.far],
    "near-site": lambda estate: estate.at(estate.near),
    "far-site": lambda estate: estate.at(*estate.far[:1]),
    "near-tunnels": lambda estate: [host for host in estate.with_role("wireguard_peer") if estate.sites[host] == estate.near],
}


def drill_hosts(place: str, groups: Groups, leader: str, members: Sequence[str], votes_leader: str = "") -> list[str]:
    """Return the hosts that a fault at a place breaks.

    Args:
        place: of PLACES.
        groups: of the inventory.
        leader: the member that leads the shard.
        members: all members of the shard.
        votes_leader: the vote that leads etcd; only ``etcd-leader`` asks for it.

    Raises:
        AnsibleFilterError: there is no such place, or no such host in this layout.

    """
    if place not in PLACES:
        raise AnsibleFilterError(f"{place}: a fault is at one of {', '.join(PLACES)}")
    found = [host for host in PLACES[place](Estate(groups, leader, members, votes_leader)) if host]
    if not found:
        raise AnsibleFilterError(f"This layout has no host for a fault at {place}.")
    return found


def drill_candidates(place: str, groups: Groups, members: Sequence[str]) -> list[str]:
    """Return the hosts that a fault at a place may break, whoever leads the shard and etcd by then: they have to be in the run. None where there are none."""
    votes = groups.get("managed_etcd", ()) if place == "etcd-leader" else ("",)
    found: list[str] = []
    for leader in members:
        for vote in votes:
            found += PLACES[place](Estate(groups, leader, members, vote))
    return sorted({host for host in found if host})


def drill_losses(loses: str, hosts: Sequence[str], groups: Groups) -> list[str]:
    """Return what ``unde survive`` calls a loss: of each ``host``, or of their ``site``; nothing where it has no word for the fault."""
    if loses == "host":
        return [f"host:{host}" for host in hosts]
    sites = _sites(groups)
    return [f"site:{site}" for site in sorted({sites[host] for host in hosts})] if loses == "site" else []


def drill_users(clients: Sequence[str], writers: int) -> dict[str, list[int]]:
    """Return the users that each client writes for: one for each writer, and one for the writer that keeps its session. Nobody else writes for them."""
    return {client: list(range(number * 1000 + 1, number * 1000 + writers + 2)) for number, client in enumerate(clients)}


def etcd_leader(statuses: Mapping[str, str]) -> str:
    """Return which member of etcd leads, by what each says of itself (``etcdctl endpoint status --write-out json``).

    Raises:
        AnsibleFilterError: none does.

    """
    for host, text in statuses.items():
        for each in json.loads(text or "[]"):
            if each["Status"]["leader"] == each["Status"]["header"]["member_id"]:
                return host
    raise AnsibleFilterError("No member of etcd says that it leads.")


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Any]:
        """Return name → filter."""
        return {
            "one_per_site": one_per_site,
            "drill_hosts": drill_hosts,
            "drill_candidates": drill_candidates,
            "drill_losses": drill_losses,
            "drill_users": drill_users,
            "etcd_leader": etcd_leader,
        }
