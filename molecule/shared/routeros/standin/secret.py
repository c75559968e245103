"""What is never written to a log, and shown only to those who may see it."""

from __future__ import annotations

SENSITIVE = frozenset({"private-key", "preshared-key", "password", "passphrase", "export-passphrase", "secret"})
HIDDEN = "*****"
