"""What make test and make prove run, and their judges: what was silently not run must fail."""

from __future__ import annotations

import json
import re
import sys
import time
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


def test_check_mode_that_told_something_else_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "CHECK_MODE", tmp_path)
    judge = steps.scenario_is_sound("etcd")
    assert judge(WHOLE) == "", "without a run in check mode there is nothing to compare"
    (tmp_path / "etcd.json").write_text(json.dumps({"done and not told": [], "told and not done": []}))
    assert judge(WHOLE) == ""
    (tmp_path / "etcd.json").write_text(json.dumps({"done and not told": [["etcd", "Start etcd", "a"]], "told and not done": [["etcd", "Install", "b"]]}))
    assert judge(WHOLE) == "check mode of etcd: done and not told: Start etcd (a); told and not done: Install (b)"
    assert judge("").startswith("not executed")


def test_a_test_file_that_ran_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    for name in ("test_loud.py", "test_silent.py", "test_skipped.py"):
        (tmp_path / "tests" / name).touch()
    said = "tests/test_loud.py::test_one PASSED [ 50%]\ntests/test_skipped.py::test_two SKIPPED (no reason) [100%]\n"
    assert steps.every_file_has_tests("tests")(said) == "no test has passed in tests/test_silent.py, tests/test_skipped.py"
    assert steps.every_file_has_tests("tests/test_loud.py::test_one")(said) == ""
    assert steps.every_file_has_tests("tests/test_loud.py", "tests/test_silent.py")(said) == "no test has passed in tests/test_silent.py"


@pytest.mark.parametrize("command", steps.PLANS)
def test_a_scenario_that_was_not_run_fails(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "scenarios", lambda: ["adoption", "estate", "etcd", "redis", "watch"])
    first, second = {"test": ("etcd", "redis"), "prove": ("adoption", "watch")}[command]
    ran = [steps.Result(name, 1.0, "") for name in (f"role {first}", "estate: create")]
    assert steps.report(command, ran, []) == 1
    assert f"scenarios that were not run: {second}" in capsys.readouterr().out
    assert steps.report(command, [*ran, steps.Result(f"role {second}", 1.0, "")], []) == 0
    assert capsys.readouterr().out.endswith("3 passed, 0 failed\n")


def test_a_scenario_that_is_opt_in_is_told_and_fails_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("etcd", "router"):
        (tmp_path / "molecule" / name).mkdir(parents=True)
    (tmp_path / "molecule/router/OPT_IN").write_text("a real router\n")
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    assert steps.test().scenarios == ["etcd"]
    assert steps.report("test", [steps.Result("role etcd", 1.0, "")], []) == 0
    said = capsys.readouterr().out
    assert "opt-in, not run here: router (a real router)\n" in said
    assert "were not run" not in said


def commands(plan: steps.Plan) -> str:
    """Return everything that a plan calls."""
    return "\n".join(" ".join(command) for step in plan.steps for command in step.commands)


def test_every_scenario_is_in_one_of_the_two() -> None:
    test, prove = set(steps.test().scenarios), set(steps.prove().scenarios)
    again = {name for name in prove if " on " in name}
    assert test.isdisjoint(prove)
    assert test | (prove - again) | {"estate", *steps.opt_in()} == set(steps.scenarios())
    assert {name.partition(" on ")[0] for name in again} == set(steps.ON_BOOKWORM)
    assert set(steps.PROVED) <= set(steps.scenarios())
    assert set(steps.LONGEST) <= {*steps.scenarios(), *(step.name for step in steps.test().together)}
    assert set(steps.IN_IMAGE) <= {step.name for step in steps.test().together}


def test_every_role_is_in_make_test() -> None:
    roles = {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()}
    # The keys are made where the tunnels are: molecule/wireguard_peer, gateway and mikrotik_chr.
    assert roles - set(steps.test().scenarios) == {"wireguard_keys"}


def test_every_folder_of_tests_is_in_make_test() -> None:
    folders = {"/".join(path.relative_to(ROOT).parts[:2]) for path in (ROOT / "tests").rglob("test_*.py")}
    assert {"tests/unit", "tests/golden", "tests/structure"} <= folders
    assert folders == {step.name for step in steps.test().steps if step.name.startswith("tests/")}


