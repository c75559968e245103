"""Bytes of WAL that a message makes: what travels through a shard's tunnel to its replica.

A record is a header, a header for each block, and the data ("Write Ahead Logging" in ``src/backend/access/transam/README`` and
``xlogrecord.h``). A heap record has the row without its fixed header, an index record its entry; a b-tree's page is written once
more, by halves, when it is split, so that an entry is written twice in all. HNSW writes the element with its neighbours, and changes
those neighbours' own lists (pgvector, ``hnswinsert.c``: up to 2·m of them).

After each checkpoint the first change of a page writes the whole page without its hole (``full_page_writes``). Where messages come
slowly, as chats do, nearly every change is such a first one: that is the upper end.

Measured on PostgreSQL 15 with a row of 1,024 half-precision dimensions in line, and its bits in the b-tree by user and time: 4,540 bytes
a message, 22,000 to 27,000 for the first one after a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import storage
from .storage import PAGE, IndexKind, Precision, aligned

#: XLogRecord 24, block header 4 with file 12 and block number 4, short header of the data 2.
RECORD = 24 + 4 + 12 + 4 + 2
HEAP_DATA = 3 + 5  #: xl_heap_insert, and what stands for the row's own header of 23
ROW_HEADER = 23
BTREE_DATA = 2  #: xl_btree_insert
COMMIT = 40  #: one for each message
WAITING_WORD = 24  #: entry of a word in the list of what waits for the index of words (``ginfast.c``)
MOVED_WORD = 6  #: its row's address, when many are moved into the index together
#: A neighbour's list that changes: a record of GenericXLog with one address of 6 bytes, its place and length.
NEIGHBOUR_CHANGE = RECORD + 4 + 6
NEIGHBOURS = 2 * 16  #: lists that one insert changes at most, m = 16


@dataclass(frozen=True)
class MessageWal:
    """What one message makes, bytes.

    Attributes:
        records: where every page was changed since the last checkpoint already.
        full: where every page is written whole, the first change after a checkpoint each time.

    """

    records: float
    full: float


def message_wal(dimensions: int, text: int, kind: IndexKind, storage_: Precision = "vector", in_line: bool = False) -> MessageWal:
    """Return the WAL of one message; the arguments are those of ``storage.message_bytes``."""
    row, outside = storage.row_bytes(dimensions, text, kind, storage_, in_line)
    chunks = storage.toast_chunks(storage.vector_bytes(dimensions, storage_)) if outside else []
    records = float(COMMIT + _heap(row)) + sum(_heap(storage.TOAST_CHUNK_HEADER + chunk) + _btree(8) for chunk in chunks)
    records += sum(_btree(key) for key in (storage.KEY_OF_ID, storage.KEY_OF_CLIENT, storage.KEY_OF_TIME))
    records += RECORD + storage.entries_of(text) * (WAITING_WORD + MOVED_WORD)
    pages = 1 + 3 + 1 + (2 if chunks else 0)  # row, b-trees, words; chunks and their index
    if kind == "bits":
        entry = aligned(storage.INDEX_TUPLE_HEADER + storage.KEY_OF_USER + 16 + storage.bits_bytes(dimensions))
        records += aligned(RECORD + BTREE_DATA + entry) + entry * (1 - storage.ONE_KEY_FILLED)  # a split near the end writes little of the page
        pages += 1
    if kind in storage.HNSW_KINDS:
        element = storage.HNSW_ELEMENT_HEADER + storage.vector_bytes(dimensions, kind) + storage.HNSW_NEIGHBOURS
        records += RECORD + element + NEIGHBOURS * NEIGHBOUR_CHANGE
        pages += 1 + NEIGHBOURS
    return MessageWal(records, records + pages * PAGE * storage.RANDOMLY_FILLED)


def _heap(row: int) -> int:
    """Return the bytes of the record of a row."""
    return aligned(RECORD + HEAP_DATA + row - ROW_HEADER)


def _btree(key: int) -> int:
    """Return the bytes of an index entry's record, and of its share in the split of its page."""
    entry = aligned(storage.INDEX_TUPLE_HEADER + key)
    return aligned(RECORD + BTREE_DATA + entry) + entry
