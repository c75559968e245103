"""Hosts: labels, sizes, and roles that need a place of their own."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import nearest
from ..model import Estate, HostView
from ..model.roles import MISSING_ON_BOOKWORM, RELEASES, ROLES
from ..model.source import DataPath
from .rules import Violation, rule


@rule("label-duplicate", rows=(4,))
def labels(estate: Estate) -> Iterator[Violation]:
    """No label is used for two typed hosts, or for a typed host and a shard's."""
    seen: dict[str, str] = {}
    for host in estate.hosts.values():
        template = host.path if host.shard is not None else None
        other = seen.setdefault(host.kind.label, host.name)
        if other == host.name or (template and estate.hosts[other].path == template):
            continue
        first = estate.source.position((*estate.hosts[other].path, "label"))
        yield Violation(
            (*host.path, "label"),
            f"label {host.kind.label} names '{host.name}' and '{other}' ({first.file}:{first.line})",
            "names are the identity; give one of them another label",
        )


@rule("host-over-site-limit")
def limits(estate: Estate) -> Iterator[Violation]:
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
                yield Violation(
                    path,
                    f"'{host.name}' has {size} {unit}; site '{host.site}' offers {limit}",
                    f"at most {limit}, or place it at another site",
                )


#: Roles whose variables follow from a shard's number; of two of them also from a core database.
OF_SHARDS = ("postgres_shard", "patroni", "pgbouncer", "pgbackrest")
OF_DATABASES = ("pgbouncer", "pgbackrest")


@rule("shard-role-misplaced")
def shard_roles(estate: Estate) -> Iterator[Violation]:
    """The roles of a shard's database stand in the shards' templates only."""
    for host in estate.hosts.values():
        elsewhere = OF_DATABASES if "core_database" in host.roles else ()
        wrong = [role for role in OF_SHARDS if role in host.roles and role not in elsewhere]
        if wrong and host.shard is None:
            yield Violation(
                (*host.path, "roles"), f"'{host.name}' is no member of a shard, but has {', '.join(wrong)}",
                "remove them here: a shard's hosts follow from 'shards'",
            )


@rule("host-type-unknown")
def types(estate: Estate) -> Iterator[Violation]:
    """A host's machine type is one that its site's provider rents out, with the size that it has there."""
    reported = set()
    for host in estate.hosts.values():
        site = estate.layout.sites.get(host.site)
        if site is None or not site.types or (host.path, host.kind.type) in reported:
            continue
        machine = site.types.get(host.kind.type)
        if machine is None:
            reported.add((host.path, host.kind.type))
            yield Violation(
                (*host.path, "type"), f"'{host.name}' is a '{host.kind.type}', which {site.provider} does not offer at '{host.site}'",
                nearest(host.kind.type, site.types),
            )
            continue
        for key, unit in (("vcpu", "vCPU"), ("ram_gb", "GB RAM"), ("disk_gb", "GB disk")):
            size, offered = getattr(host.kind, key), getattr(machine, key)
            if offered is not None and size > offered:
                reported.add((host.path, host.kind.type))
                yield Violation((*host.path, key), f"'{host.name}' has {size} {unit}, but a {host.kind.type} has {offered}", "correct the size or the type")


@rule("role-needs")
def needs(estate: Estate) -> Iterator[Violation]:
    """A role has what it cannot work without: other roles on its host, or somewhere in the estate."""
    reported = set()
    for host in estate.hosts.values():
        for role in host.roles:
            beside = [] if set(ROLES[role].beside) & set(host.roles) else [" or ".join(ROLES[role].beside)]
            anywhere = [needed for needed in ROLES[role].anywhere if not estate.by_role[needed]]
            for needed, where in [*((each, f"on '{host.name}'") for each in beside if each), *((each, "on some host") for each in anywhere)]:
                if (host.path, role, needed) in reported:
                    continue
                reported.add((host.path, role, needed))
                yield Violation((*host.path, "roles"), f"role {role} of '{host.name}' needs {needed} {where}", f"add {needed}, or remove {role}")


@rule("firewall-mode")
def firewall_mode(estate: Estate) -> Iterator[Violation]:
    """What the layout says of a host's firewall has an effect, and leaves no host of ours open."""
    reported = set()
    for host in estate.hosts.values():
        mode = host.kind.firewall
        if mode is None or host.path in reported:
            continue
        if not host.may("firewall"):
            reported.add(host.path)
            yield Violation(
                (*host.path, "firewall"), f"'{host.name}' is to {mode}, but no firewall of ours may act there",
                "add firewall to `adopt`, or remove `firewall`",
            )
        elif host.ours and mode == "observe":
            reported.add(host.path)
            yield Violation(
                (*host.path, "firewall"), f"'{host.name}' is ours to build, and its firewall would only observe: nothing is dropped there",
                "remove `firewall`: a host of ours enforces", warn=True,
            )


@rule("adopt-without-role")
def adopted(estate: Estate) -> Iterator[Violation]:
    """A host adopts only roles that it has."""
    reported = set()
    for host in estate.hosts.values():
        for role in host.kind.adopt:
            if role not in host.roles and (host.path, role) not in reported:
                reported.add((host.path, role))
                yield Violation((*host.path, "adopt"), f"'{host.name}' is to adopt {role}, which is not among its roles", nearest(role, host.roles))


@rule("release-role")
def releases(estate: Estate) -> Iterator[Violation]:
    """Every role that may act on a host works on the release of Debian that the host runs."""
    reported = set()
    for host in estate.hosts.values():
        release, path = host.kind.release, _where_release(estate, host)
        for role in (role for role in host.roles if host.may(role) and release not in ROLES[role].releases):
            if (path, role) in reported:
                continue
            reported.add((path, role))
            newest = ROLES[role].releases[-1]
            missing = f" ({MISSING_ON_BOOKWORM[role]})" if role in MISSING_ON_BOOKWORM else ""
            way = ("install" if host.ours else "upgrade it to") + f" Debian {RELEASES[newest]} (release: {newest}), or give {role} to another host"
            keep = "" if host.ours else f", or leave {role} out of `adopt`, and what runs there stays"
            yield Violation(
                path,
                f"'{host.name}' runs Debian {RELEASES[release]} ({release}), on which the role {role} does not work{missing}; it works on "
                f"{' and '.join(ROLES[role].releases)}",
                way + keep,
            )


def _where_release(estate: Estate, host: HostView) -> DataPath:
    """Return where the layout says a host's release: of a shard, its variant may say it in place of the template."""
    if host.shard is None or host.member is None:
        return (*host.path, "release")
    template = getattr(estate.layout.shards, host.member)
    starting = [("starting", start) for start in sorted(template.starting, reverse=True) if start <= host.shard]
    for kind, number in [("only", host.shard), *starting]:
        variant = getattr(template, kind).get(number)
        if variant is not None and variant.release is not None:
            return (*host.path, kind, number, "release")
    return (*host.path, "release")
