"""How much `unde survive` computes for each pair of losses, counted and not timed: a slow machine fails no test. `make bench` has the times."""

from __future__ import annotations

import cProfile
import json
import pstats
from collections.abc import Callable

GROWN = ("--set", "shards.count=25")  #: 79 hosts, 35 tunnels, 3 sites, 3 links
#: Calls of functions for each pair, those of the layout and its checks among them; about 540 today.
MOST_CALLS = 1000


def test_a_pair_of_losses_costs_a_few_hundred_calls(said: Callable[..., tuple[str, str, int]]) -> None:
    with cProfile.Profile() as profile:
        out, err, code = said("survive", "--pairs", "--format", "json", *GROWN)
    assert code == 0, err
    pairs = sum(each["kind"] == "pair" for each in json.loads(out))
    assert pairs > 5000
    calls = pstats.Stats(profile).total_calls
    print(f"{calls} calls for {pairs} pairs")
    assert calls <= MOST_CALLS * pairs
