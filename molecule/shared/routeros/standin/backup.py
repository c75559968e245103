"""Backups: the router's whole memory in one file, locked by a password; what was changed or has another password is not loaded."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from typing import Any

from .errors import Trap
from .x509 import openssl

MARK = "RouterOS stand-in backup"
ROUNDS = 20_000
CIPHER = ("enc", "-aes-256-cbc", "-pbkdf2", "-base64", "-A", "-pass", "{secret}")


def make(memory: dict[str, Any], password: str) -> str:
    """Return a backup; an empty password leaves it open."""
    plain = json.dumps(memory)
    salt = os.urandom(8).hex()
    body = openssl(*CIPHER, stdin=plain, secret=password) if password else base64.b64encode(plain.encode()).decode()
    return json.dumps({"mark": MARK, "locked": bool(password), "salt": salt, "seal": _seal(body, password, salt), "body": body})


def opened(backup: str, password: str) -> dict[str, Any]:
    """Return the memory that a backup holds.

    Raises:
        Trap: it is none, it was changed, or the password is another one.

    """
    try:
        parts = json.loads(backup)
        body, salt, seal = parts["body"], parts["salt"], parts["seal"]
    except (ValueError, KeyError, TypeError):
        raise Trap("failure: not a backup file", 0) from None
    if not hmac.compare_digest(seal, _seal(body, password, salt)):
        raise Trap("failure: wrong password or broken backup file", 0)
    plain = openssl(*CIPHER, "-d", stdin=body, secret=password) if parts["locked"] else base64.b64decode(body).decode()
    memory: dict[str, Any] = json.loads(plain)
    return memory


def _seal(body: str, password: str, salt: str) -> str:
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), ROUNDS)
    return hmac.new(key, body.encode(), "sha256").hexdigest()
