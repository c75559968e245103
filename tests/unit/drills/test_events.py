"""When things happened after the fault, by what observers saw."""

from __future__ import annotations

from pathlib import Path

import pytest
import simulated
from simulated import FIRST, SECOND, Made, Row, Setting

from unde import drills
from unde.drills import Figures

BEGAN, FAULT, PROMOTED = 5000.0, 3.0, 21.0


def figures(made: Made, folder: Path) -> Figures:
    return drills.judge(made.write(folder)).figures


def see(made: Made, after_s: float, **event: object) -> Row:
    """Have the observer see something so long after the fault."""
    line: Row = {"at": BEGAN + FAULT + after_s, **event}
    made.files["observer.jsonl"].insert(-1, line)
    return line


def test_the_times_of_a_failover(tmp_path: Path) -> None:
    """All of them after the fault; late by the longest time between two looks."""
    found = figures(simulated.simulated(Setting()), tmp_path).times
    assert found.promoted_s == {"shard0": pytest.approx(18)}
    assert found.routed_s == {"local shard0": pytest.approx(18.6)}
    assert found.whole_s == {"shard0": pytest.approx(26)}
    assert (found.mended_s, found.late_s, found.lag_bytes) == (pytest.approx(19), pytest.approx(1), 5000)
    [alert] = found.alerts
    assert (alert.name, alert.watch, alert.about, alert.fired_s, alert.resolved_s) == (
        "ShardWithoutPrimary", "helsinki", "shard0", pytest.approx(8), pytest.approx(24),
    )


def test_nothing_moves_without_a_failover(tmp_path: Path) -> None:
    found = figures(simulated.simulated(Setting(failover=False)), tmp_path)
    assert (found.times.promoted_s, found.times.routed_s, found.times.whole_s, found.moved) == ({}, {}, {}, ())


def test_redundancy_that_does_not_come_back(tmp_path: Path) -> None:
    """Nor does one that came, and went again."""
    made = simulated.simulated(Setting())
    see(made, 30, kind="whole", shard="shard0", whole=False)
    [breach] = figures(made, tmp_path / "went").breaches
    assert (breach.rule, breach.ids) == ("not-whole", ("shard0",))
    see(made, 40, kind="whole", shard="shard0", whole=True)
    found = figures(made, tmp_path / "came")
    assert (found.breaches, found.times.whole_s) == ((), {"shard0": pytest.approx(40)})


def test_a_site_that_is_never_told(tmp_path: Path) -> None:
    """A record that is stale tells nothing; one of a site that was away names who led when it was back."""
    made = simulated.simulated(Setting())
    see(made, 18.7, kind="routing", site="helsinki", shard="shard0", member=SECOND, stale=True)
    see(made, 19.0, kind="routing", site="helsinki", shard="shard0", member=FIRST)
    [breach] = figures(made, tmp_path / "never").breaches
    assert (breach.rule, breach.ids) == ("not-routed", ("helsinki shard0",))
    see(made, 22.0, kind="leader", shard="shard0", member=FIRST, timeline=3)
    see(made, 23.0, kind="routing", site="helsinki", shard="shard0", member=FIRST)
    found = figures(made, tmp_path / "back")
    assert found.times.routed_s == {"helsinki shard0": pytest.approx(23), "local shard0": pytest.approx(18.6)}
    assert found.breaches == ()


def test_an_alert_that_had_to_fire(tmp_path: Path) -> None:
    """One that fired before the fault is none of its."""
    made = simulated.simulated(Setting())
    made.run["alerts"] = ["ShardWithoutPrimary", "HostDown"]
    see(made, -1, kind="alert", name="HostDown", state="firing", watch="local", about=FIRST)
    [breach] = figures(made, tmp_path / "missing").breaches
    assert (breach.rule, breach.ids) == ("alert-missing", ("HostDown",))
    see(made, 60, kind="alert", name="HostDown", state="firing", watch="local", about=FIRST)
    found = figures(made, tmp_path / "fired")
    assert found.breaches == ()
    assert [(each.name, each.fired_s, each.resolved_s) for each in found.times.alerts][1:] == [("HostDown", pytest.approx(60), None)]
