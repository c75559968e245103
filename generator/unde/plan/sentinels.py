"""Redis with copies: where they are, who votes on their master, and what both need (row 23)."""

from __future__ import annotations

from ..model import Estate, HostView

ROLE = "redis_sentinel"  #: of the hosts that vote
SERVICE = "redis-sentinel"  #: whose port they listen at

#: What the passwords of the sentinels' own users are kept under; no instance may be called so.
NAME = "sentinel"
ADMIN, PEER, CLIENT = "admin", "peer", "client"
USERS = (ADMIN, PEER, CLIENT)
#: Users of each instance that has copies: what a copy follows its master as, and what the sentinels watch it as.
REPLICA, WATCHER = "replica", "sentinel"


def watched(estate: Estate, instance: str) -> bool:
    """Return whether a Redis instance has copies and a failover."""
    wanted = estate.layout.clusters.sentinel
    return wanted is not None and instance in wanted.instances


def copies(estate: Estate, instance: str) -> tuple[HostView, ...]:
    """Return the hosts of a Redis instance: first the one that is its master at first."""
    wanted = estate.layout.clusters.sentinel
    further = wanted.replicas if wanted is not None and instance in wanted.instances else []
    return tuple(estate.hosts[name] for name in dict.fromkeys((estate.layout.clusters.redis[instance].host, *further)))


def voters(estate: Estate) -> tuple[HostView, ...]:
    """Return the hosts that vote, in the order of the list."""
    wanted = estate.layout.clusters.sentinel
    return tuple(estate.hosts[name] for name in dict.fromkeys(wanted.sentinels)) if wanted else ()


def places(estate: Estate) -> list[str]:
    """Return where the sentinels answer, as ``address:port``."""
    return [f"{voter.address}:{estate.port(SERVICE)}" for voter in voters(estate)]


def quorum(estate: Estate) -> int:
    """Return how many sentinels have to hold a master for lost before they vote: the majority that the vote needs anyway."""
    return len(voters(estate)) // 2 + 1


def least_replicas(estate: Estate, instance: str) -> int:
    """Return how many copies a master must reach to take writes (min-replicas-to-write).

    With two copies or more a master that is cut off stops after ten seconds; with a single one the loss of either would stop the other.
    """
    return 1 if len(copies(estate, instance)) > 2 else 0
