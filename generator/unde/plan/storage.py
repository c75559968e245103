"""Bytes of a message: what the chat history, its indexes and its vectors take in PostgreSQL.

Everything here follows from PostgreSQL's page layout ("Database Page Layout" and "TOAST" in its manual) and pgvector's
storage sizes (its README: 4 bytes a dimension and 8, half precision 2 and 8). The estate's ``test_storage.py`` holds the
figures against a real PostgreSQL with pgvector.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

#: What finds the nearest of one user's vectors: HNSW over whole or half precision, bits in the b-tree by user, or nothing but the vectors.
IndexKind = Literal["vector", "halfvec", "bits", "none"]
INDEX_KINDS: tuple[IndexKind, ...] = ("vector", "halfvec", "bits", "none")
HNSW_KINDS: tuple[IndexKind, ...] = ("vector", "halfvec")
Precision = Literal["vector", "halfvec"]

PAGE = 8192  #: bytes of a page
USABLE = PAGE - 24  #: without its header
POINTER = 4  #: bytes of the line pointer that every tuple of a page has
TUPLE_HEADER = 24  #: bytes, of a heap tuple
TOAST_CHUNK = 1996  #: bytes of a value in one chunk, so that four chunks fill a page
TOAST_CHUNK_HEADER = TUPLE_HEADER + 12  #: with value id, sequence number and length
TOAST_THRESHOLD = 2032  #: a longer row moves its longest values out of the page
TOAST_INDEX_ENTRY = 16 + POINTER
TOAST_ADDRESS = 18  #: bytes that a row keeps of a value outside of it
BTREE_PAGE = USABLE - 16  #: bytes for the tuples of a b-tree's leaf page
INDEX_TUPLE_HEADER = 8
FILLED = 0.9  #: a b-tree's leaf pages are filled so far when it is built
#: A page with one key alone, many times, is split near its end (``BTREE_SINGLEVAL_FILLFACTOR``).
ONE_KEY_FILLED = 0.96
#: B-trees that are filled in the order of random keys end at about ln 2 (Yao, 1978).
RANDOMLY_FILLED = 0.69

#: HNSW with m = 16, pgvector's default: an element's tuple holds 10 row addresses and the vector, its neighbours' tuple
#: 2·m addresses of 6 bytes on the lowest level, 16 more on the next for one in 16.
HNSW_ELEMENT_HEADER, HNSW_NEIGHBOURS, HNSW_PAGE = 72, 4 + 2 * 16 * 6, USABLE - 8

#: The columns of ``unde.messages`` besides text, vector and bits: two uuids, a time, the role, the client's name and number.
MESSAGE_COLUMNS = 2 * 16 + 8 + 12 + 24 + 8
#: Keys of its b-trees: user and id; user, client and number; user and time; user alone, which carries the bits.
KEY_OF_ID, KEY_OF_CLIENT, KEY_OF_TIME, KEY_OF_USER = 16 + 16, 16 + 24 + 8, 16 + 8, 16
#: Bytes that a word of a message takes in the index of words, whose list of what waits is short (256 kB): 5.5 were measured with 6,000 messages of 42
#: words, 3.9 with 20,000. The lab's test holds it.
WORD_ENTRY = 5
LETTERS = 7  #: of a word, with its space

BITS = 1024  #: at least about so many bits say which messages are near; fewer dimensions give several bits each
SHORT = 126  #: the longest value whose header is one byte
#: Bytes that a row in line may have besides its vector: text, columns and bits of the usual size.
BESIDE_IN_LINE = 400
LARGEST_ROW = 8160  #: that a page holds (MaxHeapTupleSize)


def aligned(size: int) -> int:
    """Return a size as tuples have it: a multiple of 8 bytes."""
    return ceil(size / 8) * 8


def vector_bytes(dimensions: int, kind: IndexKind = "vector") -> int:
    """Return the bytes of one vector (pgvector README, "Vector Types")."""
    return (4 if kind == "vector" else 2) * dimensions + 8


def bits_of(dimensions: int) -> int:
    """Return how many bits stand for a vector: as many for each dimension, one at least, as come nearest to 1,024."""
    return dimensions * max(1, round(BITS / dimensions))


def bits_bytes(dimensions: int) -> int:
    """Return the bytes of a vector's bits as a value of type bit(n): header, count, bits."""
    count_and_bits = 4 + ceil(bits_of(dimensions) / 8)
    return count_and_bits + (1 if 1 + count_and_bits <= SHORT else 4)


def fits_in_line(dimensions: int, storage: Precision) -> bool:
    """Return whether a vector may stay in its row: the row has to fit a page."""
    return vector_bytes(dimensions, storage) + BESIDE_IN_LINE <= LARGEST_ROW


