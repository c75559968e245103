"""Apply the migrations, except those whose tables something else made already: these are named, and left as they are."""

from __future__ import annotations

import re

import ledger
from common import is_primary, psql, read_order, refuse, report

#: A migration says what it makes: `-- Makes: table routing_table`, `-- Makes: schema catalog`.
MAKES = re.compile(r"^-- Makes: (table|schema) (\w+)$", re.MULTILINE)
TABLE = "unde_ai.sku_image_embeddings"
#: CONNECT is everyone's in a fresh database, unless this is said.
CLOSED = "REVOKE ALL ON DATABASE {0} FROM PUBLIC; GRANT CONNECT ON DATABASE {0} TO unde_callers, unde_monitor, pgbouncer;"


def found(database: str, content: str) -> list[str]:
    """Return what a migration would make and is there already, whatever schema it lies in."""
    names: list[str] = []
    for kind, name in MAKES.findall(content):
        if kind == "schema":
            names += psql(f"SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = '{name}'", database=database).splitlines()
        else:
            names += psql(
                "SELECT nspname || '.' || relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
                f"WHERE relname = '{name}' AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1", database=database,
            ).splitlines()
    return names


def check_dimensions(database: str, dimensions: int) -> None:
    """Refuse to pretend: the shape of a table with rows in it does not change with a variable."""
    sql = f"SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass('{TABLE}') AND attname = 'embedding'"
    there = psql(sql, database=database)
    if there and int(there) != dimensions:
        refuse(
            f"{TABLE} has {there} dimensions, asked for {dimensions}. Nothing was changed. Other dimensions mean another model: "
            "a new column or table, filled anew, in a migration of its own."
        )


def main() -> None:
    """Run the command."""
    order = read_order()
    database, files, check = order["database"], order["files"], order["check"]
    if not is_primary():
        report(False, state="not the primary", applied=[], held={})
    if not ledger.exists(database):
        if check:
            report(True, applied=[entry["name"] for entry in files], held={})
        ledger.create(database)
        psql(CLOSED.format(database))
    known = ledger.known(database)
    new = [entry for entry in files if ledger.number(entry["name"]) not in known]
    held = {entry["name"]: there for entry in new if (there := found(database, entry["content"]))}
    if not any(TABLE.split(".")[1] in name for there in held.values() for name in there):
        check_dimensions(database, int(order["dimensions"]))
    applied = ledger.apply(database, files, {"dimensions": int(order["dimensions"])}, check=check, held=held)
    report(bool(applied), applied=applied, held=held)


if __name__ == "__main__":
    main()
