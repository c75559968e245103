from __future__ import annotations

import itertools
from collections.abc import Iterable
from uuid import UUID

from unde_client import writes
from unde_client.ledger import TRACERS, Check, Insert, Ledger
from unde_client.members import Lineage, Member
from unde_client.writes import Entry

FIRST, SECOND = Lineage(Member("a"), "00000001"), Lineage(Member("b"), "00000002")


def entries(seqs: Iterable[int], user: str = "u") -> list[Entry]:
    return [writes.entry(seq, UUID(int=seq), user, "note", {}) for seq in seqs]


def written(ledger: Ledger, made: int = 1) -> list[int]:
    """Write the next batch; return its numbers."""
    work = ledger.work(0.0)
    assert isinstance(work, Insert)
    ledger.sent(work)
    ledger.committed([made] * len(work.items))
    return [item.entry.seq for item in work.items]


def numbers(gone: Iterable[Entry]) -> list[int]:
    return [entry.seq for entry in gone]


def test_a_tracer_lets_go_of_its_batch_and_the_former_ones_and_of_no_later_one() -> None:
    ledger = Ledger(batch=2)
    ledger.arrived(FIRST)
    ledger.accept(entries(range(1, 6)))
    while ledger.unacknowledged:
        written(ledger)
    question = ledger.question()
    assert question
    assert numbers(ledger.proved(question, {UUID(int=3)})) == [1, 2, 3, 4]
    assert ledger.unverified == 1
    assert not ledger.proved(question, {UUID(int=3)})
    assert numbers(ledger.proved(question, {UUID(int=5)})) == [5]


def test_rows_that_were_there_before_prove_nothing() -> None:
    """A former primary shows them, and loses them when it is rewound."""
    ledger = Ledger(recovered=entries([1]))
    ledger.arrived(FIRST)
    check = ledger.work(0.0)
    assert isinstance(check, Check)
    ledger.checked(check, {UUID(int=1)})
    ledger.accept(entries([2, 3]))
    written(ledger, made=0)
    assert ledger.unverified == 3
    assert ledger.question() is None


def test_what_was_asked_of_another_lineage_proves_nothing() -> None:
    ledger = Ledger()
    ledger.arrived(FIRST)
    ledger.accept(entries([1]))
    written(ledger)
    question = ledger.question()
    assert question
    ledger.arrived(SECOND)
    ledger.arrived(FIRST)
    check = ledger.work(0.0)
    assert isinstance(check, Check)
    ledger.checked(check, set())
    written(ledger)
    assert not ledger.proved(question, {UUID(int=1)})


def test_what_is_missing_goes_before_what_is_new() -> None:
    ledger = Ledger()
    ledger.arrived(FIRST)
    ledger.accept(entries([1, 2, 3]))
    written(ledger)
    ledger.accept(entries([4]))
    ledger.arrived(SECOND)
    check = ledger.work(0.0)
    assert isinstance(check, Check)
    assert [item.entry.seq for item in check.items] == [1, 2, 3]
    assert ledger.checked(check, {UUID(int=1)}) == []
    assert written(ledger) == [2, 3, 4]
    assert ledger.counts["replayed"] == 2


def test_the_one_to_blame_is_found_by_halves() -> None:
    ledger = Ledger(batch=8)
    ledger.arrived(FIRST)
    ledger.accept(entries(range(1, 9)))
    asked, blamed = 0, None
    while ledger.unacknowledged and asked < 20:
        asked += 1
        work = ledger.work(0.0)
        assert isinstance(work, Insert)
        ledger.sent(work)
        if 6 in [item.entry.seq for item in work.items]:
            blamed = ledger.failed("23505", 0.0) or blamed
        else:
            ledger.committed([1] * len(work.items))
    assert blamed
    assert blamed.entry.seq == 6
    assert ledger.unverified == 7
    assert asked < 12


def test_a_refusal_that_may_pass_holds_its_user_alone() -> None:
    ledger = Ledger(batch=1, hold_s=5.0)
    ledger.arrived(FIRST)
    ledger.accept([*entries([1, 2], "a"), *entries([3], "b")])
    work = ledger.work(0.0)
    assert isinstance(work, Insert)
    ledger.sent(work)
    assert ledger.failed("40P01", 0.0) is None
    assert written(ledger) == [3]
    assert ledger.work(4.9) is None
    work = ledger.work(5.1)
    assert isinstance(work, Insert)
    assert [item.entry.seq for item in work.items] == [1]


def test_a_question_is_spread_over_all_the_lag() -> None:
    ledger = Ledger(batch=1)
    ledger.arrived(FIRST)
    ledger.accept(entries(range(1, 1001)))
    while ledger.unacknowledged:
        written(ledger)
    question = ledger.question()
    assert question
    seqs = [item.entry.seq for item in question.items]
    assert len(seqs) == TRACERS
    assert (seqs[0], seqs[-1]) == (1, 1000)
    assert max(later - earlier for earlier, later in itertools.pairwise(seqs)) < 12


def test_the_oldest_are_forgotten_as_many_as_it_takes() -> None:
    ledger = Ledger(batch=1)
    ledger.arrived(FIRST)
    ledger.accept(entries(range(1, 5)))
    for _ in range(3):
        written(ledger)
    size = entries([1])[0].size
    assert numbers(ledger.forget(size + 1)) == [1, 2]
    assert numbers(ledger.forget(10 * size)) == [3]
    assert ledger.counts["forgotten"] == 3


def test_a_batch_that_is_lost_on_a_slow_way_is_smaller_the_next_time() -> None:
    ledger = Ledger(batch=8)
    ledger.arrived(FIRST)
    ledger.accept(entries(range(1, 21)))
    for size in (8, 4, 2):
        work = ledger.work(0.0)
        assert isinstance(work, Insert)
        assert len(work.items) == size
        ledger.sent(work)
        ledger.lost()
        check = ledger.work(0.0)
        assert isinstance(check, Check)
        ledger.checked(check, set())
    assert [len(written(ledger)) for _ in range(4)] == [1, 2, 4, 8]


def test_a_batch_has_its_bytes() -> None:
    ledger = Ledger(batch=100, batch_bytes=3 * entries([1])[0].size)
    ledger.arrived(FIRST)
    ledger.accept(entries(range(1, 6)))
    assert written(ledger) == [1, 2, 3]
    assert written(ledger) == [4, 5]
