"""Bytes of a message: held against what pgvector 0.8.0 on PostgreSQL 17 was measured to take, 10,000 rows each."""

from __future__ import annotations

import pytest

from unde.plan import storage

#: (kind, dimensions) → bytes per row in the HNSW index (m = 16), and in the table of an id and the vector.
MEASURED = {
    ("vector", 512): (2732, 2844), ("vector", 1024): (8193, 5604), ("vector", 1536): (8193, 8357),
    ("halfvec", 512): (1367, 1181), ("halfvec", 1024): (2732, 2844), ("halfvec", 1536): (4097, 4209),
}
#: A row of that table besides what is outside it: header, id, the address of the value or the value itself, a line pointer.
ROW = storage.TUPLE_HEADER + 8 + 24 + storage.POINTER


@pytest.mark.parametrize(("kind", "dimensions"), MEASURED)
def test_an_index_entry_is_what_was_measured(kind: storage.IndexKind, dimensions: int) -> None:
    """To a thousandth: pages are filled by whole entries."""
    assert storage.hnsw_bytes(dimensions, kind) == pytest.approx(MEASURED[kind, dimensions][0], rel=0.002)


@pytest.mark.parametrize(("kind", "dimensions"), MEASURED)
def test_a_table_s_row_is_what_was_measured(kind: storage.IndexKind, dimensions: int) -> None:
    """To three in a hundred."""
    value = storage.vector_bytes(dimensions, kind)
    outside = storage.toast_bytes(value)
    inside = storage.PAGE / (storage.USABLE // (ROW - 24 + value)) if not outside else ROW
    assert outside + inside == pytest.approx(MEASURED[kind, dimensions][1], rel=0.03)


def test_no_index_takes_nothing() -> None:
    """Exact search needs no index of vectors, and everything else is as it was."""
    with_index, without = storage.message_bytes(1024, 300, "vector"), storage.message_bytes(1024, 300, "none")
    assert without.hnsw == 0
    assert with_index.table == without.table
    assert with_index.all - without.all == storage.hnsw_bytes(1024, "vector")


def test_the_largest_vector_that_can_be_indexed_has_its_neighbours_elsewhere() -> None:
    """A vector(2000) and its neighbours do not fit on one page together."""
    assert storage.PAGE < storage.hnsw_bytes(2000, "vector") < 1.1 * storage.PAGE
