"""Run every test there is: what is timed, then style, the fast tests and the scenario of every role (three side by side), then the whole estate.

Fails if a step fails, if a scenario of molecule/ was not run (but for those with a file OPT_IN, which says what they want), if one of
its own steps was skipped, or if a test file held no test. Every step's output is in .cache/test/<step>.log; the end of a failed one is
shown. Without arguments all steps run; with some, those alone (and the verdict says what was left out). A lab that is up gives way to
"estate: create": it is the same one.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".cache/test"
ESTATE = "estate"
CREATE = "estate: create"
DAYS = "estate: day by day, two of them killed"
#: Side by side, on two cores: they wait for what they have broken to mend itself as long as they work.
TOGETHER = 3
#: Those that take longest, longest first: begun before the others, so that none is left to run alone at the end.
LONGEST = ("mikrotik_chr", "core_database", "exporters", "mikrotik_chr_guests", "luks", "postgres_shard", "prometheus")
#: Seconds between two signs of life.
HEARTBEAT = 60
#: What must have happened in the scenario of a role.
ACTIONS = ("create", "converge", "idempotence", "verify")
TAIL = 60
#: What a cause looks like in the logs of Ansible and pytest; of each step that failed so much is said again below the table, where it is read first.
CAUSE = re.compile(
    r"^(fatal: |failed: |\[ERROR\]|E  +\S|FAILED |CRITICAL|\w*Error\b|\* \[|\S+\.\w+:\d+)"
    r"|[Ii]dempotence test failed|UNREACHABLE!|ended with|does not converge|is lost$"
)
CAUSES, WIDTH = 10, 500
#: What a change of the gateway's engine is: the gateway itself, and the tunnels that end there.
ENGINE_DAYS = ("playbooks/days/day_01_gateway_and_monitoring.yml", "playbooks/days/day_08_tunnels.yml")
ENGINE_TESTS = ("matrix", "tunnels", "keys", "stolen_key")
TESTS_OF_ESTATE = "molecule/estate/tests"


@dataclass(frozen=True)
class Step:
    """One line of the final table: commands that must all succeed, and a look at what they said."""

    name: str
    commands: list[list[str]]
    judge: Callable[[str], str] = field(default=lambda said: "")

    @property
    def log(self) -> Path:
        """Return the file for everything that the step prints."""
        return LOGS / f"{re.sub(r'[^a-z0-9_]+', '-', self.name)}.log"


@dataclass(frozen=True)
class Result:
    """How a step ended; ``why`` is empty if it went well."""

    name: str
    seconds: float
    why: str


running: dict[str, subprocess.Popen[str]] = {}
stopping = threading.Event()


def scenarios() -> list[str]:
    """Return the name of every scenario; a folder without molecule.yml is no scenario yet, and an error."""
    return sorted(path.name for path in (ROOT / "molecule").iterdir() if path.is_dir() and path.name != "shared")


def opt_in() -> dict[str, str]:
    """Return the scenarios that want what not every machine has, and what that is: the first line of their file OPT_IN."""
    return {name: file.read_text().partition("\n")[0] for name in scenarios() if (file := ROOT / "molecule" / name / "OPT_IN").is_file()}


def every_file_has_tests(folders: list[str]) -> Callable[[str], str]:
    """Return a judge of pytest's verbose output: each test file must have run at least one test."""

    def judge(said: str) -> str:
        ran = set(re.findall(r"^(\S+\.py)::.* (?:PASSED|XFAIL)", said, re.MULTILINE))
        there = {str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("test_*.py")}
        silent = sorted(there - ran)
        return f"no test has passed in {', '.join(silent)}" if silent else ""

    return judge


