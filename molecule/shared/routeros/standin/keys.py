"""WireGuard's keys: made here, so that no private key is ever on a command line; X25519 as in RFC 7748."""

from __future__ import annotations

import base64
import binascii
import os

P = 2**255 - 19


def generate() -> str:
    """Return a new private key."""
    raw = bytearray(os.urandom(32))
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return base64.b64encode(raw).decode()


def valid(key: str) -> bool:
    """Return whether a text is a key of either kind."""
    try:
        return len(key) == 44 and len(base64.b64decode(key, validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def public(private: str) -> str:
    """Return the public key of a private one."""
    scalar = int.from_bytes(base64.b64decode(private), "little") & ~7 & ((1 << 255) - 1) | 1 << 254
    return base64.b64encode(_ladder(scalar, 9).to_bytes(32, "little")).decode()


def _ladder(scalar: int, u: int) -> int:
    """Multiply the point ``u`` by a number."""
    x2, z2, x3, z3, swapped = 1, 0, u, 1, 0
    for position in reversed(range(255)):
        bit = scalar >> position & 1
        if swapped ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swapped = bit
        a, b, c, d = (x2 + z2) % P, (x2 - z2) % P, (x3 + z3) % P, (x3 - z3) % P
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swapped:
        x2, z2 = x3, z3
    return x2 * pow(z2, P - 2, P) % P
