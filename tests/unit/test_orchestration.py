"""The judges of make test: what was silently not run must fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import steps

DONE = "INFO     \x1b[32metcd\x1b[0m ➜ \x1b[33m{0}\x1b[0m: \x1b[32mExecuted: Successful\x1b[0m\n"
WHOLE = "".join(DONE.format(action) for action in steps.ACTIONS)


def test_a_whole_scenario_is_fine() -> None:
    assert steps.scenario_was_complete(WHOLE) == ""
    assert steps.scenario_was_complete("".join(f"etcd > {action}: Executed: Successful\n" for action in steps.ACTIONS)) == ""


@pytest.mark.parametrize("action", steps.ACTIONS)
def test_a_scenario_without_one_of_its_actions_fails(action: str) -> None:
    said = WHOLE.replace(DONE.format(action), DONE.format(action).replace("Successful", "Missing playbook"))
    assert steps.scenario_was_complete(said) == f"not executed: {action}"


def test_a_test_file_that_ran_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    for name in ("test_loud.py", "test_silent.py", "test_skipped.py"):
        (tmp_path / "tests" / name).touch()
    said = "tests/test_loud.py::test_one PASSED [ 50%]\ntests/test_skipped.py::test_two SKIPPED (no reason) [100%]\n"
    assert steps.every_file_has_tests(["tests"])(said) == "no test has passed in tests/test_silent.py, tests/test_skipped.py"


def test_a_scenario_that_was_not_run_fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "scenarios", lambda: ["estate", "etcd", "redis"])
    ran = [steps.Result(name, 1.0, "") for name in ("role etcd", "estate: create")]
    assert steps.report(ran, []) == 1
    assert "scenarios that were not run: redis" in capsys.readouterr().out
    assert steps.report([*ran, steps.Result("role redis", 1.0, "")], []) == 0
    assert capsys.readouterr().out.endswith("3 passed, 0 failed\n")


def test_a_scenario_that_is_opt_in_is_told_and_fails_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("etcd", "router"):
        (tmp_path / "molecule" / name).mkdir(parents=True)
    (tmp_path / "molecule/router/OPT_IN").write_text("a real router\n")
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    assert [step.name for step in steps.plan()[1] if step.name.startswith("role ")] == ["role etcd"]
    assert steps.report([steps.Result("role etcd", 1.0, "")], []) == 0
    said = capsys.readouterr().out
    assert "opt-in, not run here: router (a real router)\n" in said
    assert "were not run" not in said


def test_every_scenario_and_every_folder_of_tests_has_its_step() -> None:
    _, together, estate = steps.plan()
    roles = {step.name.removeprefix("role ") for step in together if step.name.startswith("role ")}
    assert roles | {"estate", *steps.opt_in()} == set(steps.scenarios())
    assert set(steps.LONGEST) <= set(steps.scenarios())
    assert {f"tests/{folder}" for folder in ("unit", "golden", "structure")} <= {step.name for step in together}
    assert all(step.name.startswith("estate: ") for step in estate)


def test_no_step_fails_because_the_machine_is_slow() -> None:
    """Bounds on time are judged by `make bench`, which may be run again; here the figures are only told."""
    commands = [command for group in steps.plan() for step in group for command in step.commands]
    assert [command for command in commands if command[0].startswith("bench/") or command[0] == "scripts/bench"] == [
        ["bench/speed.py", "--small", "--tell", "--rounds", "3"]
    ]
