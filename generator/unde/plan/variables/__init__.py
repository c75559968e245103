"""What each role is told about a host: the one place where plan values get the names of role variables.

``SHARED`` holds what is equal on all hosts of a role and is published once, on the role's group; ``OWN`` what differs
from host to host. A structure test compares the names with the roles' argument specifications.
"""

from __future__ import annotations

from . import analytics, apps, backups, caches, databases, disks, entry, host, monitoring, network, routing, shards, votes
from .common import Own, Shared

SHARED: Shared = {
    **analytics.SHARED, **backups.SHARED, **caches.SHARED, **databases.SHARED, **monitoring.SHARED, **routing.SHARED, **shards.SHARED, **votes.SHARED,
}
OWN: Own = {
    **analytics.OWN, **apps.OWN, **backups.OWN, **caches.OWN, **databases.OWN, **disks.OWN, **entry.OWN, **host.OWN, **monitoring.OWN, **network.OWN,
    **routing.OWN, **shards.OWN, **votes.OWN,
}
