from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled_shard import World


def happen(seed: int, steps: int) -> World:
    world = World(seed)
    for _ in range(steps):
        world.step()
    world.heal()
    world.judge()
    return world


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_whatever_fails_no_acknowledged_write_is_lost_and_each_users_order_is_kept(seed: int) -> None:
    happen(seed, 400)


@pytest.mark.prove
@settings(max_examples=4000)
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
