"""Secrets that stand in a layout: they belong into the encrypted file, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import Finding
from .source import DataPath, Source, walk

#: Keys whose value is a secret, whatever it looks like.
KEYS = re.compile(r"(^|_)(password|passwd|pass|secret|token|api_?key|private_?key|access_?key|credentials?)$", re.IGNORECASE)
#: What is called so and is none: etcd's cluster token is a name (etcd.io, "Clustering Guide").
NO_SECRET: set[DataPath] = {("clusters", "etcd", "token")}
DEFAULTS = {
    "admin", "administrator", "changeme", "change-me", "default", "guest",
    "letmein", "password", "passw0rd", "postgres", "qwerty", "root", "secret", "test", "123456",
}
#: Text that is a secret wherever it stands.
SHAPES = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a WireGuard key": re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=(?![A-Za-z0-9+/=])"),
    "an access key": re.compile(r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,}|phc_[A-Za-z0-9]{20,})\b"),
    "a bot token": re.compile(r"\b[0-9]{8,10}:[A-Za-z0-9_-]{35}\b"),
    "a password in an address": re.compile(r"://[^/\s:@]+:[^/\s@{]+@"),
    "a password": re.compile(r"\b(password|passwd|secret|token)\s*[=:]\s*(?!\{\{)\S{4,}", re.IGNORECASE),
}
FIX = "remove it here, replace it where it was used, and keep the new one in the encrypted file (`make secrets`)"


def findings(source: Source) -> Iterator[Finding]:
    """Yield every secret in a layout and in what an overlay tells Ansible; a message never repeats its value."""
    for root, data in (((), source.data), (("vars",), source.variables)):
        for path, value in walk(data, root):
            what = _what(path, value)
            if what:
                yield source.finding(path, "secret-in-layout", f"{what} stands here in plain text", FIX)


def _what(path: DataPath, value: object) -> str | None:
    """Return what kind of secret a value is."""
    if not isinstance(value, str) or path in NO_SECRET:
        return None
    if KEYS.search(str(path[-1])) and value and "{{" not in value:
        return "a known default password" if value.lower() in DEFAULTS else "a secret"
    return next((what for what, shape in SHAPES.items() if shape.search(value)), None)
