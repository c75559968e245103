"""Who leads a shard, as each site's own Redis has it: where that is kept, and who writes it (row 24)."""

from __future__ import annotations

from ..model import Estate, HostView

FAMILY = "shards"  #: the key family that holds it, and so the Redis user that writes it
ROLE = "routing"  #: of the host that writes it


def instances(estate: Estate, site: str) -> list[str]:
    """Return the Redis instances of a site that keep the shards' routing, in the order of the layout."""
    return [
        name for name, instance in estate.layout.clusters.redis.items()
        if FAMILY in instance.families and instance.host in estate.hosts and estate.hosts[instance.host].site == site
    ]


def writers(estate: Estate, site: str) -> list[HostView]:
    """Return the hosts of a site that write it, in the order of the layout."""
    return [host for host in estate.by_role[ROLE] if host.site == site]
