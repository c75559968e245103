"""Which secrets a role takes up on a host: as who lets in by them, or as who comes in; nothing where it may not act."""

from __future__ import annotations

import pytest

import support
from unde.model import Estate
from unde.plan import holders

from .test_sentinels import GROWN

REDIS, DATABASES, KEYS = "vault_redis_passwords/", "vault_core_database_passwords/", "vault_object_storage_keys/"


@pytest.fixture(scope="module")
def shipped() -> Estate:
    """Return the document's estate."""
    return support.estate()


def taken(estate: Estate, host: str, role: str) -> set[str]:
    """Return what a role takes up on a host."""
    return set(holders.taken_up(estate, estate.hosts[host]).get(role, ()))


def test_an_instance_has_its_own_users_alone(shipped: Estate) -> None:
    found = taken(shipped, "local-redis", "redis")
    assert {f"{REDIS}cache-mood", f"{REDIS}cache-admin", f"{REDIS}limits-shards"} <= found
    assert not {name for name in found if name.startswith((f"{REDIS}broker-", f"{REDIS}sentinel-"))}


def test_who_comes_in_takes_up_its_own_user(shipped: Estate) -> None:
    assert taken(shipped, "local-mood", "app_service") == {f"{REDIS}cache-mood"}
    assert taken(shipped, "etcd-2", "routing") == {f"{REDIS}broker-shards"}
    assert taken(shipped, "local-redis", "exporters") == {f"{REDIS}cache-monitor", f"{REDIS}limits-monitor"}


def test_a_pooler_and_an_exporter_have_one_user_each(shipped: Estate) -> None:
    """Of the database that they stand beside; the database has them all."""
    assert taken(shipped, "staging-db", "pgbouncer") == {f"{DATABASES}staging-pgbouncer"}
    assert taken(shipped, "staging-db", "exporters") == {f"{DATABASES}staging-unde_monitor"}
    assert {f"{DATABASES}staging-pgbouncer", f"{DATABASES}staging-unde_monitor"} < taken(shipped, "staging-db", "core_database")
    assert taken(shipped, "shard-replica-0", "pgbouncer") == {"vault_postgres_shard_pgbouncer_password"}
    assert taken(shipped, "shard-replica-0", "exporters") == {"vault_postgres_shard_monitor_password"}


def test_a_key_of_the_object_storage_is_one_under_both_names(shipped: Estate) -> None:
    found = taken(shipped, "embed-batch", "app_service")
    assert {"vault_app_service_given_secrets/s3-originals-access-key", f"{KEYS}s3-originals-access-key"} <= found
    assert taken(shipped, "local-app", "app_service") & {f"{KEYS}posthog-api-key"} == set()
    assert taken(shipped, "local-shard-0", "pgbackrest") == {f"{KEYS}s3-backups-access-key", f"{KEYS}s3-backups-secret-key"}


def test_a_role_that_may_not_act_takes_nothing_up(shipped: Estate) -> None:
    """The broker's Redis serves customers already, and is in nobody's `adopt`."""
    assert "redis" in shipped.hosts["push"].roles
    assert taken(shipped, "push", "redis") == set()


def test_sentinels_let_in_by_their_users_and_others_ask_them() -> None:
    grown = support.estate(GROWN)
    own = {f"{REDIS}sentinel-{user}" for user in ("admin", "peer", "client")}
    assert taken(grown, "local-etcd-1", "redis_sentinel") == own | {f"{REDIS}cache-sentinel", f"{REDIS}limits-sentinel"}
    assert taken(grown, "local-redis-2", "redis") & own == {f"{REDIS}sentinel-client"}
    assert f"{REDIS}sentinel-client" in taken(grown, "local-etcd-1", "routing")
    assert f"{REDIS}sentinel-client" in taken(grown, "local-mood", "app_service")
