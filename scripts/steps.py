"""Run the proof: ``test``, what CI runs and a newcomer's break would show (three quarters of an hour on two cores), or ``prove``, all the rest (two hours).

What is in which is data, below; together they hold everything that there is (tests/unit/scripts/test_steps.py), and each names what it leaves to the
other. In `test` the scenarios of the roles go side by side, then the estate; style is judged while the image is built, and what can wait runs beside the
making of the estate, which leaves a processor free: tests that need no image, and all scenarios of `prove`. The estate's tests have the machine alone.

Fails if a step fails, if one of a scenario's own steps was skipped, or if a test file held no test; never because this machine is slow: bounds on time
are judged by `make bench`. Every step's output is in .cache/test/<step>.log; the end of a failed one is shown. What each cost is in
.cache/test/steps.json. With names of steps those alone run (and the verdict says what was left out). A lab that is up gives way to "estate: create": it
is the same one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".cache/test"
ESTATE = "estate"
CREATE = "estate: create"
#: What the estate is made by, in the one and in the other.
SITE, DAYS = "estate: site.yml", "estate: day by day, two of them killed"
TESTS_OF_ESTATE = "molecule/estate/tests"

# ── What runs where ──────────────────────────────────────────────────────────────────────────────────────────────────
#: The estate's tests that `make test` runs, a file or one of its tests; `make prove` runs every file, these too: its lab was made another way.
TESTED = (
    "tunnels",
    "clusters",
    "redis",
    "apps",
    "routing",
    "storage",
    "secrets",
    "matrix::test_every_cell_is_as_planned",
    "faults::test_loss_of_the_primarys_host_ends_with_a_writable_shard",
)
#: Files of the estate's tests that have a step of their own in `make prove`: what they leave behind is another estate.
LAST = ("growth",)
#: Scenarios that `make prove` runs; the roles' own, one each, are in `make test`.
PROVED = {
    "adoption": "hosts in use, met by the roles that have scenarios of their own",
    "mikrotik_chr_guests": "two more machines, emulated instruction by instruction",
    "watch": "a second way to run the role prometheus",
}
#: Scenarios that `make prove` runs once more on Debian 12.
ON_BOOKWORM = ("base", "certificates", "firewall", "firewall_ssh", "gateway", "wireguard_peer")
BOOKWORM = "unde/debian:bookworm"
#: Ansible's own strategy, in place of the one that scripts/environment chooses: each role acts by it once in `make prove`, on hosts that were just made.
OWN = "linear"
#: Side by side, on two cores: they wait for what they have broken to mend itself as long as they work.
TOGETHER = 3
#: Beside the making of the estate, which waits less.
BESIDE = 2
#: Those that take longest, longest first: begun before the others, so that none is left to run alone at the end.
LONGEST = ("mikrotik_chr", "pgbackrest", "core_database", "patroni", "adoption", "app_service", "tests/unit", "exporters", "luks", "postgres_shard")
#: Folders of tests that call programs of the image; they wait for it, as scenarios do.
IN_IMAGE = ("tests/software", "tests/unit")
#: Tests that say the same of more cases, for minutes: they bear this mark (pyproject.toml), and `make prove` runs them.
MARK = "prove"
#: Seconds between two signs of life.
HEARTBEAT = 60
#: What the callback molecule/shared/callback/check_mode.py has found, a file for each scenario.
CHECK_MODE = LOGS / "check_mode"
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
#: Hosts that are made anew, for the first run over SSH: one near the users with a tunnel, one at the other site; neither keeps what others need.
FRESH = ("local-mood", "collage")


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
    #: Of the step's own processes; what containers use is the engine's.
    cpu_s: float = 0.0
    #: Of the whole machine meanwhile, containers and all, where the step ran alone.
    machine_cpu_s: float | None = None


@dataclass(frozen=True)
class Plan:
    """What one of the two commands runs: first, and a few from then on; side by side; the making of the estate, with others beside it; on it; last."""

    first: list[Step]
    making: list[Step]
    estate: list[Step]
    last: list[Step]
    meanwhile: list[Step] = field(default_factory=list)
    together: list[Step] = field(default_factory=list)
    beside: list[Step] = field(default_factory=list)

    @property
    def steps(self) -> list[Step]:
        """Return all, in their order."""
        return [*self.first, *self.meanwhile, *self.together, *self.beside, *self.making, *self.estate, *self.last]

    @property
    def scenarios(self) -> list[str]:
        """Return the scenarios of single roles among them, an image of choice behind " on "."""
        return [name.removeprefix("role ") for step in self.steps if (name := step.name).startswith("role ")]


running: dict[str, subprocess.Popen[str]] = {}
stopping = threading.Event()


def scenarios() -> list[str]:
    """Return the name of every scenario; a folder without molecule.yml is no scenario yet, and an error."""
    return sorted(path.name for path in (ROOT / "molecule").iterdir() if path.is_dir() and path.name != "shared")


def opt_in() -> dict[str, str]:
    """Return the scenarios that want what not every machine has, and what that is: the first line of their file OPT_IN."""
    return {name: file.read_text().partition("\n")[0] for name in scenarios() if (file := ROOT / "molecule" / name / "OPT_IN").is_file()}


def every_file_has_tests(*wanted: str) -> Callable[[str], str]:
    """Return a judge of pytest's verbose output: each test file, of folders or named (with a test after ``::``), must have run at least one test."""

    def judge(said: str) -> str:
        ran = set(re.findall(r"^(\S+\.py)::.* (?:PASSED|XFAIL)", said, re.MULTILINE))
        there = set()
        for name in wanted:
            path = ROOT / name.partition("::")[0]
            there |= {str(each.relative_to(ROOT)) for each in (path.rglob("test_*.py") if path.is_dir() else [path])}
        silent = sorted(there - ran)
        return f"no test has passed in {', '.join(silent)}" if silent else ""

    return judge


