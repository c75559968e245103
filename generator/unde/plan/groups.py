"""The groups of a host: by site, role, shard, day, phase and state."""

from __future__ import annotations

from ..model import Estate, HostView


def identifier(kind: str, name: object) -> str:
    """Return a group's name; Ansible wants no dash in it."""
    return f"{kind}_{name}".replace("-", "_")


def of(estate: Estate, host: HostView) -> list[str]:
    """Return the groups of a host, sorted."""
    day = host.kind.day
    names = [
        identifier("site", host.site), identifier("state", host.kind.state),
        f"day_{day:02d}", f"phase_{estate.layout.rollout.days[day].phase}",
        *(identifier("role", role) for role in host.roles),
    ]
    if host.shard is not None:
        names.append(f"shard_{host.shard}")
    return sorted(names)
