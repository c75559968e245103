"""The secrets that an estate needs: their names and kinds, never their values."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

from ..model import Estate
from . import databases, sentinels

PASSWORD_LENGTH = 40  #: characters of 62: 238 bits
ALPHABET = string.ascii_letters + string.digits

#: Secrets that every estate has: one password each, except the master key.
PASSWORDS = (
    "vault_alertmanager_operators_password",
    "vault_grafana_admin_password",
    "vault_grafana_secret_key",
    "vault_luks_backup_passphrase",
    "vault_mikrotik_chr_backup_password",
    "vault_mikrotik_chr_counters_password",
    "vault_mikrotik_chr_password",
    "vault_patroni_api_password",
    "vault_pgbackrest_cipher_pass",
    "vault_postgres_shard_app_password",
    "vault_postgres_shard_monitor_password",
    "vault_postgres_shard_pgbouncer_password",
    "vault_postgres_shard_replicator_password",
    "vault_postgres_shard_rewind_password",
    "vault_posthog_database_password",
    "vault_posthog_gate_key",
    "vault_posthog_internal_token",
    "vault_posthog_secret",
    "vault_prometheus_grafana_password",
    "vault_prometheus_operators_password",
    "vault_prometheus_own_password",
)
#: Secrets that only others can give, added by hand: never made here, and kept like all that is there.
GIVEN_BY_NAME = "vault_app_service_given_secrets"
STORAGE_KEYS = "vault_object_storage_keys"
GIVEN = ("vault_alertmanager_slack_url", "vault_alertmanager_telegram_token", GIVEN_BY_NAME, STORAGE_KEYS)
POSTHOG_SALT = "vault_posthog_encryption_salt"
POSTHOG_SALT_LENGTH = 32  #: PostHog takes no other
MASTER_KEY = "vault_postgres_shard_master_key"
REDIS = "vault_redis_passwords"
DATABASES = "vault_core_database_passwords"
#: By host: of the encrypted disk, and of its second key slot.
DISKS = ("vault_luks_passphrases", "vault_luks_recovery_passphrases")
#: Secrets that are mappings.
MAPPINGS = (REDIS, DATABASES, *DISKS)

#: What Ansible is told of them: variable → the entries that must be there (plugins/lookup/vault.py).
NEEDED = "unde_vault_entries"

#: What a service of ours may ask for: kind → the variable that holds it (a mapping, where the layout writes ``kind/name``), and whether it must
#: never reach a disk.
RUNTIME = {
    "master-key": (MASTER_KEY, True),
    "shard-sql": ("vault_postgres_shard_app_password", False),
    "redis": (REDIS, False),
    "database": (DATABASES, False),
    "given": ("app_service_given_secrets", False),
}
#: Kinds of which there are several.
NAMED = ("redis", "database", "given")


def redis_users_by_instance(estate: Estate) -> dict[str, list[str]]:
    """Return Redis instance → its users, and the sentinels' own."""
    users = {name: [*instance.families, "monitor", "admin"] for name, instance in estate.layout.clusters.redis.items()}
    for name in users:
        users[name] += (sentinels.REPLICA, sentinels.WATCHER) if sentinels.watched(estate, name) else ()
    return users | ({sentinels.NAME: [*sentinels.USERS]} if estate.layout.clusters.sentinel else {})


def redis_users(estate: Estate) -> list[str]:
    """Return the names of all Redis users, as ``<instance>-<family or duty>``."""
    return [redis_user(name, user) for name, users in redis_users_by_instance(estate).items() for user in users]


def database_users(estate: Estate) -> list[str]:
    """Return the names of all core databases' users, as ``<database>-<user>``."""
    return [f"{name}-{user}" for name, database in estate.layout.clusters.databases.items() for user in databases.users(database)]


def encrypted(estate: Estate) -> list[str]:
    """Return the names of the hosts with an encrypted disk."""
    return [host.name for host in estate.hosts.values() if host.kind.encrypted_disk]


def redis_user(instance: str, user: str) -> str:
    """Return how the passwords of a Redis instance's users are named."""
    return f"{instance}-{user}"


def password(length: int = PASSWORD_LENGTH) -> str:
    """Return a fresh random password."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def made(variable: str) -> str:
    """Return a fresh value for a variable, or for one entry of it.

    The master key is 256 bits, hexadecimal; what PostHog encrypts with has 32 characters.
    """
    if variable == MASTER_KEY:
        return secrets.token_hex(32)
    return password(POSTHOG_SALT_LENGTH if variable == POSTHOG_SALT else PASSWORD_LENGTH)


def entries(estate: Estate) -> dict[str, list[str]]:
    """Return which entries an estate needs in the secrets that are mappings."""
    return {REDIS: redis_users(estate), DATABASES: database_users(estate), **dict.fromkeys(DISKS, encrypted(estate))}


def fresh(estate: Estate, kept: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all secrets of an estate: those in ``kept`` as they are, the missing ones made anew."""
    known: dict[str, Any] = dict(kept or {})
    result = known | {name: known.get(name) or made(name) for name in (*PASSWORDS, MASTER_KEY, POSTHOG_SALT)}
    for name, keys in entries(estate).items():
        there: dict[str, str] = dict(known.get(name) or {})
        result[name] = there | {key: there.get(key) or made(name) for key in keys}
    return result
