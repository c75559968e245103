"""Users and their passwords.

A password is compared with the stored SCRAM verifier, so that a run without a change writes nothing; when it differs, the
new verifier is computed here, and the password itself never reaches the server, its log, or pg_stat_activity.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from common import psql, refuse

ITERATIONS = 4096


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


def check(passwords: dict[str, str]) -> None:
    """Refuse passwords that are weak, or that SCRAM would first have to normalize."""
    for name, password in passwords.items():
        if len(password) < 16 or not password.isascii() or not password.isprintable():
            refuse(f"the password of {name} must be at least 16 printable ASCII characters")


def statements(users: dict[str, tuple[str, str]], passwords: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return the SQL that makes users, or gives them their password, and whom it touches; nothing for those who are right.

    Args:
        users: name → its attributes, and the SQL that follows when it is made.
        passwords: name → password.

    """
    rows = psql("SELECT rolname || ' ' || coalesce(rolpassword, '') FROM pg_authid WHERE NOT rolsuper").splitlines()
    present = dict(row.split(" ", 1) for row in rows)
    sql, touched = [], []
    for name, (attributes, rights) in users.items():
        if name not in present:
            sql.append(f"CREATE ROLE {name} {attributes} PASSWORD '{verifier(passwords[name])}';\n{rights}")
            touched.append(name)
        elif not matches(passwords[name], present[name]):
            sql.append(f"ALTER ROLE {name} PASSWORD '{verifier(passwords[name])}';")
            touched.append(name)
    return sql, touched


def execute(sql: list[str]) -> None:
    """Run it in one transaction that leaves no trace of a verifier in the log."""
    psql("SET log_statement = 'none'; SET log_min_error_statement = 'panic';\n" + "\n".join(sql), transaction=True)
