"""What a page may run: its own scripts and style sheet, named by their checksums in its content security policy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence


def checksums(texts: Sequence[str]) -> str:
    """Return texts as sources of a content security policy; the elements hold them after a line break."""
    digests = (hashlib.sha256(f"\n{text}".encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
