"""The layout's way to name several hosts: a host name, ``role:X``, ``site:X``, or ``all``; and to name what can be lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .estate import Estate, HostView

ALL = "all"


def hosts(estate: Estate, selectors: list[str]) -> tuple[HostView, ...]:
    """Return the hosts that selectors name, in the order of the layout; what names no host is passed over."""
    found = {host.name: host for selector in selectors for host in _named(estate, selector)}
    return tuple(sorted(found.values(), key=lambda host: estate.places[host.name]))


def _named(estate: Estate, selector: str) -> Iterable[HostView]:
    kind, colon, name = selector.partition(":")
    if selector == ALL:
        return estate.hosts.values()
    if not colon:
        return [estate.hosts[selector]] if selector in estate.hosts else []
    known: Mapping[str, tuple[HostView, ...]] = {"role": estate.by_role, "site": estate.by_site}.get(kind, {})
    return known.get(name, ())


def known(estate: Estate) -> list[str]:
    """Return every selector that names a host, for messages."""
    roles = {role for host in estate.hosts.values() for role in host.roles}
    return [ALL, *estate.hosts, *(f"role:{role}" for role in sorted(roles)), *(f"site:{site}" for site in estate.layout.sites)]


#: Words for everything of a kind, each of it alone; the primaries are the shards' first ones.
KINDS = ("sites", "links", "hosts", "tunnels", "primaries")


def losable(estate: Estate) -> list[str]:
    """Return the name of everything that can be lost: ``site:X``, ``link:A:B``, ``host:X``, ``tunnel:X``, in the order of the layout."""
    links = [":".join(("link", *link.between)) for link in estate.layout.links.values()]
    return [*(f"site:{name}" for name in estate.layout.sites), *links,
            *(f"host:{name}" for name in estate.hosts), *(f"tunnel:{name}" for name in estate.tunnels)]
