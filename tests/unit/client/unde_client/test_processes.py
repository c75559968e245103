from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled_shard import NOTE, World

from unde_client import Member, writes
from unde_client.ledger import Insert, Ledger
from unde_client.members import Lineage, Order
from unde_client.processes import LOOK, Answer, Ask, Connect, Consult, Drop, LostError, Pause, Remove, Request, UnreachableError, Verifier, Writer


def happen(seed: int, steps: int) -> World:
    world = World(seed)
    for _ in range(steps):
        world.step()
    world.heal()
    world.judge()
    return world


@settings(max_examples=120)
@given(st.integers(0, 2**32))
def test_whatever_fails_no_acknowledged_write_is_lost_and_each_users_order_is_kept(seed: int) -> None:
    happen(seed, 400)


@pytest.mark.prove
@settings(max_examples=600)
@given(st.integers(0, 2**32))
def test_of_many_more_neither(seed: int) -> None:
    happen(seed, 800)


def test_what_the_model_does_is_worth_something() -> None:
    """In some runs writes are acknowledged and lost, the client dies, and several lead; and most writes are verified."""
    worlds = [happen(seed, 600) for seed in range(12)]
    assert sum(world.ledger.counts["replayed"] for world in worlds) > 10
    assert sum(world.lives for world in worlds) > 30
    assert sum(len(world.log) for world in worlds) > 20
    assert sum(len(world.refused) for world in worlds) > 20
    assert sum(len(world.verified) for world in worlds) > 1000


def prepared(member: str = "a", timeline: str = "00000001") -> tuple[Ledger, Order]:
    ledger, order = Ledger(), Order([Member("a"), Member("b")])
    ledger.arrived(Lineage(Member(member), timeline))
    ledger.accept([writes.entry(1, UUID(int=1), "u", "note", {})])
    work = ledger.work(0.0)
    assert isinstance(work, Insert)
    ledger.sent(work)
    ledger.committed([1])
    return ledger, order


@pytest.mark.parametrize(("replays", "leaves"), [(True, [1]), (False, None)])
def test_a_member_that_was_promoted_is_alone_with_its_row(replays: bool, leaves: list[int] | None) -> None:
    ledger, order = prepared()
    process = Verifier(ledger, {"note": NOTE}, order).run()
    assert next(process) == Pause(1.0)
    assert process.send(None) == Connect([Member("b")], writable=False)
    asked = process.send(("b", Member("b")))
    assert isinstance(asked, Ask)
    told = process.send([Answer([[replays]], 1), Answer([[UUID(int=1)]], 1)])
    assert ([entry.seq for entry in told.entries] if isinstance(told, Remove) else None) == leaves


def test_a_primary_that_was_overtaken_is_not_written_to_unless_it_stays_alone() -> None:
    now = [0.0]
    ledger = Ledger()
    writer = Writer(ledger, {"note": NOTE}, "me", Order([Member("a"), Member("b")]), lambda: now[0])
    process = writer.run()

    def met(request: Request, member: str, timeline: str) -> Request:
        """Lead a writer that asks for the record to a member; return what it wants then."""
        assert request == Consult()
        assert isinstance(process.send(None), Connect)
        assert isinstance(process.send((member, Member(member))), Ask)
        return process.send([Answer([[timeline]], 1)])

    assert met(next(process), "b", "00000002") == Pause(1.0, rings=True)
    assert isinstance(process.throw(LostError("gone")), Drop)
    for moment in (1.0, 30.0):
        now[0] = moment
        assert isinstance(process.send(None), Pause)
        assert met(process.send(None), "a", "00000001") == Drop("a")
    assert ledger.lineage == Lineage(Member("b"), "00000002")
    now[0] = 90.0
    assert isinstance(process.send(None), Pause)
    assert met(process.send(None), "a", "00000001") == Pause(1.0, rings=True)
    assert ledger.lineage == Lineage(Member("a"), "00000001")


@pytest.mark.parametrize("said", [None, Answer([[""]], 1)])
def test_whoever_says_nothing_or_does_not_lead_is_tried_last(said: Answer | None) -> None:
    """A pooler lets its clients in while its server is gone."""
    process = Writer(Ledger(), {}, "me", Order([Member("a"), Member("b")]), lambda: 0.0).run()
    assert next(process) == Consult()
    assert process.send(None) == Connect([Member("a"), Member("b")], writable=True)
    assert process.send(("first", Member("a"))) == Ask("first", [(LOOK, {})], within_s=3.0)
    assert (process.send([said]) if said else process.throw(LostError("no answer"))) == Drop("first")
    assert process.send(None) == Pause(0.1)
    assert process.send(None) == Consult()
    assert process.send(None) == Connect([Member("b"), Member("a")], writable=False)


def test_every_second_attempt_asks_whoever_answers() -> None:
    """A pooler that has not noticed the promotion says that its server takes no writes."""
    process = Writer(Ledger(), {}, "me", Order([Member("a")]), lambda: 0.0).run()
    request, wanted, pauses = next(process), [], []
    for _ in range(6):
        assert request == Consult()
        request = process.send(None)
        assert isinstance(request, Connect)
        wanted.append(request.writable)
        request = process.throw(UnreachableError("nobody"))
        assert isinstance(request, Pause)
        pauses.append(request.seconds)
        request = process.send(None)
    assert wanted == [True, False] * 3
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
