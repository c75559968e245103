"""Kept reports gathered by fault and condition: what counts, what is refused, and that nothing is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import simulated
from simulated import Setting

from unde import drills
from unde.drills import measured
from unde.drills.faults import FAULTS
from unde.drills.measured import Line, Spread
from unde.errors import UnreadableHistory
from unde.reports import drills as report


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return a report as the command prints it."""
    folder = simulated.simulated(Setting()).write(tmp_path_factory.mktemp("run"))
    return json.loads(json.dumps(report.report(drills.judge(folder))))


def keep(folder: Path, told: dict[str, Any], name: str, *, worst_s: float = 18.0, **other: Any) -> Path:
    """Keep a report of a run."""
    (folder / name).mkdir()
    kept = {**told, "name": name, "writes": {**told["writes"], "worst_s": worst_s}, **other}
    (folder / name / measured.NAME).write_text(json.dumps([kept]), encoding="utf-8")
    return folder / name


def line(folder: Path, fault: str, rtt_ms: float = 120, loss_percent: float = 0) -> Line:
    """Return a line of what was kept."""
    [found] = [each for each in measured.lines(measured.read(folder)) if (each.fault, each.rtt_ms, each.loss_percent) == (fault, rtt_ms, loss_percent)]
    return found


def test_nothing_is_measured_where_nothing_was_kept(tmp_path: Path) -> None:
    """Every fault under every condition has its line all the same."""
    found = list(measured.lines(measured.read(tmp_path)))
    assert {each.fault for each in found} == set(FAULTS)
    assert all((each.runs, each.writes_s, each.lost_after, each.commands) == (0, None, None, ()) for each in found)
    assert {(each.rtt_ms, each.loss_percent) for each in found if each.fault == "host-lost"} == {(rtt, loss) for rtt in (0, 40, 120, 200) for loss in (0, 5)}


def test_runs_of_a_fault_under_a_condition(tmp_path: Path, told: dict[str, Any]) -> None:
    """Others have lines of their own; a condition that nobody asked for, too."""
    for number in range(1, 21):
        keep(tmp_path, told, f"run-{number}", worst_s=number, lost_before_replay=number % 3, held=number != 7)
    keep(tmp_path, told, "far", worst_s=99, rtt_ms=200)
    keep(tmp_path, told, "odd", worst_s=98, rtt_ms=33.0, loss_percent=1.5)
    keep(tmp_path, told, "frozen", worst_s=97, fault="primary-frozen", command="other")
    found = line(tmp_path, "host-lost")
    assert (found.runs, found.broken, found.writes_s, found.lost_before) == (20, 1, Spread(10, 19, 20), Spread(1, 2, 2))
    assert (found.lost_after, found.said, found.commands) == (0, "16–29 s", (told["command"],))
    assert line(tmp_path, "host-lost", 200).writes_s == Spread(99, 99, 99)
    assert line(tmp_path, "host-lost", 33.0, 1.5).runs == 1
    assert line(tmp_path, "primary-frozen").commands == ("other",)


def test_an_outage_that_was_not_over_is_told(tmp_path: Path, told: dict[str, Any]) -> None:
    keep(tmp_path, told, "run", reads={**told["reads"], "open": True})
    assert line(tmp_path, "host-lost").open == 1


def test_a_run_counts_once(tmp_path: Path, told: dict[str, Any]) -> None:
    """Two folders that say they are the same run are refused, both named."""
    keep(tmp_path, told, "one")
    keep(tmp_path, told, "two")
    file = tmp_path / "two" / measured.NAME
    file.write_text(file.read_text(encoding="utf-8").replace('"two"', '"one"'), encoding="utf-8")
    with pytest.raises(UnreadableHistory, match=r"two: is the run 'one', and so is .*one"):
        measured.read(tmp_path)


@pytest.mark.parametrize("spoil", [{"format": 2}, {"fault": "host-loost"}, {"lost_after_replay": -1}, {"writes": {}}])
def test_what_is_no_report_is_refused(spoil: dict[str, Any], tmp_path: Path, told: dict[str, Any]) -> None:
    """With its place."""
    folder = keep(tmp_path, told, "run")
    (folder / measured.NAME).write_text(json.dumps([{**told, **spoil}]), encoding="utf-8")
    with pytest.raises(UnreadableHistory, match=str(folder)):
        measured.read(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableHistory, match="is no folder"):
        measured.read(tmp_path / "nowhere")


def test_runs_that_nobody_judged_are_named(tmp_path: Path, told: dict[str, Any]) -> None:
    simulated.simulated(Setting(before=1, outage=1, after=1)).write(tmp_path / "new")
    keep(tmp_path, told, "old")
    assert measured.unjudged(tmp_path) == [tmp_path / "new"]
