"""The sequence of drills: replayable by its seed, fair to every fault, and honest about what did not hold."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path
from types import ModuleType

import pytest

import support


@pytest.fixture
def drills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the program as a module, that keeps its records elsewhere."""
    spec = importlib.util.spec_from_file_location("unde_scripts_drills", support.ROOT / "scripts/drills.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RECORDS", tmp_path / "drills")
    return module


def test_the_same_seed_gives_the_same_sequence(drills: ModuleType) -> None:
    names = drills.faults()

    def first(seed: int) -> list[str]:
        return list(itertools.islice(drills.sequence(seed, names), 3 * len(names)))

    assert first(7) == first(7) != first(8)
    for number in range(3):
        assert sorted(first(7)[number * len(names) : (number + 1) * len(names)]) == sorted(names)


def test_what_did_not_hold_is_told_and_the_sequence_goes_on(drills: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drills, "play", lambda playbook, *words: playbook == "gates/all.yml" or "fault=b" not in words)
    done = drills.run(1, ["a", "b", "c"], 3, None, 0)
    assert {each["fault"]: each["held"] for each in done} == {"a": True, "b": False, "c": True}
    assert json.loads((drills.RECORDS / "sequence-1.json").read_text(encoding="utf-8"))["drills"] == done


def test_no_drill_begins_on_an_estate_that_is_not_whole(drills: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drills, "play", lambda playbook, *words: playbook != "gates/all.yml")
    assert [(each["held"], each["green"]) for each in drills.run(1, ["a", "b"], 2, None, 0)] == [(True, False)]


def test_a_time_in_place_of_a_count(drills: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0, 1800)
    monkeypatch.setattr(drills, "play", lambda playbook, *words: True)
    monkeypatch.setattr(drills.time, "monotonic", lambda: next(clock))
    assert 0 < len(drills.run(1, ["a", "b"], 99, 2, 0)) < 5


def test_a_fault_that_is_none_is_refused(drills: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["drills.py", "host-list"])
    with pytest.raises(SystemExit, match="2"):
        drills.main()
    assert "there is no fault host-list; there are host-lost, " in capsys.readouterr().err


@pytest.mark.parametrize(("held", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_whether_all_held(drills: ModuleType, monkeypatch: pytest.MonkeyPatch, held: bool, code: int) -> None:
    monkeypatch.setattr(drills, "play", lambda playbook, *words: playbook == "gates/all.yml" or held)
    monkeypatch.setattr("sys.argv", ["drills.py", "--seed", "3", "host-lost"])
    assert drills.main() == code