def hnsw_bytes(dimensions: int, kind: IndexKind) -> float:
    """Return the bytes that one vector takes in its HNSW index; 0 where there is no such index.

    An element and its neighbours go onto one page as long as they fit together; a vector(1024) leaves no room for a second.
    """
    if kind not in HNSW_KINDS:
        return 0.0
    element = aligned(HNSW_ELEMENT_HEADER + vector_bytes(dimensions, kind)) + POINTER
    neighbours = aligned(HNSW_NEIGHBOURS) + POINTER
    both = element + neighbours
    if both <= HNSW_PAGE:
        return PAGE / (HNSW_PAGE // both)
    return PAGE / (HNSW_PAGE // element) + PAGE / (HNSW_PAGE // neighbours)


def covering_bytes(dimensions: int) -> float:
    """Return the bytes of a message in the b-tree by user that carries its id and its bits: whole entries on each page."""
    entry = aligned(INDEX_TUPLE_HEADER + KEY_OF_USER + 16 + bits_bytes(dimensions)) + POINTER
    return PAGE / (BTREE_PAGE * ONE_KEY_FILLED // entry)


def btree_bytes(key: int) -> float:
    """Return the bytes of a key in a b-tree that grows in the order of random keys."""
    return (aligned(INDEX_TUPLE_HEADER + key) + POINTER) / RANDOMLY_FILLED


def ascending_bytes(key: int) -> float:
    """Return the bytes of a key in a b-tree that grows at the end of each user's keys.

    A page is split in the middle, and its left half is never written again. PostgreSQL splits after the new key only where keys are
    shorter than two of 8 bytes (``_bt_afternewitemoff`` in ``nbtsplitloc.c``); a uuid is longer.
    """
    entry = aligned(INDEX_TUPLE_HEADER + key) + POINTER
    return PAGE / ((BTREE_PAGE // entry + 1) / 2)


def entries_of(text: int) -> float:
    """Return how many entries a message has in the index of words: one for each of its words, one for its user."""
    return text / LETTERS + 1


def words_bytes(text: int) -> float:
    """Return the bytes of a message in the index of words."""
    return entries_of(text) * WORD_ENTRY


def toast_chunks(value: int) -> list[int]:
    """Return the bytes of each chunk of a value outside its row."""
    whole, rest = divmod(value, TOAST_CHUNK)
    return [TOAST_CHUNK] * whole + [rest] * bool(rest)


def toast_bytes(value: int, beside: int = TUPLE_HEADER, rows: int = 48) -> float:
    """Return the bytes that a value of so many bytes takes outside its row, with its index; 0 where it stays inside.

    Chunks are written one after the other, and the last one of a value is short: what a page has left depends on the values
    before, so that a few rows are laid out here. ``beside``: the other bytes of its row.
    """
    if value + beside <= TOAST_THRESHOLD:
        return 0.0
    chunks = toast_chunks(value)
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
        row: its row, with the text, the bits, and the vector where that is in the row.
        embedding: the vector outside the row; 0 where it is in it.
        lookup: the b-trees by user and id, user and client, user and time, and the index of words.
        index: its entry in what finds vectors: HNSW, or the b-tree by user that carries the bits.

    """

    row: float
    embedding: float
    lookup: float
    index: float

    @property
    def table(self) -> float:
        """Everything but the index of vectors."""
        return self.row + self.embedding + self.lookup

    @property
    def all(self) -> float:
        """Everything."""
        return self.table + self.index


def row_bytes(dimensions: int, text: int, kind: IndexKind, storage: Precision = "vector", in_line: bool = False) -> tuple[int, float]:
    """Return the bytes of a message's row without its line pointer, and what its vector takes outside of it."""
    beside = TUPLE_HEADER + MESSAGE_COLUMNS + text + (bits_bytes(dimensions) if kind == "bits" else 0)
    vector = vector_bytes(dimensions, storage)
    outside = 0.0 if in_line else toast_bytes(vector, beside)
    return aligned(beside + (TOAST_ADDRESS if outside else vector)), outside


def message_bytes(dimensions: int, text: int, kind: IndexKind, storage: Precision = "vector", in_line: bool = False) -> MessageBytes:
    """Return what one message takes.

    Args:
        dimensions: of its vector.
        text: its average length, bytes.
        kind: what finds the nearest vectors.
        storage: the precision of the column.
        in_line: whether the vector stays in its row, however long that is.

    """
    row, outside = row_bytes(dimensions, text, kind, storage, in_line)
    lookup = btree_bytes(KEY_OF_ID) + ascending_bytes(KEY_OF_CLIENT) + ascending_bytes(KEY_OF_TIME) + words_bytes(text)
    index = covering_bytes(dimensions) if kind == "bits" else hnsw_bytes(dimensions, kind)
    on_a_page = USABLE // (row + POINTER)
    return MessageBytes(PAGE / on_a_page if on_a_page else row + POINTER, outside, lookup, index)
