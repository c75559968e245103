"""What PostHog's libraries send: plain JSON, gzip, or a form whose field ``data`` holds either in base64."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any
from urllib.parse import parse_qs

from .policy import Refused

#: Bytes of a body after it was unpacked; what is larger is no batch of events.
MOST_UNPACKED = 4 * 1024 * 1024
GZIP = b"\x1f\x8b"


def events_in(raw: bytes, content_type: str) -> Any:
    """Return what a body says.

    Raises:
        Refused: it says nothing that can be read, or too much.

    """
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded" or raw.startswith(b"data="):
        raw = _from_form(raw)
    if raw.startswith(GZIP):
        raw = _unpacked(raw)
    try:
        return json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused("body", "body") from error


def _from_form(raw: bytes) -> bytes:
    """Return the field ``data`` of a form, decoded; a form may hold JSON as it is."""
    try:
        data = parse_qs(raw.decode(), strict_parsing=True)["data"][0]
        # A "+" that was not escaped came out as a blank.
        return data.encode() if data.lstrip().startswith(("{", "[")) else base64.b64decode(data.replace(" ", "+"), validate=True)
    except (ValueError, KeyError, binascii.Error) as error:
        raise Refused("body", "body") from error


def _unpacked(raw: bytes) -> bytes:
    """Return what was packed, as long as it is not more than a body may be."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(raw, MOST_UNPACKED)
    except zlib.error as error:
        raise Refused("body", "body") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise Refused("body", "body")
    return unpacked


def _no_number(constant: str) -> Any:
    raise ValueError("JSON has no such number")
