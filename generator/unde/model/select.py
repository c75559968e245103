"""The layout's way to name several hosts: a host name, ``role:X``, ``site:X``, or ``all``."""

from __future__ import annotations

from .estate import Estate, HostView

ALL = "all"


def hosts(estate: Estate, selectors: list[str]) -> tuple[HostView, ...]:
    """Return the hosts that selectors name, in the order of the layout; what names no host is passed over."""
    return tuple(host for host in estate.hosts.values() if any(_matches(host, selector) for selector in selectors))


def _matches(host: HostView, selector: str) -> bool:
    kind, colon, name = selector.partition(":")
    if not colon:
        return selector in (ALL, host.name)
    return (kind == "role" and name in host.roles) or (kind == "site" and name == host.site)


def known(estate: Estate) -> list[str]:
    """Return every selector that names a host, for messages."""
    roles = {role for host in estate.hosts.values() for role in host.roles}
    return [ALL, *estate.hosts, *(f"role:{role}" for role in sorted(roles)), *(f"site:{site}" for site in estate.layout.sites)]
