"""Bytes of a message: what the chat history, its indexes and its vectors take in PostgreSQL.

Everything here follows from PostgreSQL's page layout ("Database Page Layout" and "TOAST" in its manual) and pgvector's
storage sizes (its README: 4 bytes a dimension and 8, half precision 2 and 8). The estate's ``test_storage.py`` holds the
figures against a real PostgreSQL with pgvector.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

IndexKind = Literal["vector", "halfvec", "none"]
INDEX_KINDS: tuple[IndexKind, ...] = ("vector", "halfvec", "none")

PAGE = 8192  #: bytes of a page
USABLE = PAGE - 24  #: without its header
POINTER = 4  #: bytes of the line pointer that every tuple of a page has
TUPLE_HEADER = 24  #: bytes, of a heap tuple
TOAST_CHUNK = 1996  #: bytes of a value in one chunk, so that four chunks fill a page
TOAST_CHUNK_HEADER = TUPLE_HEADER + 12  #: with value id, sequence number and length
TOAST_THRESHOLD = 2032  #: a longer row moves its longest values out of the page
TOAST_INDEX_ENTRY = 16 + POINTER
FILLED = 0.9  #: a b-tree's leaf pages are filled so far when it is built
#: B-trees that are filled in the order of random keys end at about ln 2 (Yao, 1978).
RANDOMLY_FILLED = 0.69

#: HNSW with m = 16, pgvector's default: an element's tuple holds 10 row addresses and the vector, its neighbours' tuple
#: 2·m addresses of 6 bytes on the lowest level, 16 more on the next for one in 16.
HNSW_ELEMENT_HEADER, HNSW_NEIGHBOURS, HNSW_PAGE = 72, 4 + 2 * 16 * 6, USABLE - 8

#: The columns of ``unde.messages`` besides text and vector: two uuids, a time, the role, the client's name and number.
MESSAGE_COLUMNS = 2 * 16 + 8 + 12 + 24 + 8


def aligned(size: int) -> int:
    """Return a size as tuples have it: a multiple of 8 bytes."""
    return ceil(size / 8) * 8


def vector_bytes(dimensions: int, kind: IndexKind = "vector") -> int:
    """Return the bytes of one vector (pgvector README, "Vector Types")."""
    return (4 if kind == "vector" else 2) * dimensions + 8


def hnsw_bytes(dimensions: int, kind: IndexKind) -> float:
    """Return the bytes that one vector takes in its HNSW index; 0 where there is none.

    An element and its neighbours go onto one page as long as they fit together; a vector(1024) leaves no room for a second.
    """
    if kind == "none":
        return 0.0
    element = aligned(HNSW_ELEMENT_HEADER + vector_bytes(dimensions, kind)) + POINTER
    neighbours = aligned(HNSW_NEIGHBOURS) + POINTER
    both = element + neighbours
    if both <= HNSW_PAGE:
        return PAGE / (HNSW_PAGE // both)
    return PAGE / (HNSW_PAGE // element) + PAGE / (HNSW_PAGE // neighbours)


def toast_bytes(value: int, rows: int = 48) -> float:
    """Return the bytes that a value of so many bytes takes outside its row, with its index; 0 where it stays inside.

    Chunks are written one after the other, and the last one of a value is short: what a page has left depends on the values
    before, so that a few rows are laid out here.
    """
    if value <= TOAST_THRESHOLD - TUPLE_HEADER:
        return 0.0
    whole, rest = divmod(value, TOAST_CHUNK)
    chunks = [TOAST_CHUNK] * whole + [rest] * bool(rest)
    pages, free = 1, USABLE
    for _ in range(rows):
        for chunk in chunks:
            size = aligned(TOAST_CHUNK_HEADER + chunk) + POINTER
            if size > free:
                pages, free = pages + 1, USABLE
            free -= size
    return pages * PAGE / rows + len(chunks) * TOAST_INDEX_ENTRY / FILLED


@dataclass(frozen=True)
class MessageBytes:
    """What one message takes, bytes.

    Attributes:
        row: its row with the text, and the words for full-text search.
        embedding: the vector, outside the row where it is long.
        lookup: the b-trees by user and id, user and client, user and time, and the index of words.
        hnsw: its entry in the index of vectors.

    """

    row: float
    embedding: float
    lookup: float
    hnsw: float

    @property
    def table(self) -> float:
        """Everything but the index of vectors."""
        return self.row + self.embedding + self.lookup

    @property
    def all(self) -> float:
        """Everything."""
        return self.table + self.hnsw


def message_bytes(dimensions: int, text: int, kind: IndexKind) -> MessageBytes:
    """Return what one message takes.

    Args:
        dimensions: of its vector.
        text: its average length, bytes.
        kind: what the index of vectors holds.

    """
    words = text / 6  # about six letters and a space a word: as good as any other guess, and the text is a small part of a message
    tsvector = int(words * 12)  # a word, its place, and its entry
    vector = vector_bytes(dimensions)
    outside = toast_bytes(vector)
    inside = 18 if outside else vector
    row = aligned(TUPLE_HEADER + MESSAGE_COLUMNS + text + tsvector + inside) + POINTER
    entries = [32, 16 + 24 + 8, 24]
    lookup = sum((aligned(8 + entry) + POINTER) / RANDOMLY_FILLED for entry in entries) + words * 6
    return MessageBytes(row, outside, lookup, hnsw_bytes(dimensions, kind))
