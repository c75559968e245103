"""A guard stands in the play that acts: no flag of Ansible's leaves it out. And every play says what needs root; what runs on the controller never does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import support

HOME = support.ROOT / "playbooks"
#: Where plays say themselves whether they need root.
SAY_BECOME = ("operate", "drills", "gates")
#: Those that act; one that only imports another, with its variables, is that one.
PLAYBOOKS = sorted(
    path for folder in ("operate", "drills") for path in (HOME / folder).glob("*.yml")
    if any("hosts" in play for play in yaml.safe_load(path.read_text(encoding="utf-8")))
)  # fmt: skip
TASKS = sorted([*(path for folder in ("operate", "drills", "gates") for path in (HOME / folder / "tasks").rglob("*.yml")), *(HOME / "guards").glob("*.yml"),
                *(support.ROOT / "roles").glob("*/tasks/*.yml"), *(support.ROOT / "roles").glob("*/handlers/*.yml")])

#: Every playbook: what is in none of the folders of tasks and variables.
CALLED = sorted(path for path in HOME.rglob("*.yml") if not {"tasks", "vars", "guards"} & set(path.relative_to(HOME).parts))
#: The first play of every playbook, and how operate and drills import it: what it refuses is an inventory without a host, where no limit leads.
ESTATE = HOME / "gates" / "estate.yml"
IMPORTED = {"name": "Check the inventory", "ansible.builtin.import_playbook": "../gates/estate.yml"}

#: What only judges, tells or counts, on the controller.
JUDGES = {"assert", "fail", "debug", "set_fact"}
PLAY_KEYS = {"name", "hosts", "become", "gather_facts", "any_errors_fatal", "vars", "vars_files", "diff", "environment", "tasks"}
TAGS_GUARD = {"name": "Refuse --tags and --skip-tags", "ansible.builtin.import_tasks": "../guards/tags.yml", "tags": "always"}
HOSTS_GUARD = "../../guards/hosts.yml"

#: What a user switches by -e, as text where it is not JSON: "false" is true unless it is said to be a switch.
SWITCHES = ("adopt", "anyway", "drill_may_be_unnamed", "matrix_listen", "guard_some", "unde_may_initialize", "unde_may_restart")
CONDITIONS = ("when", "that", "until", "failed_when", "changed_when")

Task = dict[str, Any]


def load(path: Path) -> Any:
    """Return what a YAML file has."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) or []


def label(path: Path) -> str:
    """Return a path as a test is called by it."""
    return str(path.relative_to(support.ROOT))


def flat(tasks: list[Task], become: Any = None) -> Iterator[tuple[Task, Any]]:
    """Give each task of a list, those in blocks included, with what it says of becoming root, itself or by its block."""
    for task in tasks:
        said = task.get("become", become)
        yield task, said
        for key in ("block", "rescue", "always"):
            yield from flat(task.get(key, []), said)


def action(task: Task) -> str:
    """Return what a task does, without its collection where that is Ansible's own."""
    return next((key.removeprefix("ansible.builtin.") for key in task if "." in key), "block")


def tasks_of(play: dict[str, Any]) -> list[Task]:
    """Return all that a play does, roles aside."""
    return [*play.get("pre_tasks", []), *play.get("tasks", []), *play.get("post_tasks", [])]


def expanded(path: Path) -> list[dict[str, Any]]:
    """Return the plays of a playbook and of those that it imports, in order."""
    plays: list[dict[str, Any]] = []
    for play in load(path):
        imported = play.get("ansible.builtin.import_playbook")
        plays += expanded((path.parent / imported).resolve()) if imported else [play]
    return plays


def local(play: dict[str, Any]) -> bool:
    """Return whether a play is on the controller."""
    return str(play["hosts"]) in ("localhost", "127.0.0.1")


def misplaced(plays: list[dict[str, Any]]) -> list[str]:
    """Return the plays that refuse on the controller what a later play does elsewhere: a limit to its hosts leaves the controller out."""
    return [
        play["name"] for number, play in enumerate(plays)
        if local(play) and play not in load(ESTATE)
        and any(action(task) in ("assert", "fail") for task, _ in flat(tasks_of(play))) and not all(local(later) for later in plays[number + 1:])
    ]