def scenario_was_complete(said: str) -> str:
    """Judge a scenario's log: each of its actions must have been executed, none for lack of a playbook."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    missing = [action for action in ACTIONS if not re.search(rf"(?:➜|>) {action}: Executed: Successful", plain)]
    return f"not executed: {', '.join(missing)}" if missing else ""


def untruths(scenario: str) -> dict[str, list[str]]:
    """Return role → what its check mode did not tell in a scenario, or told in vain: task and host; nothing for a scenario without a run in check mode."""
    file = CHECK_MODE / f"{scenario}.json"
    found: dict[str, list[str]] = {}
    for kind, tasks in (json.loads(file.read_text()) if file.is_file() else {}).items():
        for role, task, host in tasks:
            found.setdefault(role, []).append(f"{kind}: {task} ({host})")
    return found


def scenario_is_sound(name: str) -> Callable[[str], str]:
    """Return a judge of a scenario: complete, and its check mode has told every change that its first run then made, and no other."""

    def judge(said: str) -> str:
        lies = [f"check mode of {role}: {'; '.join(those)}" for role, those in untruths(name).items()]
        return scenario_was_complete(said) or "; ".join(lies)

    return judge


def pytest(name: str, *wanted: str, mark: str = "") -> Step:
    """Return a step for folders or files of tests; of those that bear a mark, or (``not …``) do not."""
    only = ["-m", mark] if mark else []
    return Step(name, [["pytest", "-vv", "--color=no", "--durations=25", *only, *wanted]], every_file_has_tests(*wanted))


def marked() -> list[str]:
    """Return the files below tests/ that say themselves that `make prove` runs tests of theirs."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py") if f"pytest.mark.{MARK}" in path.read_text(encoding="utf-8"))


def of_estate(*names: str) -> list[str]:
    """Return files of the estate's tests, or single tests of theirs, by their short names."""
    return [f"{TESTS_OF_ESTATE}/test_{file}.py{colons}{test}" for file, colons, test in (name.partition("::") for name in names)]


def files_of_estate() -> list[str]:
    """Return the short names of all files of the estate's tests."""
    return sorted(path.stem.removeprefix("test_") for path in (ROOT / TESTS_OF_ESTATE).glob("test_*.py"))


