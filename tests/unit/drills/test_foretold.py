"""What was foretold and promised, and whether it held: off on either side, beyond a promise, not measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import simulated
from simulated import FIRST, SECOND, Made, Setting

import support
from unde import drills
from unde.drills import Comparison, Judgement
from unde.model import Estate
from unde.survive import lose

Said = Callable[..., tuple[str, str, int]]


def judged(made: Made, folder: Path) -> Judgement:
    return drills.judge(made.write(folder))


def off(made: Made, folder: Path) -> list[tuple[str, str]]:
    """Return what did not hold, and who said it."""
    found = judged(made, folder)
    assert found.held == all(each.held for each in found.comparisons)
    return [(each.what, each.source) for each in found.comparisons if not each.held]


def foretold(rto_s: list[float] | None, where: str | None = SECOND, **promise: Any) -> list[dict[str, Any]]:
    """Return what ``unde survive`` says."""
    return [
        {"name": "scenario", "kind": "promise", "where": "there", **promise},
        {"name": f"host:{FIRST}", "kind": "loss", "shards": [{"name": "shard0", "where": where, "moved": True, "rto_s": rto_s}]},
    ]


@pytest.mark.parametrize(("rto_s", "held"), [([16, 29], True), ([18.5, 29], False), ([2, 17], False), ([0, 29], True), ([0, 0], False)])
def test_a_range_is_off_on_either_side(rto_s: list[float], held: bool, tmp_path: Path) -> None:
    """The outage is one of 18.1 seconds."""
    made = simulated.simulated(Setting())
    made.foretold = foretold(rto_s)
    word = "go on" if rto_s[1] == 0 else "come back"
    assert off(made, tmp_path) == ([] if held else [(f"writes of shard0 {word}", "unde survive")])


def test_no_outage_is_none_over_a_second(tmp_path: Path) -> None:
    made = simulated.simulated(Setting(failover=False))
    made.foretold = foretold([0, 0], FIRST, stays=True)
    made.run["targets"] = []
    assert off(made, tmp_path) == []


@pytest.mark.parametrize(("mended", "held"), [(21.0 - 0.5, True), (21.0 + 5, False)])
def test_writes_that_were_not_to_come_back_before_it_was_mended(mended: float, held: bool, tmp_path: Path) -> None:
    made = simulated.simulated(Setting(mended=mended))
    made.foretold = foretold(None)[1:]
    assert off(made, tmp_path) == ([] if held else [("writes of shard0 come back", "unde survive")])


def test_where_a_shard_is_written(tmp_path: Path) -> None:
    """Where the member that was foretold to take over is the one that was lost, nothing was said of that."""
    made = simulated.simulated(Setting())
    made.foretold = foretold([16, 29], FIRST)
    made.run["targets"] = []
    assert off(made, tmp_path / "elsewhere") == [("shard0 is written on", "unde survive")]
    made.run["targets"] = [FIRST]
    assert off(made, tmp_path / "the other way") == []


@pytest.mark.parametrize(
    ("promise", "broken"),
    [({"within_s": 30}, None), ({"within_s": 18}, "writes come back"), ({"stays": True}, "no shard moves"), ({"adds_ms": 120}, None),
     ({}, None)],
)
def test_promises(promise: dict[str, Any], broken: str | None, tmp_path: Path) -> None:
    made = simulated.simulated(Setting())
    made.foretold = foretold([16, 29], **promise)
    assert off(made, tmp_path) == ([(broken, "scenario")] if broken else [])


def test_a_way_that_grew_longer_than_promised(tmp_path: Path) -> None:
    """Judged with what machines add."""
    made = simulated.simulated(Setting(workers=1, interval=0.5))
    made.foretold = foretold([0, 29], adds_ms=20)
    for each in made.operations(timeline=2, what="write"):
        each["end"] += 0.2
    assert off(made, tmp_path) == [("a write takes longer", "scenario")]


def test_that_it_comes_back_by_itself(tmp_path: Path) -> None:
    """Not when somebody mended it first."""
    made = simulated.simulated(Setting(mended=20.0))
    made.foretold = foretold([16, 29])
    assert off(made, tmp_path) == [("writes come back by themselves", "scenario")]


@pytest.mark.parametrize(
    ("bound", "most", "held"),
    [("write_outage_s", 19, True), ("write_outage_s", 18, False), ("read_outage_s", 19, True), ("read_outage_s", 18, False),
     ("lost_before_replay", 100, True), ("lost_before_replay", 0, False), ("routing_s", 18.7, True), ("routing_s", 18.5, False), ("whole_s", 26.1, True),
     ("whole_s", 25, False)],
)
def test_bounds_of_the_drill(bound: str, most: float, held: bool, tmp_path: Path) -> None:
    made = simulated.simulated(Setting(unreplicated=0.5))
    made.run["bounds"] = {bound: most}
    found = judged(made, tmp_path).comparisons[-1]
    assert (found.source, found.held) == ("the drill", held)


def test_what_nobody_measured_does_not_hold(tmp_path: Path) -> None:
    """As when the only clients that count do not write."""
    made = simulated.simulated(Setting())
    made.run["judged"] = ["reader"]
    assert Comparison("writes of shard0 come back", "unde survive", "16–29 s", "not measured", False) in judged(made, tmp_path).comparisons


@pytest.mark.parametrize("loss", ["host:local-shard-0", "site:helsinki", "link:helsinki:local"])
def test_what_unde_survive_says_is_understood(loss: str, estate: Estate, tmp_path: Path, said: Said) -> None:
    """Its output as it is, with the bounds of the layout's promises."""
    made = simulated.simulated(Setting())
    made.foretold = json.loads(said("survive", "--lose", loss, "--format", "json")[0])
    made.run["losses"] = [loss]
    predictions = drills.read(made.write(tmp_path)).predictions
    assert predictions is not None
    assert predictions.loss is not None
    shard = lose(estate, [loss]).shards[0]
    assert (predictions.loss.shards[0].name, predictions.loss.shards[0].rto_s, predictions.loss.shards[0].where) == (shard.name, shard.rto_s, shard.where)
    promises = support.estate().layout.document.promises
    assert predictions.promises
    for each in predictions.promises:
        assert (each.within_s, each.stays, each.adds_ms) == (promises[each.name].within_s, promises[each.name].stays, promises[each.name].adds_ms)
