"""Hosts: labels and sizes."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Finding
from ..model import Estate
from .rules import rule


@rule("label-duplicate")
def labels(estate: Estate) -> Iterator[Finding]:
    """No label is used for two typed hosts, or for a typed host and a shard's."""
    seen: dict[str, str] = {}
    for host in estate.hosts.values():
        template = host.path if host.shard is not None else None
        other = seen.setdefault(host.kind.label, host.name)
        if other == host.name or (template and estate.hosts[other].path == template):
            continue
        first = estate.source.position((*estate.hosts[other].path, "label"))
        yield estate.source.finding(
            (*host.path, "label"), "label-duplicate",
            f"label {host.kind.label} names '{host.name}' and '{other}' ({first.file}:{first.line})",
            "names are the identity; give one of them another label",
        )


@rule("host-over-site-limit")
def limits(estate: Estate) -> Iterator[Finding]:
    """No host is larger than its site offers."""
    reported = set()
    for host in estate.hosts.values():
        site = estate.layout.sites.get(host.site)
        if site is None or site.host_limits is None:
            continue
        for key, unit in (("vcpu", "vCPU"), ("ram_gb", "GB RAM")):
            size, limit = getattr(host.kind, key), getattr(site.host_limits, key)
            path = (*host.path, key)
            if size > limit and path not in reported:
                reported.add(path)
                yield estate.source.finding(
                    path, "host-over-site-limit",
                    f"'{host.name}' has {size} {unit}; site '{host.site}' offers {limit}",
                    f"at most {limit}, or place it at another site",
                )
