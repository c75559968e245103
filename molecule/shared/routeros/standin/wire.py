"""The API on the wire: words with their length in front, sentences of words that end with an empty one."""

from __future__ import annotations

import asyncio

#: Length of a word → how its first byte begins and how many bytes the length takes.
FORMS = ((0x80, 0x00, 1), (0x4000, 0x8000, 2), (0x200000, 0xC00000, 3), (0x10000000, 0xE0000000, 4))
#: Longest word that is taken: more than any file or key that a router is given.
LONGEST = 1 << 20


class Broken(Exception):
    """What came is not the API's protocol."""


def word(text: str) -> bytes:
    """Return a word as it is sent."""
    data = text.encode("utf-8", "surrogateescape")
    for limit, mark, size in FORMS:
        if len(data) < limit:
            return (len(data) | mark).to_bytes(size, "big") + data
    raise Broken(f"a word of {len(data)} bytes")


def sentence(*words: str) -> bytes:
    """Return a sentence as it is sent."""
    return b"".join(map(word, words)) + b"\0"


async def _read_word(reader: asyncio.StreamReader) -> str:
    first = (await reader.readexactly(1))[0]
    more = next((size for size, mask in enumerate((0x80, 0xC0, 0xE0, 0xF0)) if first & mask == mask << 1 & 0xFF), None)
    if more is None:
        raise Broken(f"a word that begins with {first:#x}")
    length = int.from_bytes(bytes([first & 0xFF >> more + 1]) + await reader.readexactly(more), "big")
    if length > LONGEST:
        raise Broken(f"a word of {length} bytes")
    return (await reader.readexactly(length)).decode("utf-8", "surrogateescape")


async def read_sentence(reader: asyncio.StreamReader) -> list[str]:
    """Return the next sentence's words.

    Raises:
        Broken: what comes is not the protocol.
        asyncio.IncompleteReadError: the other side ended.

    """
    words: list[str] = []
    while text := await _read_word(reader):
        words.append(text)
    return words
