"""The plan as an inventory: groups with what their hosts share, hosts with what is their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..model import Estate, HostView
from . import gates, groups, holders, rollout, rotations, routes, secrets
from .flows import Flows
from .variables import OWN, SHARED
from .variables.common import Expression

#: Stands for the host's name in an overlay's variable. (An expression with ``inventory_hostname`` will not do for the
#: connection: a delegated task would evaluate it for the host that delegates.)
HOST = "<host>"

#: What the role base does on a host of ours, and on one that serves customers already.
BASE_ON_OURS = ("hostname", "hosts", "time", "packages", "upgrades", "ssh", "routes")
BASE_ON_ADOPTED = ("hosts", "routes")


@dataclass(frozen=True)
class Inventory:
    """Everything that Ansible is told.

    Attributes:
        shared: variables of all hosts.
        groups: group → its variables (possibly none); every group of every host is a key.
        hosts: host → its own variables.
        members: host → its groups.
        from_overlay: variables of all hosts that an overlay gives; they replace the plan's own of the same name.
        expressions: host or group → those of its variables that Ansible evaluates. All others are data, whatever they look like.

    """

    shared: dict[str, Any]
    groups: dict[str, dict[str, Any]]
    hosts: dict[str, dict[str, Any]]
    members: dict[str, list[str]]
    from_overlay: dict[str, Any]
    expressions: dict[str, list[str]]


def build(estate: Estate) -> Inventory:
    """Return the inventory of an estate."""
    flows = Flows(estate)
    named = {key: value for key, value in estate.source.variables.items() if isinstance(value, str) and HOST in value}
    members = groups.members(estate)
    asked = gates.every(estate)
    grouped: dict[str, dict[str, Any]] = {group: {} for name in members for group in members[name]}
    for role, shared_by in SHARED.items():
        if estate.by_role[role]:
            grouped[groups.identifier("role", role)] |= shared_by(estate, flows)
    for site in estate.layout.sites:
        if estate.by_site[site]:
            grouped[groups.identifier("site", site)] |= {"unde_site": site, "base_routes": routes.of_site(estate, site)}
    for group, variables in _states(estate).items():
        grouped[group] |= variables
    hosts = {
        name: {
            key: value for key, value in (_own(estate, flows, host) | _gates(host, asked) | _secrets(estate, host)).items()
            if key not in estate.source.variables
        }
        | {key: Expression(value.replace(HOST, name)) for key, value in named.items()}
        for name, host in estate.hosts.items()
    }
    return Inventory(
        shared={
            "base_hosts": [{"name": name, "address": str(host.address)} for name, host in sorted(estate.hosts.items())],
            "unde_rollout": [
                {"day": day.number, "phase": day.phase, "title": day.title, "needs": list(day.needs)} for day in rollout.days(estate)
            ],
            "unde_gates_of_days": [{"name": gate.name, "day": gate.day, "says": gate.says} for gate in asked],
            "unde_rotations": rotations.published(),
            secrets.NEEDED: secrets.entries(estate),
        },
        groups=grouped,
        hosts=hosts,
        members=members,
        from_overlay={key: value for key, value in estate.source.variables.items() if key not in named},
        expressions={
            entity: names for entity, variables in (grouped | hosts).items()
            if (names := [key for key, value in variables.items() if isinstance(value, Expression)])
        },
    )


def _gates(host: HostView, asked: list[gates.Gate]) -> dict[str, Any]:
    """Return the gates that a host is asked for."""
    return {"unde_gates": [{"name": gate.name, "day": gate.day} for gate in asked if host.name in gate.hosts]}


def _secrets(estate: Estate, host: HostView) -> dict[str, Any]:
    """Return the secrets that roles take up on a host, by name; never a value."""
    return {"unde_secrets": holders.taken_up(estate, host)}


def _states(estate: Estate) -> dict[str, dict[str, Any]]:
    """Return what hosts of one state share: what may be done to them without asking."""
    return {
        groups.identifier("state", state): {
            "unde_state": state,
            "unde_may_restart": state == "create",
            "unde_may_initialize": state == "create",
            "base_manage": list(BASE_ON_OURS if state == "create" else BASE_ON_ADOPTED),
        }
        for state in {host.kind.state for host in estate.hosts.values()}
    }


def _own(estate: Estate, flows: Flows, host: HostView) -> dict[str, Any]:
    """Return the variables of one host."""
    variables: dict[str, Any] = {
        "ansible_host": str(host.public_address or host.address),
        "unde_name": host.name,
        "unde_address": str(host.address),
        "unde_public_address": str(host.public_address) if host.public_address else None,
        "unde_release": host.kind.release,
        "unde_roles": list(host.roles),
        "unde_adopt": list(host.adopt),
        "unde_day": host.kind.day,
        "unde_size": {"vcpu": host.kind.vcpu, "ram_gb": host.kind.ram_gb, "disk_gb": host.kind.disk_gb},
    }
    for role in host.roles:
        if role in OWN:
            variables |= OWN[role](estate, flows, host)
    if host.name in estate.gateways:
        variables["base_routes"] = []
    return variables