def misshapen(path: Path) -> list[str]:
    """Return how a playbook differs from the one shape in which no flag parts a guard from what it guards."""
    plays = load(path)
    if plays[:1] != [IMPORTED]:
        return ["it does not begin with the play that refuses an inventory without hosts"]
    if len(plays) != 2 or "hosts" not in plays[1]:
        return ["it is not one play: a limit or --start-at-task picks one of several"]
    play = plays[1]
    tasks = play.get("tasks", [])
    acts = tasks[-1] if tasks else {}
    return [
        *([] if play["hosts"] == "all" else ["hosts are not `all`: with a limit to others the play has no host, and nothing refuses"]),
        *(f"{key}: a play has no such key here" for key in sorted(set(play) - PLAY_KEYS)),
        *([] if len(tasks) == 2 and tasks[0] == TAGS_GUARD else ["its tasks are not the guard of tags and one that acts"]),
        *([] if set(acts) == {"name", "ansible.builtin.include_tasks"} else ["it does not act by one plain include, of which --start-at-task knows nothing"]),
        *([] if acts.get("ansible.builtin.include_tasks") == f"tasks/{path.name}" else [f"it does not act by tasks/{path.name}"]),
    ]


def unguarded(tasks: list[Task]) -> list[str]:
    """Return what is done before the guard of hosts, in the file by which a playbook acts."""
    before: list[str] = []
    for task in tasks:
        if task.get("ansible.builtin.include_tasks") == HOSTS_GUARD:
            conditional = [key for key in ("when", "loop", "tags", "ignore_errors") if key in task]
            return [*before, *(f"the guard has `{key}`" for key in conditional)]
        before += [f"{task['name']}: before the guard" for inner, _ in flat([task]) if action(inner) not in JUDGES]
    return [*before, "there is no guard of hosts"]


def on_controller(task: Task) -> bool:
    """Return whether a task runs, or may run, on the controller."""
    places = [str(task.get("delegate_to", "")), str(task.get("connection", "")), str((task.get("vars") or {}).get("ansible_connection", ""))]
    return any(re.search(r"localhost|127\.0\.0\.1|_caller\b|^local$", place) for place in places)


def rootless(task: Task, become: Any) -> bool:
    """Return whether a task says that it becomes root nowhere, or not where it runs on the controller."""
    return become is False or ("_caller" in str(task.get("delegate_to")) and "_caller != 'localhost'" in str(become))


def rooted(tasks: list[Task]) -> list[str]:
    """Return the tasks on the controller that do not say that they need no root there."""
    return [
        task["name"] for task, become in flat(tasks)
        if on_controller(task) and action(task) not in JUDGES and not rootless(task, become)
    ]


