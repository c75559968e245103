# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbered migrations: each file of SQL once, in order, in one transaction, recorded with its checksum (SHA-256) in ``unde.schema_version``.

A migration says what it makes, ``-- Makes: table routing_table`` or ``-- Makes: schema catalog``; one whose tables something else made already is held back.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.unde.infra.plugins.module_utils.postgresql import LEDGER, Refused, Server, identifier, literal

BOOTSTRAP = f"""
CREATE SCHEMA IF NOT EXISTS {LEDGER.partition(".")[0]};
CREATE TABLE IF NOT EXISTS {LEDGER} (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""
MAKES = re.compile(r"^-- Makes: (table|schema) (\w+)$", re.MULTILINE)
#: What there is of a name, whatever schema it lies in.
FOUND = {
    "schema": "SELECT 'schema ' || nspname AS found FROM pg_namespace WHERE nspname = {0}",
    "table": "SELECT nspname || '.' || relname AS found FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE relname = {0} AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1",
}


@dataclass(frozen=True)
class Migration:
    """One file."""

    name: str
    content: str

    @property
    def version(self) -> int:
        """Return the number that its name begins with."""
        return int(self.name.split("_")[0])

    @property
    def checksum(self) -> str:
        """Return what it is recorded by."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    def makes(self) -> list[tuple[str, str]]:
        """Return what it says that it makes: kinds and names."""
        return MAKES.findall(self.content)


class Database:
    """A database that is kept by migrations."""

    def __init__(self, server: Server, name: str) -> None:
        """Take the server and the database's name."""
        self.server, self.name = server, name

    def sql(self, text: str, **more: Any) -> str:
        """Run SQL in it."""
        return self.server.sql(text, database=self.name, **more)

    def exists(self) -> bool:
        """Return whether it is there; one that a killed run has only begun to create takes no connections, and none at a time."""
        begun = "datallowconn OR datconnlimit <> 0"
        return self.server.sql(f"SELECT {begun} FROM pg_database WHERE datname = {literal(self.name)}") == "t"

    def create(self, callers: list[str]) -> None:
        """Create it, or finish that; where callers are named, nobody else may connect. Nobody comes in before that is said."""
        name = identifier(self.name)
        if self.server.sql(f"SELECT 1 FROM pg_database WHERE datname = {literal(self.name)}") != "1":
            self.server.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' ALLOW_CONNECTIONS false CONNECTION LIMIT 0")
        rights = [f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;", f"GRANT CONNECT ON DATABASE {name} TO {', '.join(map(identifier, callers))};"]
        opened = f"ALTER DATABASE {name} ALLOW_CONNECTIONS true CONNECTION LIMIT -1;"
        self.server.sql("\n".join([*(rights if callers else []), opened]), transaction=True)

    def bootstrap(self) -> None:
        """Make the table that migrations are recorded in."""
        self.sql(BOOTSTRAP, transaction=True)

    def applied(self) -> dict[int, str]:
        """Return number → checksum of each migration that was applied."""
        if self.sql(f"SELECT to_regclass('{LEDGER}') IS NULL") == "t":
            return {}
        return {row["version"]: row["checksum"] for row in self.server.rows(f"SELECT version, checksum FROM {LEDGER}", database=self.name)}

    def already_there(self, migration: Migration) -> list[str]:
        """Return what a migration would make and is there already."""
        queries = [FOUND[kind].format(literal(name)) for kind, name in migration.makes()]
        return [row["found"] for query in queries for row in self.server.rows(query, database=self.name)]

    def check(self, migrations: list[Migration], applied: dict[int, str]) -> None:
        """Refuse a migration that was edited after it had been applied."""
        for each in migrations:
            if applied.get(each.version, each.checksum) != each.checksum:
                raise Refused(f"{each.name} was changed after it had been applied; put it back, and write the change as a new file")

    def apply(self, migration: Migration, variables: dict[str, Any]) -> None:
        """Apply a migration and record it, in one transaction."""
        record = f"\nINSERT INTO {LEDGER} (version, name, checksum) VALUES ({migration.version}, {literal(migration.name)}, '{migration.checksum}');\n"
        self.sql(migration.content + record, variables=variables, transaction=True)
