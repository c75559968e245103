"""Keep the database's own users, on whichever member is the primary now.

A password is compared with the stored SCRAM verifier, so that a run without a change writes nothing; when it differs, the
new verifier is computed here, and the password itself never reaches the server, its log, or pg_stat_activity.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from common import is_primary, psql, read_order, refuse, report

ITERATIONS = 4096
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


def keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Return SCRAM's StoredKey and ServerKey."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def verifier(password: str) -> str:
    """Return a new verifier in PostgreSQL's own form."""
    salt = os.urandom(16)
    stored, server = (base64.b64encode(key).decode() for key in keys(password, salt, ITERATIONS))
    return f"SCRAM-SHA-256${ITERATIONS}:{base64.b64encode(salt).decode()}${stored}:{server}"


def matches(password: str, stored: str) -> bool:
    """Tell whether a stored verifier belongs to this password."""
    if not stored.startswith("SCRAM-SHA-256$"):
        return False
    iterations, _, rest = stored.removeprefix("SCRAM-SHA-256$").partition(":")
    salt, _, hashes = rest.partition("$")
    expected = ":".join(base64.b64encode(key).decode() for key in keys(password, base64.b64decode(salt), int(iterations)))
    return hmac.compare_digest(expected, hashes)


def main() -> None:
    """Run the command."""
    order = read_order()
    passwords = order["passwords"]
    for name, password in passwords.items():
        # Beyond ASCII, SCRAM first normalizes the text; a random password needs none of that.
        if len(password) < 16 or not password.isascii() or not password.isprintable():
            refuse(f"the password of {name} must be at least 16 printable ASCII characters")
    if not is_primary():
        report(False, state="not the primary")
    rows = psql("SELECT rolname || ' ' || coalesce(rolpassword, '') FROM pg_authid WHERE NOT rolsuper").splitlines()
    present = dict(row.split(" ", 1) for row in rows)
    sql, touched = [], []
    for name, (attributes, rights) in USERS.items():
        if name not in present:
            sql.append(f"CREATE ROLE {name} {attributes} PASSWORD '{verifier(passwords[name])}';\n{rights}")
            touched.append(name)
        elif not matches(passwords[name], present[name]):
            sql.append(f"ALTER ROLE {name} PASSWORD '{verifier(passwords[name])}';")
            touched.append(name)
    if sql and not order["check"]:
        psql("SET log_statement = 'none'; SET log_min_error_statement = 'panic';\n" + "\n".join(sql), transaction=True)
    report(bool(sql), touched=touched)


if __name__ == "__main__":
    main()