def strings(value: Any, condition: bool = False) -> Iterator[tuple[str, bool]]:
    """Give each string of a tree, with whether it is a condition."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(inner, key in CONDITIONS)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, condition)
    elif isinstance(value, str):
        yield value, condition


def unswitched(tree: Any) -> list[str]:
    """Return the expressions that take a switch as it is given, text or not."""
    switch = re.compile(rf"(?<![\w.'/-])(?:{'|'.join(SWITCHES)})\b(?!\s*=[^=])(?!')(?!(?:\s*\|\s*default\([^)]*\))?\s*\|\s*bool\b)")
    wrong = []
    for text, condition in strings(tree):
        wrong += [expression for expression in ([text] if condition else re.findall(r"{[{%].*?[%}]}", text, re.DOTALL)) if switch.search(expression)]
    return wrong


@pytest.mark.parametrize("path", CALLED, ids=label)
def test_nothing_is_refused_on_the_controller_that_is_done_elsewhere(path: Path) -> None:
    """In all playbooks."""
    assert misplaced(expanded(path)) == []


@pytest.mark.parametrize("path", PLAYBOOKS, ids=label)
def test_a_playbook_is_one_play_that_acts_by_one_include(path: Path) -> None:
    """What follows is in one file that is known only when it is reached: guards first."""
    assert misshapen(path) == []


@pytest.mark.parametrize("path", PLAYBOOKS, ids=label)
def test_what_acts_begins_with_its_guard(path: Path) -> None:
    """Nothing but judgement comes before the guard of hosts."""
    assert unguarded(load(path.parent / "tasks" / path.name)) == []


def test_the_guard_of_hosts_begins_with_that_of_tags() -> None:
    """Which --skip-tags always leaves out of the play itself."""
    assert load(HOME / "guards" / "hosts.yml")[0] == {"name": TAGS_GUARD["name"], "ansible.builtin.import_tasks": "tags.yml"}


@pytest.mark.parametrize("path", TASKS, ids=label)
def test_no_task_has_a_tag(path: Path) -> None:
    """A tag would be a way to run what stands behind a guard without it."""
    assert [task["name"] for task, _ in flat(load(path)) if "tags" in task] == []


@pytest.mark.parametrize("path", TASKS, ids=label)
def test_what_runs_on_the_controller_never_becomes_root(path: Path) -> None:
    """Whoever runs Ansible need not be root."""
    assert rooted(load(path)) == []


@pytest.mark.parametrize("path", sorted(path for folder in SAY_BECOME for path in (HOME / folder).glob("*.yml")), ids=label)
def test_every_play_says_whether_it_needs_root(path: Path) -> None:
    """On hosts that are come to as another user."""
    assert [play["name"] for play in load(path) if "hosts" in play and not local(play) and not isinstance(play.get("become"), bool)] == []


@pytest.mark.parametrize("path", [*PLAYBOOKS, *(path for path in TASKS if HOME in path.parents)], ids=label)
def test_a_switch_that_is_given_as_text_is_one(path: Path) -> None:
    """Whatever ``-e anyway=false`` says is meant."""
    assert unswitched(load(path)) == []


ELSEWHERE = """
- {name: Refuse, hosts: localhost, tasks: [{name: Know, ansible.builtin.assert: {that: yes_is_said}}]}
- {name: Act, hosts: all, tasks: [{name: Do, ansible.builtin.command: rm}]}
"""


def test_a_guard_that_stands_elsewhere_is_found(tmp_path: Path) -> None:
    """The tests above would see it."""
    file = tmp_path / "act.yml"
    file.write_text(ELSEWHERE)
    assert misplaced(expanded(file)) == ["Refuse"]
    assert misshapen(file)
    assert unguarded(tasks_of(load(file)[1])) == ["Do: before the guard", "there is no guard of hosts"]


@pytest.mark.parametrize(("text", "wrong"), [
    ("{name: a, ansible.builtin.stat: {path: x}, delegate_to: localhost}", ["a"]),
    ("{name: a, ansible.builtin.stat: {path: x}, connection: local, become: true}", ["a"]),
    ("{name: b, become: false, block: [{name: a, ansible.builtin.stat: {path: x}, vars: {ansible_connection: local}}]}", []),
])
def test_a_local_task_that_becomes_root_is_found(text: str, wrong: list[str]) -> None:
    """Also by its block."""
    assert rooted([yaml.safe_load(text)]) == wrong


@pytest.mark.parametrize(("condition", "found"), [
    ("not anyway | default(false) | bool", False), ("not anyway | default(false)", True), ("adopt == 'yes'", True), ("adopt|bool", False),
    ("adopt_ours == []", False), ("'drill' in groups", False), ("matrix_listen", True),
])
def test_a_switch_without_bool_is_found(condition: str, found: bool) -> None:
    """And nothing else."""
    assert bool(unswitched([{"name": "a", "when": condition}])) is found


@pytest.mark.parametrize("path", CALLED, ids=label)
def test_the_first_play_fails_where_there_is_no_host(path: Path) -> None:
    """Of every playbook that a user calls."""
    if path in (ESTATE, HOME / "gates" / "first_contact.yml", HOME / "gates" / "skipped_hosts.yml"):
        return
    assert expanded(path)[:1] == load(ESTATE)
