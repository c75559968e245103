"""The groups of a host: by site, role, shard, day, phase and state; and ``managed_<role>``: where a role may act.

A shard's member also stands in the group of how it begins, ``begins_as_primary`` or ``begins_as_replica``.
"""

from __future__ import annotations

from ..model import Estate, HostView


def identifier(kind: str, name: object) -> str:
    """Return a group's name; Ansible wants no dash in it."""
    return f"{kind}_{name}".replace("-", "_")


def of(estate: Estate, host: HostView) -> list[str]:
    """Return the groups of a host, sorted."""
    day = host.kind.day
    assert day is not None, "a host in no day is refused by the checks"
    names = [
        identifier("site", host.site), identifier("state", host.kind.state),
        f"day_{day:02d}", f"phase_{estate.layout.rollout.days[day].phase}",
        *(identifier("role", role) for role in host.roles),
        *(identifier("managed", role) for role in host.roles if host.may(role)),
    ]
    if host.shard is not None:
        names += [f"shard_{host.shard}", f"begins_as_{host.member}"]
    return sorted(names)