def role(name: str, image: str = "") -> Step:
    """Return a step for a scenario; on an image of its choice it goes by Ansible's own strategy."""
    command = ["scripts/alone", "molecule", "test", "-s", name]
    if image:
        own = ["env", f"UNDE_IMAGE={image}", f"ANSIBLE_STRATEGY={OWN}"]
        return Step(f"role {name} on {image.rpartition(':')[2]}", [[*own, *command]], scenario_is_sound(name))
    return Step(f"role {name}", [command], scenario_is_sound(name))


def by_own_strategy(name: str) -> Step:
    """Return a step for a scenario's first run alone, by Ansible's own strategy."""
    molecule = ["env", f"ANSIBLE_STRATEGY={OWN}", "scripts/alone", "molecule"]
    return Step(f"{OWN} {name}", [[*molecule, action, "-s", name] for action in ("destroy", "converge", "destroy")])


def nothing_was_told(said: str) -> str:
    """Judge a run in check mode on hosts that are as they should be: its recap tells no change, and names hosts."""
    counts = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", said, re.MULTILINE)
    told = [host for host, count in counts if int(count)]
    return "no host was checked" if not counts else f"a change is told that nobody would make: {', '.join(told)}" if told else ""


def every_fresh_host_was_built(said: str) -> str:
    """Judge a run's recap: a host that was made anew must have been reached, and changed."""
    changed = {host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", said, re.MULTILINE)}
    idle = [host for host in FRESH if not changed.get(host)]
    return f"nothing was built on {', '.join(idle)}" if idle else ""


def by_ssh() -> list[Step]:
    """Return the steps on the running lab that reach its hosts as people do: from a control node outside both sites, through the WAN's delay, with sudo."""
    ssh = ["env", "UNDE_CONNECTION=ssh"]
    containers = [f"unde-lab-{host}" for host in FRESH]
    keys = pytest("estate: by SSH, new keys for a tunnel", *of_estate("keys"))
    return [
        Step("estate: by SSH, first run of new hosts", [
            ["docker", "rm", "--force", "--volumes", *containers], [LAB, "molecule/estate/create.yml"], ["scripts/lab-control"], [*ssh, LAB, "site.yml"],
        ], every_fresh_host_was_built),
        Step("estate: by SSH, second run", [[*ssh, "molecule/estate/second_run.py", "--json", ".cache/bench/second_run_ssh.json"]]),
        Step("estate: by SSH, day 8", [[*ssh, LAB, "playbooks/days/day_08_tunnels.yml"]]),
        replace(keys, commands=[[*ssh, *command] for command in keys.commands]),
        Step("estate: by SSH, the firewall's roll-back", [[*ssh, LAB, "molecule/estate/control/locked_out.yml"]]),
    ]  # fmt: skip


def roles_of_test() -> list[str]:
    """Return the scenarios that `make test` runs."""
    return [name for name in scenarios() if name not in (ESTATE, *PROVED, *opt_in())]


def longest_first(steps: list[Step]) -> list[Step]:
    """Return steps in the order in which they begin."""
    return sorted(steps, key=lambda step: LONGEST.index(name) if (name := step.name.removeprefix("role ")) in LONGEST else len(LONGEST))


LAB = "scripts/lab-playbook"
EMPTY = Step(CREATE, [
    ["scripts/lab-remove", ESTATE], ["scripts/secrets", ".lab/vault.yml", ".lab/vault-password"],
    ["scripts/uplink", "start"], [LAB, "molecule/estate/create.yml"],
])  # fmt: skip
LINT_OF_SCENARIOS = Step("lint of the scenarios", [["scripts/lint", "scenarios"]])
SANITY = Step("ansible-test sanity", [["scripts/sanity"]])
MORE = f"tests that are marked {MARK}"
SECOND_RUN = Step("estate: second run", [["molecule/estate/second_run.py", "--json", ".cache/bench/second_run.json"]])
INSIDE = Step("estate: nothing left the machine", [["scripts/uplink", "check"]])
NOTHING_LEFT = Step("estate: nothing stays behind", [["scripts/lab-down"], ["scripts/left-behind"]])


def test() -> Plan:
    """Return what CI runs."""
    folders = sorted({"/".join(path.relative_to(ROOT).parts[:2]) for path in (ROOT / "tests").rglob("test_*.py")})
    tests = {folder: pytest(folder, folder, mark=f"not {MARK}") for folder in folders}
    return Plan(
        # Scenarios of `make test` have hosts that run Debian 12.
        first=[Step("image", [["scripts/image"], ["scripts/image", "bookworm"]])],
        # A new machine waits for packages while it builds the image.
        meanwhile=[Step("lint", [["scripts/lint"]])],
        together=longest_first([*map(role, roles_of_test()), *(step for folder, step in tests.items() if folder in IN_IMAGE)]),
        making=[EMPTY, Step(SITE, [[LAB, "site.yml"]])],
        beside=[step for folder, step in tests.items() if folder not in IN_IMAGE],
        estate=[SECOND_RUN, pytest("estate: tests", *of_estate(*TESTED)), INSIDE],
        last=[NOTHING_LEFT],
    )


def prove() -> Plan:
    """Return all the rest."""
    images = [["scripts/image"], ["scripts/image", "bookworm"]]
    last = [name for name in LAST if name in files_of_estate()]
    # In all folders, so that a test that gets the mark from another file is not lost; each file that names it must have run one.
    more = replace(pytest(MORE, "tests", mark=MARK), judge=every_file_has_tests(*marked()))
    bookworm = [role(name, BOOKWORM) for name in ON_BOOKWORM]
    first_runs = [by_own_strategy(name) for name in roles_of_test() if name not in ON_BOOKWORM]
    return Plan(
        first=[Step("image", images), Step("speed, told and not judged", [["bench/speed.py", "--small", "--tell", "--rounds", "3"]])],
        making=[EMPTY, Step(DAYS, [["molecule/estate/rollout.py", "--kill", "copy", "handover", "--json", ".cache/bench/rollout.json"]])],
        beside=longest_first([*map(role, PROVED), *bookworm, *first_runs, more, LINT_OF_SCENARIOS, SANITY]),
        estate=[
            Step("estate: second run after the days", SECOND_RUN.commands),
            Step("estate: check mode tells no change", [[LAB, "site.yml", "--check"]], nothing_was_told),
            pytest("estate: all tests", *of_estate(*(name for name in files_of_estate() if name not in last))),
            Step("estate: changes as foretold", [["molecule/estate/diff.py", "--json", ".cache/bench/diff.json"]]),
            *by_ssh(),
            # The same lab, its gateway changed while it runs: the days that the engine matters to, and the tests that it could fail.
            Step("estate: on engine linux", [
                ["scripts/uplink", "check"], ["scripts/lab", "--engine", "linux", "--playbooks", *ENGINE_DAYS, "--tests", *ENGINE_TESTS],
            ]),
            *(pytest(f"estate: {name}", *of_estate(name)) for name in last),
            INSIDE,
        ],
        last=[NOTHING_LEFT],
    )  # fmt: skip


PLANS: dict[str, Callable[[], Plan]] = {"test": test, "prove": prove}


def elsewhere(command: str) -> list[str]:
    """Tell what a command does not run, and why, a line each."""
    told = [f"opt-in, not run here: {name} ({wants})" for name, wants in opt_in().items()]
    if command == "test":
        once = {name.partition("::")[0] for name in TESTED}
        there = prove()
        own = [step.name for step in (*there.first, *there.making, *there.estate, *there.last) if step.name not in SHARED]
        told.append(f"left to make prove, which takes up to two hours: {' · '.join(own)}")
        told.append(f"left to make prove: {LINT_OF_SCENARIOS.name} (their playbooks run here)")
        told.append(f"left to make prove: {SANITY.name} (make lint has it too)")
        told.append(f"left to make prove: {MORE}, in {', '.join(marked())} (they say the same of more cases)")
        told += [f"left to make prove: role {name} ({why})" for name, why in PROVED.items()]
        told += [f"left to make prove: {role(name, BOOKWORM).name} (Debian 12: a second run on another release)" for name in ON_BOOKWORM]
        first_runs = [step.name for step in there.beside if step.name.startswith(f"{OWN} ")]
        told.append(f"left to make prove: {' · '.join(first_runs)} (first runs by Ansible's own strategy; here by another: docs/lab.md)")
        rest = [name for name in files_of_estate() if name not in once]
        told.append(f"left to make prove, of the estate's tests: {', '.join(rest)} (they change or break the estate, for minutes)")
        told += [f"left to make prove: all of {name.partition('::')[0]} but {name.partition('::')[2]}" for name in TESTED if "::" in name]
    else:
        told.append(f"left to make test, which comes first: {' · '.join(step.name for step in test().steps if step.name not in SHARED)}")
    return told


def scenarios_of(command: str) -> list[str]:
    """Return the scenarios that a command runs."""
    opted = opt_in()
    return [name for name in scenarios() if name not in opted and (name == ESTATE or (name in PROVED) == (command == "prove"))]


#: Steps that are in both: what the others stand on.
SHARED = ("image", CREATE, INSIDE.name, NOTHING_LEFT.name)


def environment(step: Step) -> dict[str, str]:
    """Return a step's environment: only the estate's steps see the lab."""
    kind = {ESTATE: "lab", "role": "quick", OWN: "quick"}.get(re.split("[ :]", step.name)[0], "")
    command = ["bash", "-c", f". scripts/environment {kind} && env -0"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in said.split("\0") if "=" in line)


def busy_s() -> float:
    """Return for how long the processors of this machine have worked since it started, seconds."""
    user, nice, system, _, _, *others = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def run(step: Step) -> Result:
    """Run a step into its log."""
    began, why, cpu_s, variables = time.monotonic(), "", 0.0, environment(step)
    print(f"▶ {step.name}", flush=True)
    step.log.parent.mkdir(parents=True, exist_ok=True)
    with step.log.open("w") as log:
        for command in step.commands:
            if stopping.is_set():
                why = "interrupted"
                break
            print(f"$ {' '.join(command)}", file=log, flush=True)
            # A session of its own: an interruption ends the whole of it, and only it.
            process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True, start_new_session=True)
            running[step.name] = process
            _, status, used = os.wait4(process.pid, 0)
            code = process.returncode = os.waitstatus_to_exitcode(status)
            cpu_s += used.ru_utime + used.ru_stime
            running.pop(step.name, None)
            if code != 0:
                why = f"{' '.join(command)} ended with {code}"
                break
    why = why or step.judge(step.log.read_text(errors="replace"))
    result = Result(step.name, time.monotonic() - began, why, cpu_s)
    mark = "✗" if why else "✓"
    print(f"{mark} {step.name} ({result.seconds:.0f} s){f': {why}' if why else ''}", flush=True)
    if why and not stopping.is_set():
        tail = step.log.read_text(errors="replace").splitlines()[-TAIL:]
        print("\n".join(f"  │ {line}" for line in [*tail, f"({step.log.relative_to(ROOT)})"]), flush=True)
    return result