def test_what_make_test_leaves_out_of_a_folder_is_in_make_prove() -> None:
    """No file is left out whole: each of the two fails where a file has shown nothing."""
    left = commands(steps.test())
    assert left.count("-m not prove") == left.count(" tests/")
    assert steps.marked()
    assert "-m prove tests" in commands(steps.prove()), "of all folders: whoever gets the mark from elsewhere is run, too"


def test_every_file_of_the_estate_s_tests_is_in_make_prove_and_what_make_test_names_is_there() -> None:
    called = commands(steps.prove())
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "molecule/estate/tests").glob("test_*.py")}
    assert files == {word for word in called.split() if word.startswith("molecule/estate/tests/")}
    for named in steps.of_estate(*steps.TESTED):
        file, _, test = named.partition("::")
        assert re.search(rf"^def {test or 'test_'}", (ROOT / file).read_text(), re.MULTILINE), named


def test_nothing_that_is_proved_is_in_neither() -> None:
    """What there is beside scenarios and tests: each is called by one of the two."""
    test, prove = commands(steps.test()), commands(steps.prove())
    for command in ("scripts/image", "scripts/lint", "site.yml", "molecule/estate/second_run.py", "scripts/uplink check", "scripts/left-behind"):
        assert command in test
    days = "molecule/estate/rollout.py --kill copy handover"
    for command in ("scripts/lint scenarios", "scripts/sanity", days, "molecule/estate/diff.py", "molecule/estate/second_run.py", "--engine linux"):
        assert command in prove
    for plan in (steps.test(), steps.prove()):
        assert all(step.name.startswith("estate: ") for step in (*plan.making, *plan.estate, *plan.last))


def test_make_prove_reaches_the_lab_as_people_do() -> None:
    """From the control node: a first run, a second one, a day, an operation, a firewall that takes itself back; what builds the lab runs here."""
    mine = [step for step in steps.prove().estate if step.name.startswith("estate: by SSH, ")]
    over_ssh = [" ".join(command) for step in mine for command in step.commands if "UNDE_CONNECTION=ssh" in command]
    for what in ("lab-playbook site.yml", "second_run.py", "playbooks/days/day_", "pytest", "locked_out.yml"):
        assert [command for command in over_ssh if what in command], what
    here = [command for step in mine for command in step.commands if "UNDE_CONNECTION=ssh" not in command]
    assert [command[0] for command in here] == ["docker", "scripts/lab-playbook", "scripts/lab-control"]
    assert next(step for step in mine if "scripts/lab-control" in " ".join(map(" ".join, step.commands))).judge is steps.every_fresh_host_was_built
    assert here[0][-len(steps.FRESH) :] == [f"unde-lab-{host}" for host in steps.FRESH]
    assert "UNDE_CONNECTION" not in commands(steps.test())


def test_a_first_run_that_built_nothing_on_a_new_host_fails() -> None:
    recap = "".join(f"{host:<20} : ok=90   changed=40   unreachable=0    failed=0\n" for host in (*steps.FRESH, "other"))
    assert steps.every_fresh_host_was_built(recap) == ""
    assert steps.every_fresh_host_was_built(recap.replace("changed=40", "changed=0 ", 1)) == f"nothing was built on {steps.FRESH[0]}"
    assert steps.every_fresh_host_was_built("") == f"nothing was built on {', '.join(steps.FRESH)}"


def test_check_mode_that_tells_a_change_of_what_is_as_it_should_be_fails() -> None:
    recap = "".join(f"{host:<20} : ok=90   changed=0    unreachable=0    failed=0\n" for host in ("a", "b"))
    assert steps.nothing_was_told(recap) == ""
    assert steps.nothing_was_told(recap.replace("changed=0 ", "changed=12", 1)) == "a change is told that nobody would make: a"
    assert steps.nothing_was_told("") == "no host was checked"


@pytest.mark.parametrize("command", steps.PLANS)
def test_each_names_what_it_leaves_to_the_other(command: str) -> None:
    own, other = ({step.name for step in plan().steps} for plan in (steps.PLANS[command], steps.PLANS["prove" if command == "test" else "test"]))
    told = "\n".join(steps.elsewhere(command))
    assert [name for name in other - own if name not in told] == []
    assert "opt-in, not run here: mikrotik_chr_real" in told
    if command == "test":
        assert [name for name in steps.files_of_estate() if name not in told and name not in steps.TESTED] == []


