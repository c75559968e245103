# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) in PostgreSQL's own form: ``SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>``.

A password is compared with the stored verifier, so that a run without a change writes nothing; when it differs, the new verifier is computed on the
client, and the password itself never reaches the server, its log, or pg_stat_activity.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re

#: PostgreSQL's own default (src/include/common/scram-common.h, SCRAM_SHA_256_DEFAULT_ITERATIONS).
ITERATIONS = 4096
VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]*)\$(\S+)")


def keys(password: str, salt: bytes, iterations: int) -> str:
    """Return SCRAM's StoredKey and ServerKey, as a verifier has them."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return ":".join(base64.b64encode(key).decode() for key in (stored, hmac.digest(salted, b"Server Key", "sha256")))


def verifier(password: str) -> str:
    """Return a new verifier."""
    salt = os.urandom(16)
    return f"SCRAM-SHA-256${ITERATIONS}:{base64.b64encode(salt).decode()}${keys(password, salt, ITERATIONS)}"


def matches(password: str, stored: str) -> bool:
    """Return whether a stored verifier is of this password; anything else that is stored is not."""
    parts = VERIFIER.fullmatch(stored)
    return parts is not None and hmac.compare_digest(keys(password, base64.b64decode(parts[2]), int(parts[1])), parts[3])


def is_strong(password: str) -> bool:
    """Return whether a password is long enough, and of characters that SCRAM need not normalize first (SASLprep leaves printable ASCII alone)."""
    return len(password) >= 16 and password.isascii() and password.isprintable()


def hide(text: str) -> str:
    """Return a text without the verifiers in it."""
    return VERIFIER.sub("SCRAM-SHA-256$…", text)
