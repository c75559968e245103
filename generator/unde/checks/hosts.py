"""Hosts: labels, sizes, and roles that need a place of their own."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Finding, nearest
from ..model import Estate
from ..model.roles import ROLES
from .rules import rule


@rule("label-duplicate", rows=(4,))
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


@rule("gateway-role")
def gateways(estate: Estate) -> Iterator[Finding]:
    """A site's gateway stands at the site and has the role, and only such a host has it."""
    for name, site in estate.layout.sites.items():
        host = estate.hosts.get(site.gateway.host) if site.gateway else None
        if host and (host.site != name or "gateway" not in host.roles):
            yield estate.source.finding(
                ("sites", name, "gateway", "host"), "gateway-role", f"'{host.name}' is no gateway of '{name}'",
                f"choose a host at '{name}' with the role gateway, or give '{host.name}' that site and role",
            )
    for host in estate.by_role["gateway"]:
        if host.name not in estate.gateways:
            yield estate.source.finding(
                (*host.path, "roles"), "gateway-role", f"'{host.name}' has the role gateway, but no site names it as its gateway",
                f"write sites.{host.site}.gateway, or remove the role",
            )


#: Roles whose variables follow from a shard's number.
OF_SHARDS = ("postgres_shard", "patroni", "pgbouncer", "pgbackrest")


@rule("shard-role-misplaced")
def shard_roles(estate: Estate) -> Iterator[Finding]:
    """The roles of a shard's database stand in the shards' templates only."""
    for host in estate.hosts.values():
        wrong = [role for role in OF_SHARDS if role in host.roles]
        if wrong and host.shard is None:
            yield estate.source.finding(
                (*host.path, "roles"), "shard-role-misplaced", f"'{host.name}' is no member of a shard, but has {', '.join(wrong)}",
                "remove them here: a shard's hosts follow from 'shards'",
            )


@rule("host-type-unknown")
def types(estate: Estate) -> Iterator[Finding]:
    """A host's machine type is one that its site's provider rents out, with the size that it has there."""
    reported = set()
    for host in estate.hosts.values():
        site = estate.layout.sites.get(host.site)
        if site is None or not site.types or (host.path, host.kind.type) in reported:
            continue
        machine = site.types.get(host.kind.type)
        if machine is None:
            reported.add((host.path, host.kind.type))
            yield estate.source.finding(
                (*host.path, "type"), "host-type-unknown", f"'{host.name}' is a '{host.kind.type}', which {site.provider} does not offer at '{host.site}'",
                nearest(host.kind.type, site.types),
            )
            continue
        for key, unit in (("vcpu", "vCPU"), ("ram_gb", "GB RAM"), ("disk_gb", "GB disk")):
            size, offered = getattr(host.kind, key), getattr(machine, key)
            if offered is not None and size > offered:
                reported.add((host.path, host.kind.type))
                yield estate.source.finding(
                    (*host.path, key), "host-type-unknown", f"'{host.name}' has {size} {unit}, but a {host.kind.type} has {offered}",
                    "correct the size or the type",
                )


@rule("role-needs")
def needs(estate: Estate) -> Iterator[Finding]:
    """A role has what it cannot work without: other roles on its host, or somewhere in the estate."""
    reported = set()
    for host in estate.hosts.values():
        for role in host.roles:
            beside = [needed for needed in ROLES[role].beside if needed not in host.roles]
            anywhere = [needed for needed in ROLES[role].anywhere if not estate.by_role[needed]]
            for needed, where in [*((each, f"on '{host.name}'") for each in beside), *((each, "on some host") for each in anywhere)]:
                if (host.path, role, needed) in reported:
                    continue
                reported.add((host.path, role, needed))
                yield estate.source.finding(
                    (*host.path, "roles"), "role-needs", f"role {role} of '{host.name}' needs {needed} {where}", f"add {needed}, or remove {role}",
                )


@rule("adopt-without-role")
def adopted(estate: Estate) -> Iterator[Finding]:
    """A host adopts only roles that it has."""
    reported = set()
    for host in estate.hosts.values():
        for role in host.kind.adopt:
            if role not in host.roles and (host.path, role) not in reported:
                reported.add((host.path, role))
                yield estate.source.finding(
                    (*host.path, "adopt"), "adopt-without-role", f"'{host.name}' is to adopt {role}, which is not among its roles", nearest(role, host.roles),
                )


@rule("gateway-virtualization", rows=(6,))
def virtualization(estate: Estate) -> Iterator[Finding]:
    """A router that runs as a guest has hardware virtualization under it; cloud servers have none."""
    for name, site in estate.layout.sites.items():
        gateway = site.gateway
        host = estate.hosts.get(gateway.host) if gateway else None
        if gateway and host and gateway.engine == "routeros" and gateway.placement == "guest" and "dedicated" not in host.kind.type.lower():
            yield estate.source.finding(
                ("sites", name, "gateway", "placement"), "gateway-virtualization",
                f"CHR is a guest on '{host.name}', a {host.kind.type}: a cloud server has no nested virtualization, the guest would be emulated and slow",
                "a dedicated machine; placement: bare; or engine: linux", warn=True,
            )