def test_every_role_acts_once_by_ansible_s_own_strategy() -> None:
    """Everywhere else by the one that scripts/environment chooses for hosts of this machine."""
    by_own = [step for step in steps.prove().steps if "ANSIBLE_STRATEGY=linear" in step.commands[0]]
    whole = {step.name.removeprefix("role ").partition(" on ")[0] for step in by_own if step.name.startswith("role ")}
    first_runs = {step.name.removeprefix("linear ") for step in by_own if step.name.startswith("linear ")}
    assert whole == set(steps.ON_BOOKWORM)
    assert whole | first_runs == set(steps.test().scenarios)
    assert all("converge" in command for step in by_own if step.name.startswith("linear ") for command in step.commands[1:2])


def test_what_each_step_cost_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LOGS", tmp_path)
    steps.keep("test", [steps.Result("lint", 12.34, "", 9.96), steps.Result("role etcd", 1.0, "red")], 60.0, 100.0)
    steps.keep("test", [steps.Result("role etcd", 2.0, "", 1.0, 3.0)], 2.0, 3.0)
    kept = json.loads((tmp_path / "steps.json").read_text())["test"]
    assert kept["steps"]["lint"] == {"seconds": 12.3, "why": "", "cpu_s": 10.0, "machine_cpu_s": None}
    assert kept["steps"]["role etcd"] == {"seconds": 2.0, "why": "", "cpu_s": 1.0, "machine_cpu_s": 3.0}


def test_a_step_s_processor_time_is_that_of_all_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LOGS", tmp_path)
    monkeypatch.setattr(steps, "environment", lambda step: {"PATH": "/usr/bin:/bin"})
    monkeypatch.setattr(steps.Step, "log", tmp_path / "burn.log")
    work = ["sh", "-c", "sh -c 'n=0; while [ $n -lt 200000 ]; do n=$((n + 1)); done'"]
    result = steps.run_alone(steps.Step("burn", [work, work]))
    assert result.why == ""
    assert result.cpu_s > 0.02
    assert result.machine_cpu_s is not None
    assert result.machine_cpu_s > 0


def test_no_step_fails_because_the_machine_is_slow() -> None:
    """Bounds on time are judged by `make bench`, which may be run again; here the figures are only told."""
    called = [command for plan in (steps.test(), steps.prove()) for step in plan.steps for command in step.commands]
    assert [command for command in called if command[0].startswith("bench/") or command[0] == "scripts/bench"] == [
        ["bench/speed.py", "--small", "--tell", "--rounds", "3"]
    ]


def test_ci_runs_make_test() -> None:
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("exec make test")
    makefile = (ROOT / "Makefile").read_text()
    for command in ("test", "prove"):
        assert f"\t@scripts/bootstrap && scripts/test {command} $(STEPS)\n" in makefile, "without an engine nothing of it runs"


@pytest.mark.parametrize("red", [steps.SITE, ""])
def test_the_estate_s_steps_keep_their_order_and_what_is_last_comes_last(red: str, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[str] = []
    ended: list[str] = []

    def run(step: steps.Step) -> steps.Result:
        began.append(step.name)
        time.sleep(0.2 if step.name == "tests/browser" else 0)
        ended.append(step.name)
        return steps.Result(step.name, 1.0, "red" if step.name == red else "")

    monkeypatch.setattr(steps, "run", run)
    monkeypatch.setattr(steps, "run_alone", run)
    monkeypatch.setattr(steps.subprocess, "run", lambda *_, **__: None)
    names = {
        "first": ["image"], "meanwhile": ["lint"], "together": ["role etcd"], "making": [steps.CREATE, steps.SITE], "beside": ["tests/browser"],
        "estate": ["estate: tests"], "last": [steps.NOTHING_LEFT.name],
    }  # fmt: skip
    plan = steps.Plan(**{part: [steps.Step(name, []) for name in of_part] for part, of_part in names.items()})
    tests = [] if red else names["estate"]
    results = [result.name for result in steps.in_turn(plan, plan.steps)]
    assert results == ["image", "role etcd", "lint", "tests/browser", steps.CREATE, steps.SITE, *tests, steps.NOTHING_LEFT.name]
    assert began.index("tests/browser") > ended.index("role etcd")
    assert ended.index(steps.CREATE) < began.index(steps.SITE)
    alone = [*tests, steps.NOTHING_LEFT.name]
    assert ended[-len(alone) :] == began[-len(alone) :] == alone, "the estate's tests have the machine alone"
