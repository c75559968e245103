"""What tells one report from another: what the host is told, and the roles that would act."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .. import diff


def fingerprint(variables: dict[str, Any], acting: list[str], roles: Path | None = None) -> str:
    """Return a digest of all that decides what the roles would do: the variables, and every file of the roles.

    Raises:
        WrongCall: the collection's roles are not found.

    """
    home = roles or diff.find()
    digest = hashlib.sha256(json.dumps([variables, acting], sort_keys=True, default=str).encode())
    for role in acting:
        for file in sorted(path for path in (home / role).rglob("*") if path.is_file()):
            digest.update(f"{file.relative_to(home)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
