"""The secrets that an estate needs: their names and kinds, never their values."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

from ..model import Estate

PASSWORD_LENGTH = 40  #: characters of 62: 238 bits
ALPHABET = string.ascii_letters + string.digits

#: Secrets that every estate has: one password each, except the master key.
PASSWORDS = (
    "vault_patroni_api_password",
    "vault_pgbackrest_cipher_pass",
    "vault_postgres_shard_app_password",
    "vault_postgres_shard_monitor_password",
    "vault_postgres_shard_pgbouncer_password",
    "vault_postgres_shard_replicator_password",
    "vault_postgres_shard_rewind_password",
)
MASTER_KEY = "vault_postgres_shard_master_key"
REDIS = "vault_redis_passwords"


def redis_users(estate: Estate) -> list[str]:
    """Return the names of all Redis users, as ``<instance>-<family or duty>``."""
    return [
        f"{name}-{user}"
        for name, instance in estate.layout.clusters.redis.items()
        for user in (*instance.families, "monitor", "admin")
    ]


def password() -> str:
    """Return a fresh random password."""
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))


def fresh(estate: Estate, kept: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all secrets of an estate: those in ``kept`` as they are, the missing ones made anew.

    The master key is 256 bits, hexadecimal.
    """
    known: dict[str, Any] = dict(kept or {})
    result = known | {name: known.get(name) or password() for name in PASSWORDS}
    result[MASTER_KEY] = known.get(MASTER_KEY) or secrets.token_hex(32)
    users: dict[str, str] = dict(known.get(REDIS) or {})
    result[REDIS] = users | {user: users.get(user) or password() for user in redis_users(estate)}
    return result
