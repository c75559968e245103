#!/usr/bin/python3
"""openpgp.py key SEED | sign SEED FILE: print a vendor's key, armored, or the signature of a file, as apt wants them.

Keys of this test only: what a seed gives is the same each time, so that a fingerprint can be written down beforehand.
"""

import base64
import hashlib
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MADE = 1700000000
NAME = b"Stand-in for a vendor"
CURVE = bytes.fromhex("092b06010401da470f01")
DOCUMENT, CERTIFICATION = 0x00, 0x13


def packet(tag: int, body: bytes) -> bytes:
    """Return a packet in the old format, with two bytes of length."""
    return bytes([0x80 | tag << 2 | 1]) + struct.pack(">H", len(body)) + body


def number(data: bytes) -> bytes:
    """Return a multiprecision integer."""
    stripped = data.lstrip(b"\0")
    return struct.pack(">H", int.from_bytes(stripped, "big").bit_length()) + stripped


def armored(kind: str, data: bytes) -> str:
    """Return data as text between two lines that say what it is, with its checksum (CRC-24)."""
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
    lines = base64.encodebytes(data).decode() + "=" + base64.b64encode(crc.to_bytes(3, "big")).decode()
    return f"-----BEGIN PGP {kind}-----\n\n{lines}\n-----END PGP {kind}-----\n"


class Key:
    """An Ed25519 key of version 4."""

    def __init__(self, seed: str) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
        point = b"\x40" + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.body = struct.pack(">BIB", 4, MADE, 22) + CURVE + number(point)
        self.hashed = b"\x99" + struct.pack(">H", len(self.body)) + self.body
        self.fingerprint = hashlib.sha1(self.hashed).digest()

    def signature(self, kind: int, signed: bytes) -> bytes:
        """Return a signature packet; a certification also says that the key signs and certifies."""
        parts = b"\x05\x02" + struct.pack(">I", MADE) + b"\x16\x21\x04" + self.fingerprint
        parts += b"\x02\x1b\x03" if kind == CERTIFICATION else b""
        head = struct.pack(">BBBBH", 4, kind, 22, 8, len(parts)) + parts
        digest = hashlib.sha256(signed + head + b"\x04\xff" + struct.pack(">I", len(head))).digest()
        made = self.private.sign(digest)
        issuer = b"\x09\x10" + self.fingerprint[-8:]
        return packet(2, head + struct.pack(">H", len(issuer)) + issuer + digest[:2] + number(made[:32]) + number(made[32:]))

    def public(self) -> bytes:
        """Return the key with its name, bound to it."""
        bound = self.signature(CERTIFICATION, self.hashed + b"\xb4" + struct.pack(">I", len(NAME)) + NAME)
        return packet(6, self.body) + packet(13, NAME) + bound


def main() -> None:
    """Run the program."""
    what, seed = sys.argv[1:3]
    key = Key(seed)
    if what == "key":
        sys.stdout.write(armored("PUBLIC KEY BLOCK", key.public()))
    else:
        sys.stdout.write(armored("SIGNATURE", key.signature(DOCUMENT, Path(sys.argv[3]).read_bytes())))


main()
