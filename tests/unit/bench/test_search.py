"""How `make bench` judges the search: a bar that is missed is named, and invented vectors are no ground for a verdict on recall."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from support import ROOT

sys.path.insert(0, str(ROOT / "molecule/estate/tests"))
sys.path.insert(0, str(ROOT / "bench"))
from searching import bars, corpus, tables
from searching.measure import Crowd, Times, Written


def figures(**more: object) -> bars.Figures:
    """Return a way that holds every bar, but for what is said."""
    fine = bars.Figures(
        hybrid=Times(1.4, 1.6), recall=0.995, hybrid_recall=0.99, a_second=900, index_bytes=230, row_bytes=2900,
        written=Written(0.02, 2600), long=Times(8, 9), long_recall=0.993,
    )  # fmt: skip
    return dataclasses.replace(fine, **more)  # type: ignore[arg-type]


def run(realistic: bool = True, crowd: Crowd | None = None, **more: object) -> bars.Run:
    """Return a run of three ways, that of bits with what is said."""
    ways = {"today": figures(hybrid=Times(11, 12), a_second=100), "exact halfvec": figures(written=Written(0.015, 2200)), "bits": figures(**more)}
    return bars.Run("texts", realistic, ways, crowd=crowd)


def test_a_run_within_its_bars_misses_none() -> None:
    assert bars.missed(run(crowd=Crowd(990, 990, 990, 1, 2, 3, 4)), "bits") == []


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ({"hybrid": Times(3, 4.5)}, ["one user's search takes 4.50 ms (p95), more than 0.35 of today's 12.00 ms"]),
        ({"hybrid": Times(3, 5.5)}, ["one user's search takes 5.50 ms (p95), more than 0.35 of today's 12.00 ms",
                                     "one user's search takes 5.50 ms (p95), more than 5.0 ms"]),
        ({"a_second": 299.0}, ["299 searches a second, fewer than 3 times today's 100"]),
        ({"index_bytes": 251.0}, ["the index takes 251 bytes a message, more than 250"]),
        ({"written": Written(0.031, 2600)}, ["a message is written in 0.031 ms, more than 2.0 times the 0.015 ms without an index"]),
        ({"written": Written(0.02, 2900)}, ["a message gives 2900 bytes of WAL, more than 1.3 times the 2200 without an index"]),
        ({"long": Times(18, 21)}, ["ten years of one user take 21.00 ms (p95), more than 20.0 ms"]),
        ({"recall": 0.9894}, ["recall is 0.9894, less than 0.99"]),
        ({"long_recall": 0.9712}, ["recall over ten years is 0.9712, less than 0.99"]),
    ],
)  # fmt: skip
def test_a_missed_bar_is_named(more: dict[str, object], lines: list[str]) -> None:
    assert bars.missed(run(**more), "bits") == [f"bits: {line}" for line in lines]


def test_recall_of_invented_vectors_is_not_judged() -> None:
    assert bars.missed(run(realistic=False, recall=0.5, long_recall=0.5), "bits") == []


def test_searches_that_did_not_finish_are_counted() -> None:
    assert bars.missed(run(crowd=Crowd(1000, 1000, 997, 1, 2, 3, 4)), "bits") == ["bits: of 1000 searches at once through PgBouncer 997 finished"]


def test_each_way_has_a_schema_of_its_own() -> None:
    ways = tables.ways(400)
    assert len({way.schema for way in ways.values()}) == len(ways)
    assert all(way.schema.startswith(f"{tables.SCHEMA}_") for way in ways.values())


def test_a_package_that_cannot_be_had_is_named(tmp_path: object) -> None:
    with pytest.raises(corpus.Unavailable, match=r"^the corpus: `sh …` ended with 100: E: Unable to locate package$"):
        corpus.run(["sh", "-c", "echo 'E: Unable to locate package' >&2; exit 100"], "the corpus", tmp_path)  # type: ignore[arg-type]
