"""The exporters that look at a role's own work, what each is to the rest of the plan in one table."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import HostView

#: How the layout's services end that are exporters.
SUFFIX = "-exporter"


@dataclass(frozen=True)
class Exporter:
    """An exporter that has a service of its own in the layout.

    Attributes:
        roles: one of these has to have made what it looks at, and the monitor in it, before it is installed.
        with_role: whether it is scraped only where one of the roles acts: what serves already has none of ours. (PostgreSQL's, Redis's and nginx's the
            document has on every host.)
        required: whether a host that has one of the roles without it is unseen.
        added: whether it is added when the service comes, on a host that has its other exporters by then; the others ask their services from their
            first minute on, and are not applied before them.

    """

    roles: tuple[str, ...]
    with_role: bool = False
    required: bool = False
    added: bool = False


EXPORTERS = {
    "redis-exporter": Exporter(("redis",), required=True),
    "postgres-exporter": Exporter(("postgres_shard", "core_database"), required=True),
    "pgbouncer-exporter": Exporter(("pgbouncer",), with_role=True),
    "pgbackrest-exporter": Exporter(("pgbackrest",), with_role=True),
    "nginx-exporter": Exporter(("nginx_gateway",), added=True),
}


def installed(service: str, host: HostView) -> bool:
    """Return whether our roles install the exporter on a host that has it by the layout: one that looks at no role's work they do in any case."""
    exporter = EXPORTERS.get(service)
    return exporter is None or any(host.may(role) for role in exporter.roles)


def scraped(service: str, host: HostView) -> bool:
    """Return whether a service that has metrics on a host is scraped there."""
    exporter = EXPORTERS.get(service)
    return exporter is None or not exporter.with_role or installed(service, host)
