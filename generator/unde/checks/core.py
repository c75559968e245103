"""The databases beside the shards: each has its host, each caller its user."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate, select
from ..plan import databases
from ..plan.flows import Flows
from .rules import Violation, rule

#: What stands beside a core database that the roles may touch, and what comes of it where it does not.
BESIDE = {"pgbouncer": "PostgreSQL listens on the loopback alone: nobody could come in", "pgbackrest": "its WAL would wait for ever, and fill the disk"}
#: Names that are taken in every PostgreSQL, or by the role: no caller's user may have one.
TAKEN = ("all", "none", "postgres", "public", "user", databases.MONITOR, databases.POOLER)
PREFIXES = ("pg_", "unde_", "catalog_", "embeddings_", "routing_", "tombstones_")


@rule("core-database-host")
def hosts(estate: Estate) -> Iterator[Violation]:
    """A database has a host with the role core_database to itself, with its pooler and its archive."""
    first: dict[str, str] = {}
    for name, database in estate.layout.clusters.databases.items():
        here = ("clusters", "databases", name, "host")
        if database.host in first:
            yield Violation(here, f"'{database.host}' has the databases '{first[database.host]}' and '{name}'", "a host for each")
        first.setdefault(database.host, name)
        if database.host in estate.hosts and "core_database" not in estate.hosts[database.host].roles:
            yield Violation(
                here, f"'{database.host}' has the database '{name}', but not the role core_database",
                f"give '{database.host}' the role core_database",
            )
    for host in estate.by_role["core_database"]:
        if host.name not in first and (host.may("core_database") or set(BESIDE) & set(host.roles)):
            yield Violation(
                (*host.path, "roles"), f"'{host.name}' has the role core_database, but no database in clusters.databases names it",
                "add a database, or remove the role",
            )
        for role, what in BESIDE.items():
            if host.may("core_database") and not host.may(role):
                yield Violation(
                    (*host.path, "roles"), f"core_database acts on '{host.name}', but {role} does not: {what}",
                    f"add {role}" if host.ours else f"add {role} to its roles and to `adopt`",
                )


@rule("core-database-pool")
def pools(estate: Estate) -> Iterator[Violation]:
    """No user of a database may take more connections than its pool has; clients are at least as many as these."""
    most = estate.layout.clusters.pgbouncer.max_client_connections
    for name, database in estate.layout.clusters.databases.items():
        here = ("clusters", "databases", name)
        if database.pool_size > most:
            yield Violation((*here, "pool_size"), f"{most} clients can never use a pool of {database.pool_size}", f"at most {most}")
        for user, wanted in database.users.items():
            if wanted.pool_size is not None and wanted.pool_size > database.pool_size:
                yield Violation(
                    (*here, "users", user, "pool_size"),
                    f"'{user}' may take {wanted.pool_size} connections of a pool of {database.pool_size}", f"at most {database.pool_size}",
                )


@rule("core-database-user")
def users(estate: Estate) -> Iterator[Violation]:
    """A user's name is free in PostgreSQL, and no other user's."""
    for name, database in estate.layout.clusters.databases.items():
        for user in database.users:
            named = databases.sql_name(user)
            if named in TAKEN or named.startswith(PREFIXES) or named[0].isdigit():
                yield Violation(
                    ("clusters", "databases", name, "users", user), f"PostgreSQL or the role has the name '{named}' for itself",
                    "the caller's name, as embed-batch",
                )


@rule("core-database-caller", derives=True)
def callers(estate: Estate) -> Iterator[Violation]:
    """Who may come in by the flows has a user, and who has a user may come in."""
    flows = Flows(estate)
    for name, database in estate.layout.clusters.databases.items():
        here = ("clusters", "databases", name, "users")
        coming = databases.callers(estate, flows, database)
        nameless = [caller.name for caller, named in coming if not named]
        if nameless:
            yield Violation(
                here, f"flows let {', '.join(nameless)} in at port {database.port} of '{database.host}', but as no user of '{name}'",
                "a user with the access that the caller needs, or no flow",
            )
        allowed = {caller.name for caller, _ in coming}
        for user, wanted in database.users.items():
            shut = [host.name for host in select.hosts(estate, wanted.callers) if host.name not in allowed]
            if shut:
                yield Violation(
                    (*here, user, "callers"),
                    f"'{user}' is to come from {', '.join(shut)}, but no flow lets it in at port {database.port} of '{database.host}'",
                    "a flow from there to a service with that port, or another caller",
                )
