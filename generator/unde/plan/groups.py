"""The groups of a host.

By site, role, shard, day, phase and state; and by where a role acts: ``managed_<role>`` at any time, ``day_NN_<role>`` and ``phase_N_<role>`` on that
day and in that phase of the rollout. A shard's member also stands in the group of how it begins, ``begins_as_primary`` or ``begins_as_replica``.
"""

from __future__ import annotations

from ..model import Estate, HostView
from . import rollout


def identifier(kind: str, name: object) -> str:
    """Return a group's name; Ansible wants no dash in it."""
    return f"{kind}_{name}".replace("-", "_")


def members(estate: Estate) -> dict[str, list[str]]:
    """Return host → its groups, sorted."""
    applied = rollout.applied(estate)
    return {name: _of(estate, host, applied[name]) for name, host in estate.hosts.items()}


def _of(estate: Estate, host: HostView, applied: rollout.Applied) -> list[str]:
    """Return the groups of a host, sorted; a day that the rollout does not have, which the checks refuse, makes none."""
    phases = {number: day.phase for number, day in estate.layout.rollout.days.items()}
    names = {
        identifier("site", host.site), identifier("state", host.kind.state),
        *(identifier("role", role) for role in host.roles),
        *(identifier("managed", role) for role in applied),
    }
    if host.kind.day in phases:
        names |= {f"day_{host.kind.day:02d}", f"phase_{phases[host.kind.day]}"}
    for role, days in applied.items():
        for day in days:
            if day in phases:
                names |= {identifier(f"day_{day:02d}", role), identifier(f"phase_{phases[day]}", role)}
    if host.shard is not None:
        names |= {f"shard_{host.shard}", f"begins_as_{host.member}"}
    return sorted(names)
