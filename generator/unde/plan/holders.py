"""Which secrets each role takes up on a host, of those that can get a new value (`rotations`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model import Estate, HostView, select
from . import apps, buckets, clusters, databases, routing, secrets, sentinels
from .rotations import ROTATIONS

#: Variables of the vault that hold many values; each entry has takers of its own.
MAPPINGS = frozenset({secrets.GIVEN_BY_NAME, secrets.STORAGE_KEYS, *secrets.MAPPINGS})


def taken_up(estate: Estate, host: HostView) -> dict[str, list[str]]:
    """Return role → the secrets that it takes up on a host, of those that can get a new value; only roles that may act there."""
    found = {role: list(dict.fromkeys(_of_role(estate, host, role))) for role in host.roles if host.may(role)}
    return {role: names for role, names in found.items() if names}


def _of_role(estate: Estate, host: HostView, role: str) -> Iterable[str]:
    """Return the secrets that a role takes up on a host."""
    if role == "app_service":
        return _handed(estate, host)
    if role == "object_storage" and (store := estate.layout.clusters.object_storage):
        return [each for key in (buckets.ADMINISTRATOR, *buckets.keys(store)) for each in _key(key)]
    if role == "pgbackrest":
        backups = estate.layout.clusters.pgbackrest
        return _key(backups.key) if backups.bucket and backups.key else []
    if role in ("redis", sentinels.ROLE, routing.ROLE):
        return [f"{secrets.REDIS}/{secrets.redis_user(instance, user)}" for instance, user in _redis(estate, host, role)]
    if role == "exporters":
        instances = [cluster.name for cluster in clusters.redis(estate) if host in cluster.members]
        return [*_database(estate, host, role), *(f"{secrets.REDIS}/{secrets.redis_user(name, 'monitor')}" for name in instances)]
    if role in ("core_database", "pgbouncer"):
        return _database(estate, host, role)
    return _plain(role)


def _plain(role: str) -> list[str]:
    """Return the variables, of those that hold one value, of which a role is a step."""
    return [
        variable for variable, rotation in ROTATIONS.items()
        if variable not in MAPPINGS and any(step.role == role for step in rotation.steps)
    ]


def _key(name: str) -> list[str]:
    """Return both halves of a key of the object storage."""
    return [f"{secrets.STORAGE_KEYS}/s3-{name}{half}" for half in buckets.HALVES]


def _handed(estate: Estate, host: HostView) -> Iterator[str]:
    """Yield what the services of a host are handed. A key of the object storage is among what is given to them, and is the same in its own variable."""
    for name, app in apps.ours(estate).items():
        for secret in apps.handed(estate, app) if host in select.hosts(estate, estate.layout.services[name].hosts) else ():
            variable = secret.variable if secret.variable.startswith("vault_") else f"vault_{secret.variable}"
            yield variable if secret.key is None else f"{variable}/{secret.key}"
            if variable == secrets.GIVEN_BY_NAME and f"given/{secret.key}".startswith(buckets.GIVEN):
                yield f"{secrets.STORAGE_KEYS}/{secret.key}"


def _database(estate: Estate, host: HostView, role: str) -> list[str]:
    """Return the passwords of a database's users that a role takes up: a shard's have a variable each."""
    if host.may("postgres_shard"):
        return _plain(role)
    if not host.may("core_database") or (found := databases.of(estate, host)) is None:
        return []
    name, database = found
    own = {"pgbouncer": [databases.POOLER], "exporters": [databases.MONITOR]}.get(role) or databases.users(database)
    return [f"{secrets.DATABASES}/{name}-{user}" for user in own]


def _redis(estate: Estate, host: HostView, role: str) -> Iterator[tuple[str, str]]:
    """Yield the Redis users whose password a role takes up on a host: as who lets in by it, or as who comes in."""
    watched = [name for name in estate.layout.clusters.redis if sentinels.watched(estate, name)]
    if role == sentinels.ROLE:
        yield from ((sentinels.NAME, user) for user in sentinels.USERS)
        yield from ((name, sentinels.WATCHER) for name in watched)
        return
    if role == "redis":
        here = [cluster.name for cluster in clusters.redis(estate) if host in cluster.members]
        yield from ((name, user) for name in here for user in secrets.redis_users_by_instance(estate)[name])
    else:
        here = routing.instances(estate, host.site)[:1]
        yield from ((name, routing.FAMILY) for name in here)
    if set(here) & set(watched):  # asks who leads
        yield sentinels.NAME, sentinels.CLIENT