def run_alone(step: Step) -> Result:
    """Run a step while nothing else of ours runs: what the whole machine does meanwhile is the step's."""
    before = busy_s()
    result = run(step)
    return replace(result, machine_cpu_s=busy_s() - before)


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


def by_name(results: list[Result]) -> dict[str, dict[str, object]]:
    """Return results by name, rounded."""
    return {
        result.name: {key: round(value, 1) if isinstance(value, float) else value for key, value in asdict(result).items() if key != "name"}
        for result in results
    }


def keep(command: str, results: list[Result], seconds: float, machine_cpu_s: float) -> None:
    """Write what each step cost; steps that were not run now keep their last figures."""
    file = LOGS / "steps.json"
    known = json.loads(file.read_text()) if file.is_file() else {}
    known[command] = {
        "seconds": round(seconds, 1),
        "machine_cpu_s": round(machine_cpu_s, 1),
        "cores": os.cpu_count(),
        "note": "cpu_s is that of a step's own processes, without its containers; machine_cpu_s is everything's, where nothing ran beside the step",
        "steps": known.get(command, {}).get("steps", {}) | by_name(results),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known, indent=2) + "\n")


def report(command: str, results: list[Result], left_out: list[str]) -> int:
    """Print the table and the verdict; return the exit code."""
    wide = max(len(result.name) for result in results)
    print(f"\n{'step':<{wide}}  seconds      CPU  machine  result")
    for result in results:
        machine = "" if result.machine_cpu_s is None else f"{result.machine_cpu_s:.0f}"
        print(f"{result.name:<{wide}}  {result.seconds:>7.1f}  {result.cpu_s:>7.0f}  {machine:>7}  {result.why or 'passed'}")
    print("CPU: seconds of the step's own processes, without its containers; machine: everything, where the step ran alone")
    ran = {result.name for result in results}
    silent = [name for name in scenarios_of(command) if not any(step == f"role {name}" or step.startswith(f"{name}:") for step in ran)]
    failed = [result for result in results if result.why]
    print(*elsewhere(command), sep="\n")
    if silent and not left_out:
        print(f"scenarios that were not run: {', '.join(silent)}")
    if left_out:
        print(f"left out: {', '.join(left_out)}")
    bad = len(failed) + (0 if left_out else len(silent))
    for result in failed:
        print(f"── {result.name}", *causes(Step(result.name, [])), sep="\n   ")
    print(f"{len(results) - len(failed)} passed, {bad} failed")
    return 1 if bad or stopping.is_set() else 0


