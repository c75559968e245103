"""Who watches: the main monitoring, and further watches that tell people when it is lost.

A watch is a Prometheus and an Alertmanager beside it, of the same roles, with less to look at: the hosts of a few sites, as far as the
flows let it look. It asks the main monitoring whether that can tell, is silent as long as it can, and is asked the same in turn.
"""

from __future__ import annotations

from ..model import Estate, HostView
from ..model.schema import Watch
from .flows import Flows

ROLES = ("prometheus", "alertmanager")  #: both are of one watch, on one host


def of(estate: Estate, host: HostView) -> Watch | None:
    """Return the watch that stands on a host; ``None``: it stands in none."""
    return next((watch for watch in estate.layout.clusters.watches.values() if watch.host == host.name), None)


def hosts(estate: Estate) -> tuple[HostView, ...]:
    """Return the hosts of all watches, in the order of the layout."""
    return tuple(host for host in estate.hosts.values() if of(estate, host))


def main(estate: Estate, role: str = ROLES[0]) -> tuple[HostView, ...]:
    """Return the hosts of the main monitoring that have a role: those that are no watch."""
    return tuple(host for host in estate.by_role[role] if not of(estate, host))


def peers(estate: Estate, host: HostView) -> tuple[HostView, ...]:
    """Return whose monitoring a host asks whether it can tell: a watch the main one, the main one every watch."""
    return main(estate) if of(estate, host) else hosts(estate)


def alertmanagers(estate: Estate, host: HostView) -> tuple[HostView, ...]:
    """Return the Alertmanagers that the Prometheus on a host tells: a watch's own, so that each tells people by itself."""
    return (host,) if of(estate, host) else main(estate, "alertmanager")


def sees(estate: Estate, flows: Flows, host: HostView, target: HostView, port: int) -> bool:
    """Return whether the watch on a host looks at a port of another host: at one of its sites, and where a flow lets it in."""
    watch = of(estate, host)
    inside = watch is not None and target.site in watch.sites
    return inside and (target == host or host in flows.callers_of(target.name, port))
