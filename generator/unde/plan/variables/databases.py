"""What the databases beside the shards are told: PostgreSQL, and what stands beside it there."""

from __future__ import annotations

from ...model import Estate, HostView
from ...model.schema import Database
from .. import databases, postgres
from ..flows import Flows
from .common import Expression, Own, Shared, Variables

PASSWORDS = "vault_core_database_passwords"


def _of(estate: Estate, host: HostView) -> tuple[str, Database]:
    found = databases.of(estate, host)
    assert found is not None, "a host that the role may touch without a database is refused by the checks"
    return found


def _password(name: str, user: str) -> Expression:
    """Return where a password is found: the vault's variable, never a value."""
    return Expression(f"{{{{ lookup('unde.infra.vault', '{PASSWORDS}/{name}-{user}') }}}}")


def _shared(estate: Estate, flows: Flows) -> Variables:
    cluster = estate.layout.clusters.postgres
    return {"core_database_version": cluster.version, "core_database_repository": cluster.repository}


def _own(estate: Estate, flows: Flows, host: HostView) -> Variables:
    if databases.of(estate, host) is None:
        return {}  # one that is left alone
    name, database = _of(estate, host)
    return {
        "core_database_name": name,
        "core_database_database": database.database,
        "core_database_dimensions": database.dimensions,
        "core_database_settings": postgres.core(host.kind, estate.layout.clusters.postgres.wal, name, database.pool_size),
        "core_database_users": [
            {"name": databases.sql_name(user), "access": [databases.sql_name(access) for access in wanted.access]}
            for user, wanted in database.users.items()
        ],
    }


def pgbouncer(estate: Estate, flows: Flows, host: HostView) -> Variables:
    """Return what the pooler in front of a core database is told."""
    name, database = _of(estate, host)
    return {
        "pgbouncer_address": str(host.address),
        "pgbouncer_port": database.port,
        "pgbouncer_database": database.database,
        "pgbouncer_pool_size": database.pool_size,
        "pgbouncer_user_pool_sizes": {
            databases.sql_name(user): wanted.pool_size for user, wanted in database.users.items() if wanted.pool_size is not None
        },
        "pgbouncer_users": [databases.sql_name(user) for user in database.users],
        "pgbouncer_clients": [
            {"name": caller.name, "address": str(caller.address), "users": users}
            for caller, users in databases.callers(estate, flows, database)
        ],
        "pgbouncer_auth_password": _password(name, databases.POOLER),
    }


def exporters(estate: Estate, host: HostView) -> Variables:
    """Return what the exporters beside a core database are told of it."""
    name, database = _of(estate, host)
    return {
        "exporters_postgres_of": "core",
        "exporters_database": database.database,
        "exporters_pgbouncer_port": database.port,
        "exporters_postgres_password": _password(name, databases.MONITOR),
    }


def stanza(estate: Estate, host: HostView) -> str:
    """Return pgBackRest's name of a core database's cluster."""
    return _of(estate, host)[0]


SHARED: Shared = {"core_database": _shared}
OWN: Own = {"core_database": _own}