def scenario_was_complete(said: str) -> str:
    """Judge a scenario's log: each of its actions must have been executed, none for lack of a playbook."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    missing = [action for action in ACTIONS if not re.search(rf"(?:➜|>) {action}: Executed: Successful", plain)]
    return f"not executed: {', '.join(missing)}" if missing else ""


def pytest(folder: str, *words: str) -> Step:
    """Return a step for a folder of tests."""
    name = "estate: tests" if folder == TESTS_OF_ESTATE else folder
    return Step(name, [["pytest", "-vv", "--color=no", "--durations=25", folder, *words]], every_file_has_tests([folder]))


def plan() -> tuple[list[Step], list[Step], list[Step]]:
    """Return the steps that want the machine for themselves, those that run side by side, and the estate's."""
    lab = "scripts/lab-playbook"
    alone = [Step("image", [["scripts/image"]]), Step("speed", [["bench/speed.py", "--small", "--tell", "--rounds", "3"]])]
    fast = [
        Step("lint", [["scripts/lint"]]),
        *(pytest(folder) for folder in sorted({str(path.parent.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")})),
    ]
    named = [name for name in scenarios() if name not in (ESTATE, *opt_in())]
    named.sort(key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))
    roles = [Step(f"role {name}", [["scripts/alone", "molecule", "test", "-s", name]], scenario_was_complete) for name in named]
    estate = [
        Step(CREATE, [
            ["scripts/lab-remove", ESTATE], ["scripts/secrets", ".lab/vault.yml", ".lab/vault-password"],
            ["scripts/uplink", "start"], [lab, "molecule/estate/create.yml"],
        ]),
        Step(DAYS, [["molecule/estate/rollout.py", "--kill", "copy", "handover", "--json", ".cache/bench/rollout.json"]]),
        Step("estate: second run", [["molecule/estate/second_run.py", "--json", ".cache/bench/second_run.json"]]),
        pytest(TESTS_OF_ESTATE),
        # The same lab, its gateway changed while it runs: the days that the engine matters to, and the tests that it could fail.
        Step("estate: on engine linux", [
            ["scripts/uplink", "check"], ["scripts/lab", "--engine", "linux", "--playbooks", *ENGINE_DAYS, "--tests", *ENGINE_TESTS],
        ]),
        Step("estate: nothing left the machine", [["scripts/uplink", "check"]]),
        Step("estate: nothing stays behind", [["scripts/lab-down"], ["scripts/left-behind"]]),
    ]  # fmt: skip
    return alone, [*fast, *roles], estate


def environment(step: Step) -> dict[str, str]:
    """Return a step's environment: only the estate's steps see the lab."""
    kind = {ESTATE: "lab", "role": "quick"}.get(re.split("[ :]", step.name)[0], "")
    command = ["bash", "-c", f". scripts/environment {kind} && env -0"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in said.split("\0") if "=" in line)


def run(step: Step) -> Result:
    """Run a step into its log."""
    began, why, variables = time.monotonic(), "", environment(step)
    print(f"▶ {step.name}", flush=True)
    step.log.parent.mkdir(parents=True, exist_ok=True)
    with step.log.open("w") as log:
        for command in step.commands:
            if stopping.is_set():
                why = "interrupted"
                break
            print(f"$ {' '.join(command)}", file=log, flush=True)
            # A session of its own: an interruption ends the whole of it, and only it.
            process = subprocess.Popen(
                command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True, start_new_session=True
            )
            running[step.name] = process
            code = process.wait()
            running.pop(step.name, None)
            if code != 0:
                why = f"{' '.join(command)} ended with {code}"
                break
    why = why or step.judge(step.log.read_text(errors="replace"))
    result = Result(step.name, time.monotonic() - began, why)
    mark = "✗" if why else "✓"
    print(f"{mark} {step.name} ({result.seconds:.0f} s){f': {why}' if why else ''}", flush=True)
    if why and not stopping.is_set():
        tail = step.log.read_text(errors="replace").splitlines()[-TAIL:]
        print("\n".join(f"  │ {line}" for line in [*tail, f"({step.log.relative_to(ROOT)})"]), flush=True)
    return result


def alive() -> None:
    """Say now and then what is running, and its last words."""
    while not stopping.wait(HEARTBEAT):
        for name in list(running):
            log = LOGS / f"{re.sub(r'[^a-z0-9_]+', '-', name)}.log"
            lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip(" │*─")] or [""]
            print(f"  … {name}: {re.sub(r'[^ -~]', '', lines[-1])[:110]}", flush=True)


def interrupted(*_: object) -> None:
    """End what runs, then this."""
    stopping.set()
    for process in list(running.values()):
        os.killpg(process.pid, signal.SIGTERM)


def causes(step: Step) -> list[str]:
    """Return the last lines of a failed step's log that tell why it failed, each under its task; when none does, the log's end."""
    task, found = "", []
    lines = re.sub(r"\x1b\[[0-9;]*m", "", step.log.read_text(errors="replace")).splitlines()
    for plain in map(str.strip, lines):
        if plain.startswith("TASK ["):
            task = plain.rstrip("* ")
        elif CAUSE.search(plain):
            found += [task] * (bool(task) and task not in found) + [plain[:WIDTH]]
    return found[-CAUSES:] or [line for line in lines if line.strip()][-CAUSES:]


def report(results: list[Result], left_out: list[str]) -> int:
    """Print the table and the verdict; return the exit code."""
    wide = max(len(result.name) for result in results)
    print(f"\n{'step':<{wide}}  seconds  result")
    for result in results:
        print(f"{result.name:<{wide}}  {result.seconds:>7.1f}  {result.why or 'passed'}")
    ran = {result.name for result in results}
    asked_for = opt_in()
    silent = [name for name in scenarios() if name not in asked_for and not any(step == f"role {name}" or step.startswith(f"{name}:") for step in ran)]
    failed = [result for result in results if result.why]
    for name, wants in asked_for.items():
        print(f"opt-in, not run here: {name} ({wants})")
    if silent and not left_out:
        print(f"scenarios that were not run: {', '.join(silent)}")
    if left_out:
        print(f"left out: {', '.join(left_out)}")
    bad = len(failed) + (0 if left_out else len(silent))
    for result in failed:
        print(f"── {result.name}", *causes(Step(result.name, [])), sep="\n   ")
    print(f"{len(results) - len(failed)} passed, {bad} failed")
    return 1 if bad or stopping.is_set() else 0


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP", help="how names of steps begin, as 'role etcd' or estate; default: all")
    parser.add_argument("--list", action="store_true", help="show the steps and do nothing")
    arguments = parser.parse_args()
    alone, together, estate = plan()
    everything = [*alone, *together, *estate]
    if arguments.list:
        print("\n".join(step.name for step in everything))
        return 0
    chosen = [step for step in everything if not arguments.steps or any(step.name.startswith(start) for start in arguments.steps)]
    if not chosen:
        parser.error(f"no such step: {', '.join(arguments.steps)}; there are: {', '.join(step.name for step in everything)}")
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    os.environ.update({"ANSIBLE_FORCE_COLOR": "0", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"})
    for name in ("UNDE_SET", "UNDE_OVERLAY"):
        os.environ.pop(name, None)
    threading.Thread(target=alive, daemon=True).start()
    began, results = time.monotonic(), []
    results += [run(step) for step in alone if step in chosen and not stopping.is_set()]
    if any(step in chosen for step in estate if step.name == CREATE):
        subprocess.run(["scripts/lab-down"], cwd=ROOT, check=True, capture_output=True)
    with ThreadPoolExecutor(TOGETHER) as pool:
        results += pool.map(run, [step for step in together if step in chosen and not stopping.is_set()])
    for step in (step for step in estate if step in chosen):
        if stopping.is_set():
            break
        results.append(run(step))
        # Without a lab there is nothing to ask; a failed test must not hide what the next step says.
        if results[-1].why and step.name in (CREATE, DAYS):
            break
    print(f"\n{time.monotonic() - began:.0f} s in all", end="")
    done = {result.name for result in results}
    return report(results, [step.name for step in everything if step not in chosen] if arguments.steps else []) or int(
        any(step.name not in done for step in chosen)
    )


if __name__ == "__main__":
    sys.exit(main())
