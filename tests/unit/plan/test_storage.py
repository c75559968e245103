"""Bytes of a message: held against what pgvector 0.8.0 on PostgreSQL 17 was measured to take, 10,000 rows each."""

from __future__ import annotations

import pytest

from unde.plan import storage, wal

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
    assert without.index == 0
    assert with_index.table == without.table
    assert with_index.all - without.all == storage.hnsw_bytes(1024, "vector")


def test_the_largest_vector_that_can_be_indexed_has_its_neighbours_elsewhere() -> None:
    """A vector(2000) and its neighbours do not fit on one page together."""
    assert storage.PAGE < storage.hnsw_bytes(2000, "vector") < 1.1 * storage.PAGE


@pytest.mark.parametrize(("dimensions", "bits", "size"), [
    (1, 1024, 136), (8, 1024, 136), (256, 1024, 136), (384, 1152, 152), (768, 768, 101), (1024, 1024, 136), (1536, 1536, 200), (2000, 2000, 258),
])
def test_bits_of_a_vector(dimensions: int, bits: int, size: int) -> None:
    """As many for each dimension as come nearest to 1,024; a short value has a header of one byte, any has its count of four."""
    assert (storage.bits_of(dimensions), storage.bits_bytes(dimensions)) == (bits, size)


def test_bits_stand_in_the_btree_by_user() -> None:
    """176 bytes and a pointer, 43 to a page that is filled to 96 %; the other b-trees are what they are without them."""
    assert storage.covering_bytes(1024) == 8192 / 43
    bits, none = (storage.message_bytes(1024, 300, kind, "halfvec", True) for kind in ("bits", "none"))
    assert bits.index == storage.covering_bytes(1024) < 250
    assert none.lookup == bits.lookup
    assert bits.row == none.row  # three to a page, with the bits too


@pytest.mark.parametrize(("precision", "dimensions", "on_a_page"), [("halfvec", 1024, 3), ("halfvec", 1536, 2), ("halfvec", 2000, 1), ("vector", 1024, 1)])
def test_a_row_in_line_fills_whole_parts_of_a_page(precision: storage.Precision, dimensions: int, on_a_page: int) -> None:
    """What does not fit another time is lost; nothing is outside."""
    each = storage.message_bytes(dimensions, 300, "bits", precision, in_line=True)
    assert (each.row, each.embedding) == (8192 / on_a_page, 0)


@pytest.mark.parametrize(
    ("precision", "dimensions", "outside"), [("vector", 404, False), ("vector", 405, True), ("halfvec", 808, False), ("halfvec", 809, True)],
)
def test_a_long_row_moves_its_vector_out(precision: storage.Precision, dimensions: int, outside: bool) -> None:
    """The whole row counts: 408 bytes besides the vector leave 1,624 to it."""
    assert bool(storage.message_bytes(dimensions, 300, "none", precision).embedding) is outside


def test_a_longer_text_never_takes_less() -> None:
    """Up to a page by whole parts of it, beyond by its length."""
    sizes = [storage.message_bytes(1024, text, "bits", "halfvec", True).row for text in range(0, 40_000, 500)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 39_000


def test_what_fits_a_page_in_line() -> None:
    """The vector and 400 bytes, within what a page holds."""
    assert [storage.fits_in_line(dimensions, "vector") for dimensions in (1938, 1939)] == [True, False]
    assert storage.fits_in_line(2000, "halfvec")


#: (kind, storage, in line) → bytes of WAL a message of 1,024 dimensions and 300 bytes without the b-trees, words and commit of the real table: measured in rows
#: of two integers, text and vector with one b-tree; what compresses was stored compressed, so the text counts nothing where the row is longer than 2 kB.
WAL_MEASURED = {("none", "vector", False): 4986, ("none", "halfvec", True): 2219}


@pytest.mark.parametrize(("kind", "precision", "in_line"), WAL_MEASURED)
def test_wal_of_a_row_is_what_was_measured(kind: storage.IndexKind, precision: storage.Precision, in_line: bool) -> None:
    """The same records, with the row and the b-tree of the table that was measured."""
    text = 300 if not in_line else 0
    whole = wal.message_wal(1024, text, kind, precision, in_line).records
    btrees = sum(wal._btree(key) for key in (storage.KEY_OF_ID, storage.KEY_OF_CLIENT, storage.KEY_OF_TIME))
    others = btrees + wal.RECORD + storage.entries_of(text) * 30 + wal.COMMIT
    narrower = storage.MESSAGE_COLUMNS - 2 * 4
    assert whole - others - narrower + wal._btree(4) == pytest.approx(WAL_MEASURED[kind, precision, in_line], rel=0.02)


def test_wal_of_bits_beside_none_and_of_hnsw() -> None:
    """Bits are written with the row and with the entry, twice over all; HNSW writes the vector a second time and its neighbours' lists."""
    bits, none, halfvec, vector = (wal.message_wal(1024, 300, kind, "halfvec", True) for kind in ("bits", "none", "halfvec", "vector"))
    assert bits.records - none.records == pytest.approx(136 + 224 + 0.04 * 176)
    assert bits.records <= 1.3 * none.records
    assert none.full - none.records == pytest.approx(5 * 8192 * 0.69)
    assert bits.full - bits.records == pytest.approx(6 * 8192 * 0.69)
    assert vector.records - halfvec.records == 2048
    assert halfvec.full - halfvec.records == pytest.approx((5 + 33) * 8192 * 0.69)


#: What a table of the schema's shape was measured to take on PostgreSQL 17, bytes a message: 20,000 messages of 12 users in turn, 42 words each, in line.
GROWN = {"row": 2731, "id": 61, "client": 118, "time": 69, "bits": 194}
#: Its index of words, of 20,000 messages and of 6,000: the more of them, the fewer bytes each.
WORDS = (172, 242)


def test_a_table_that_grew_is_what_was_measured() -> None:
    """Rows to the byte; b-trees to a tenth, the last page of each user counts in so small a table."""
    each = storage.message_bytes(1024, 300, "bits", "halfvec", True)
    grown = {
        "row": each.row, "id": storage.btree_bytes(storage.KEY_OF_ID), "client": storage.ascending_bytes(storage.KEY_OF_CLIENT),
        "time": storage.ascending_bytes(storage.KEY_OF_TIME), "bits": each.index,
    }
    assert grown == pytest.approx(GROWN, rel=0.11)
    assert grown["row"] == pytest.approx(GROWN["row"], rel=0.001)
    assert WORDS[0] < storage.words_bytes(294) < WORDS[1]


def test_wal_of_that_table_is_what_was_measured() -> None:
    """4,540 bytes a message without whole pages, with the bits in the b-tree by user and time; the first one after a checkpoint made 22,000 to 27,000."""
    each = wal.message_wal(1024, 294, "bits", "halfvec", True)
    assert each.records == pytest.approx(4540, rel=0.06)
    assert 27_000 < each.full < 40_000