def on_estate(steps: list[Step], one: Callable[[Step], Result]) -> list[Result]:
    """Run the steps of the estate, one after the other, as far as there is one."""
    results: list[Result] = []
    for step in steps:
        if stopping.is_set():
            break
        results.append(one(step))
        # Without a lab there is nothing to ask; a failed test must not hide what the next step says.
        if results[-1].why and step.name in (CREATE, SITE, DAYS):
            break
    return results


def in_turn(plan: Plan, chosen: list[Step]) -> list[Result]:
    """Run what must come before all others, the scenarios, the making of the estate with what runs beside it, its tests, and what comes last."""
    meanwhile, making, beside = ([step for step in steps if step in chosen] for steps in (plan.meanwhile, plan.making, plan.beside))
    with ThreadPoolExecutor(BESIDE) as lanes:
        others = [lanes.submit(run, step) for step in meanwhile]
        results = [(run if meanwhile else run_alone)(step) for step in plan.first if step in chosen]
        if any(step.name == CREATE for step in making):
            subprocess.run(["scripts/lab-down"], cwd=ROOT, check=True, capture_output=True)
        with ThreadPoolExecutor(TOGETHER) as pool:
            results += pool.map(run, [step for step in plan.together if step in chosen])
        others += [lanes.submit(run, step) for step in beside if not stopping.is_set()]
        made = on_estate(making, run if beside else run_alone)
        results += [*(each.result() for each in others), *made]
    if len(made) == len(making) and not any(result.why for result in made):
        results += on_estate([step for step in plan.estate if step in chosen], run_alone)
    return results + [run_alone(step) for step in plan.last if step in chosen and not stopping.is_set()]


