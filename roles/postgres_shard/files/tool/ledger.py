"""Versioned SQL: each file once, in order, in one transaction, recorded with its checksum in `unde.schema_version`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from common import psql, refuse

BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS unde;
CREATE TABLE IF NOT EXISTS unde.schema_version (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


def exists(database: str) -> bool:
    """Tell whether there is such a database."""
    return psql(f"SELECT 1 FROM pg_database WHERE datname = '{database}'") == "1"


def create(database: str) -> None:
    """Make the database."""
    psql(f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")


def known(database: str) -> dict[int, str]:
    """Return the checksum of each file that was applied."""
    if psql("SELECT to_regclass('unde.schema_version') IS NULL", database=database) == "t":
        return {}
    rows = psql("SELECT version, checksum FROM unde.schema_version", database=database).splitlines()
    return {int(version): checksum for version, checksum in (row.split("|") for row in rows)}


def number(name: str) -> int:
    """Return the number that a file's name begins with."""
    return int(name.split("_")[0])


def apply(database: str, files: list[dict], variables: dict, *, check: bool, held: Collection[str] = ()) -> list[str]:
    """Apply what was not applied yet, except the files `held`; return the names. Refuse a file that was edited after it had been applied."""
    if not check:
        psql(BOOTSTRAP, database=database, transaction=True)
    before, applied = known(database), []
    for entry in sorted(files, key=lambda item: item["name"]):
        version, checksum = number(entry["name"]), hashlib.sha256(entry["content"].encode()).hexdigest()
        if version in before:
            if before[version] != checksum:
                refuse(f"{entry['name']} was changed after it had been applied; put it back, and write the change as a new file")
            continue
        if entry["name"] in held:
            continue
        applied.append(entry["name"])
        if not check:
            record = f"\nINSERT INTO unde.schema_version (version, name, checksum) VALUES ({version}, '{entry['name']}', '{checksum}');\n"
            psql(entry["content"] + record, database=database, variables=variables, transaction=True)
    return applied
