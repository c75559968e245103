"""Keep the callers' users: one for each, with its password and with the rights that the layout gives it, no others.

Rights on tables belong to groups that nobody logs in as, one for each kind of access, and come with the migrations; a user
has what the groups have that it is in. Who is no caller any more is in none and logs in no more; its objects stay.
"""

from __future__ import annotations

import scram
from common import is_primary, psql, read_order, refuse, report

#: Who PgBouncer looks verifiers up for, beside the monitor.
CALLERS = "unde_callers"
#: Owns the functions that keep routing and tombstones in step.
REGISTRAR = "unde_registrar"
ACCESS = (
    "catalog_read", "catalog_write", "catalog_own",
    "embeddings_read", "embeddings_insert", "embeddings_retire",
    "routing_read", "routing_write", "tombstones_read", "tombstones_write",
)
#: Who may change the catalogue's tables has to say so (SET ROLE), so that they belong to one owner, whoever makes them.
OPTIONS = {"catalog_own": " WITH INHERIT FALSE, SET TRUE"}
#: The monitor's and the pooler's rights are given here and by the migrations.
DUTIES = {"unde_monitor": ("LOGIN", "GRANT pg_monitor TO unde_monitor;"), "pgbouncer": ("LOGIN", "")}
#: Of a caller's user when it is made: where names are looked for, and that a search with a condition goes on until it has enough.
SESSION = "ALTER ROLE {name} SET search_path = catalog, unde_ai, unde, extensions, public;\nALTER ROLE {name} SET hnsw.iterative_scan = 'strict_order';"


def groups() -> list[str]:
    """Return the SQL that makes the groups that are missing."""
    present = set(psql("SELECT rolname FROM pg_roles").split())
    return [f"CREATE ROLE {name} NOLOGIN;" for name in (CALLERS, REGISTRAR, *ACCESS) if name not in present]


def memberships(wanted: set[tuple[str, str]]) -> list[str]:
    """Return the SQL that brings the groups' members to what is wanted, as (group, user)."""
    known = ", ".join(f"'{name}'" for name in (CALLERS, *ACCESS))
    rows = psql(
        "SELECT of.rolname || ' ' || member.rolname FROM pg_auth_members JOIN pg_roles AS of ON of.oid = roleid "
        f"JOIN pg_roles AS member ON member.oid = pg_auth_members.member WHERE of.rolname IN ({known})"
    ).splitlines()
    present = {(group, user) for group, user in (row.split() for row in rows)}
    sql = [f"GRANT {group} TO {user}{OPTIONS.get(group, '')};" for group, user in sorted(wanted - present)]
    sql += [f"REVOKE {group} FROM {user};" for group, user in sorted(present - wanted)]
    return sql + [f"ALTER ROLE {user} NOLOGIN;" for group, user in sorted(present - wanted) if group == CALLERS]


def main() -> None:
    """Run the command; `only`, where it is given, is the one user whose password is looked at."""
    order = read_order()
    passwords, users = order["passwords"], {user["name"]: user["access"] for user in order["users"]}
    scram.check(passwords)
    if not is_primary():
        report(False, state="not the primary")
    rows = psql("SELECT rolname || ' ' || rolsuper || ' ' || rolcanlogin FROM pg_roles").splitlines()
    present = {name: (mighty, enters) for name, mighty, enters in (row.split() for row in rows)}
    mighty = [name for name in passwords if present.get(name, ("", ""))[0] == "true"]
    if mighty:
        refuse(f"{', '.join(mighty)}: a superuser here, which no caller may be. Nothing was changed. ALTER ROLE … NOSUPERUSER first, or rename it.")
    made = {name: ("LOGIN", SESSION.format(name=name)) for name in users} | DUTIES
    sql, touched = scram.statements({name: made[name] for name in passwords}, passwords)
    if "only" not in order:
        shut = [name for name in users if present.get(name, ("", "true"))[1] == "false"]
        wanted = {(group, name) for name, access in users.items() for group in (CALLERS, *access)}
        sql = groups() + sql + [f"ALTER ROLE {name} LOGIN;" for name in shut] + memberships(wanted)
    if sql and not order["check"]:
        scram.execute(sql)
    report(bool(sql), touched=touched)


if __name__ == "__main__":
    main()