def main() -> int:
    """Run, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=PLANS, help="what CI runs, or all the rest")
    parser.add_argument("steps", nargs="*", metavar="STEP", help="how names of steps begin, as 'role etcd' or estate; default: all")
    parser.add_argument("--list", action="store_true", help="show the steps, and what is not among them, and do nothing")
    arguments = parser.parse_args()
    plan = PLANS[arguments.command]()
    if arguments.list:
        print(*(step.name for step in plan.steps), "", *elsewhere(arguments.command), sep="\n")
        return 0
    chosen = [step for step in plan.steps if not arguments.steps or any(step.name.startswith(start) for start in arguments.steps)]
    if not chosen:
        parser.error(f"no such step: {', '.join(arguments.steps)}; there are: {', '.join(step.name for step in plan.steps)}")
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    os.environ.update({"ANSIBLE_FORCE_COLOR": "0", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"})
    for name in ("UNDE_SET", "UNDE_OVERLAY", "UNDE_IMAGE", "UNDE_CONNECTION"):
        os.environ.pop(name, None)
    threading.Thread(target=alive, daemon=True).start()
    began, busy = time.monotonic(), busy_s()
    results = in_turn(plan, chosen)
    keep(arguments.command, results, time.monotonic() - began, busy_s() - busy)
    print(f"\n{time.monotonic() - began:.0f} s in all", end="")
    done = {result.name for result in results}
    left_out = [step.name for step in plan.steps if step not in chosen] if arguments.steps else []
    return report(arguments.command, results, left_out) or int(any(step.name not in done for step in chosen))


if __name__ == "__main__":
    sys.exit(main())
