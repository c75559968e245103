"""Keep the database's own users, on whichever member is the primary now."""

from __future__ import annotations

import scram
from common import is_primary, read_order, report

REWIND = "\n".join(
    f"GRANT EXECUTE ON FUNCTION pg_catalog.{name} TO rewind;"
    for name in (
        "pg_ls_dir(text, boolean, boolean)",
        "pg_stat_file(text, boolean)",
        "pg_read_binary_file(text)",
        "pg_read_binary_file(text, bigint, bigint, boolean)",
    )
)
# The attributes of each user, and the rights that come with being made. Rights on tables come with the schema.
USERS = {
    "replicator": ("LOGIN REPLICATION", ""),
    "rewind": ("LOGIN", REWIND),
    "unde_app": ("LOGIN", ""),
    "unde_monitor": ("LOGIN", "GRANT pg_monitor TO unde_monitor;"),
    "pgbouncer": ("LOGIN", ""),
}


def main() -> None:
    """Run the command; who has no password in the order is left alone."""
    order = read_order()
    scram.check(order["passwords"])
    if not is_primary():
        report(False, state="not the primary")
    users = {name: wanted for name, wanted in USERS.items() if name in order["passwords"]}
    sql, touched = scram.statements(users, order["passwords"])
    if sql and not order["check"]:
        scram.execute(sql)
    report(bool(sql), touched=touched)


if __name__ == "__main__":
    main()
