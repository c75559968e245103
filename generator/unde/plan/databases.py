"""The databases beside the shards: who comes in from where, under which name."""

from __future__ import annotations

from ..model import Estate, HostView, select
from ..model.schema import Database
from .flows import Flows

#: The users that every database has beside its callers': the exporter's, and the pooler's own.
MONITOR, POOLER = "unde_monitor", "pgbouncer"


def of(estate: Estate, host: HostView) -> tuple[str, Database] | None:
    """Return the database of a host, with its name in the layout; None where it has none."""
    return next(((name, each) for name, each in estate.layout.clusters.databases.items() if each.host == host.name), None)


def sql_name(name: str) -> str:
    """Return a name of the layout as PostgreSQL has it: no dash needs quoting there."""
    return name.replace("-", "_")


def users(database: Database) -> list[str]:
    """Return all users of a database that have a password, by their names in PostgreSQL."""
    return [*map(sql_name, database.users), MONITOR, POOLER]


def callers(estate: Estate, flows: Flows, database: Database) -> list[tuple[HostView, list[str]]]:
    """Return who may connect by the flows, in the order of the layout, each with its users by their names in PostgreSQL."""
    allowed = {sql_name(name): select.hosts(estate, user.callers) for name, user in database.users.items()}
    return [
        (caller, [name for name, hosts in allowed.items() if caller in hosts])
        for caller in flows.callers_of(database.host, database.port)
    ]
