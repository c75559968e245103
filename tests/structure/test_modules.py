"""What a role does on a host is a module of the collection: documented, with a unit test that mirrors the tree."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import support

MODULES = sorted(path.stem for path in (support.ROOT / "plugins/modules").glob("*.py"))
#: A program that an interpreter is fed: `python3 -`, `python3 -c`, `python3 -B <a copied program>`, `sh -s`.
FED = re.compile(r"python3?['\"]?,? *['\"]?(-\B|-c\b|-B\b)|\b(ba)?sh['\"]?,? *['\"]?-s\b")
#: Modules whose unit tests are elsewhere, or only the scenario of their role tests them.
TESTED_ELSEWHERE: set[str] = set()
#: What changes the process, and so the next module where one interpreter serves a host.
LEAVES = {
    "os.umask", "os.chdir", "os.putenv", "os.environ.update", "os.environ.setdefault", "os.environ.pop",
    "signal.signal", "socket.setdefaulttimeout", "locale.setlocale",
}  # fmt: skip
CACHES = re.compile(r"(functools\.)?(lru_)?cache\b.*")
#: Functions that put back what they change, and those whose result is kept and holds for ever (conntrack.py).
PUTS_BACK, HOLDS = {"usual_umask"}, {"network"}


def tasks(found: Any) -> Iterator[dict[str, Any]]:
    """Yield the tasks of a file, those in blocks and plays among them."""
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict):
            inner = [part for key in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers") for part in each.get(key) or []]
            yield from tasks(inner) if inner else [each]


def feeds(task: dict[str, Any]) -> bool:
    """Tell whether a task feeds a program to an interpreter."""
    action = next((value for key, value in task.items() if re.fullmatch(r"ansible\.builtin\.(command|shell)", key)), None)
    return action is not None and FED.search(str(action)) is not None


def reads(task: dict[str, Any]) -> bool:
    """Tell whether what a program prints says whether a task has changed something."""
    return re.search(r"std(out|err)", str(task.get("changed_when"))) is not None


def counted(found: Callable[[dict[str, Any]], bool]) -> dict[str, int]:
    """Return how many tasks of each role and folder of playbooks are such."""
    count: Counter[str] = Counter()
    files = [*(support.ROOT / "roles").rglob("*.yml"), *(support.ROOT / "playbooks").rglob("*.yml")]
    for file in files:
        parts = file.relative_to(support.ROOT).parts
        if parts[0] == "roles" and parts[2] not in ("tasks", "handlers"):
            continue
        count["/".join(parts[:2])] += sum(found(task) for task in tasks(yaml.safe_load(file.read_text(encoding="utf-8"))))
    return {place: number for place, number in count.items() if number}


def test_nothing_is_fed_to_an_interpreter() -> None:
    assert counted(feeds) == {}


def test_no_task_reads_from_a_program_whether_it_has_changed_something() -> None:
    assert counted(reads) == {}


@pytest.mark.parametrize(("condition", "found"), [
    ("made.stdout != ''", True), ("\"'is written' in made.stderr\"", True), (["made.rc == 0", "'\"changed\": true' in made.stdout"], True),
    ("(made.stdout | from_json).changed | length > 0", True), (False, False), ("made.rc == 0", False), ("made.actions | length > 0", False),
])  # fmt: skip
def test_what_is_read_is_found(condition: Any, found: bool) -> None:
    [task] = tasks([{"block": [{"name": "a", "ansible.builtin.command": "a", "failed_when": "made.stderr != ''", "changed_when": condition}]}])
    assert reads(task) is found


def test_what_is_fed_is_found(tmp_path: Path) -> None:
    for words in (["/usr/bin/python3", "-", "{}"], ["python3", "-c", "print()"], ["python3", "-B", "/usr/local/lib/x.py"], ["sh", "-s"]):
        assert FED.search(str({"argv": words})), words
    for words in (["systemctl", "restart", "python3-app"], ["bash", "-c", "true"], ["/usr/local/sbin/unde-firewall", "tick"]):
        assert not FED.search(str({"argv": words})), words


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_its_unit_test(name: str) -> None:
    """What an action does on the control node is tested as an action."""
    kind = "action" if (support.ROOT / f"plugins/action/{name}.py").is_file() else "modules"
    there = (support.ROOT / f"tests/unit/plugins/{kind}/test_{name}.py").is_file()
    assert there is not (name in TESTED_ELSEWHERE), name


def test_every_module_is_documented() -> None:
    said = support.run("ansible-doc", "-t", "module", "--json", *(f"unde.infra.{name}" for name in MODULES))
    assert said.returncode == 0, said.stderr
    documented = json.loads(said.stdout)
    assert sorted(documented) == [f"unde.infra.{name}" for name in MODULES]
    for name, found in documented.items():
        assert {"check_mode", "diff_mode"} <= set(found["doc"]["attributes"]), name
        assert found["examples"].strip(), name
        assert found["return"], name
        for option, each in found["doc"]["options"].items():
            assert each.get("description"), (name, option)


def test_no_name_is_an_underscore() -> None:
    """``ansible-test sanity`` refuses it (pylint's disallowed-name): others' modules mean gettext by it. Here it is seen in seconds."""
    found = [
        f"{path.relative_to(support.ROOT)}:{node.lineno}" for path in sorted((support.ROOT / "plugins").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == "_"
    ]  # fmt: skip
    assert found == []


def left_behind(node: ast.AST, *, shared: bool, within: str = "") -> Iterator[str]:
    """Yield what a module, or what several share, would leave behind in the process; ``main`` of what is shared is a program's, with a process of its own."""
    if isinstance(node, ast.FunctionDef):
        if node.name in PUTS_BACK or (shared and node.name == "main"):
            return
        within = node.name
        if node.name not in HOLDS and any(CACHES.fullmatch(ast.unparse(each)) for each in node.decorator_list):
            yield f"{node.name} is cached"
    elif isinstance(node, ast.Global):
        yield f"global {', '.join(node.names)}"
    elif isinstance(node, ast.Call):
        if ast.unparse(node.func) in LEAVES:
            yield ast.unparse(node)
    elif isinstance(node, (ast.Assign, ast.Delete)):
        yield from (ast.unparse(node) for target in node.targets if ast.unparse(target).startswith("os.environ"))
    elif isinstance(node, ast.ExceptHandler) and shared and not within and "ImportError" in ast.unparse(node):
        yield "whether a library is there is asked once"
    for inner in ast.iter_child_nodes(node):
        yield from left_behind(inner, shared=shared, within=within)


def test_a_module_leaves_nothing_behind_in_its_process() -> None:
    """Where one interpreter serves a host, the next module would find it: scripts/environment, `quick`."""
    places = [(file, False) for file in (support.ROOT / "plugins/modules").glob("*.py")]
    places += [(file, True) for file in (support.ROOT / "plugins/module_utils").rglob("*.py")]
    assert [(file.name, found) for file, shared in places for found in left_behind(ast.parse(file.read_text(encoding="utf-8")), shared=shared)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.umask(0)", "def run():\n    os.environ['LC_ALL'] = 'C'", "import os\ndel os.environ['X']", "def f():\n    global kept\n    kept = 1",
        "try:\n    import yaml\nexcept ImportError:\n    yaml = None", "@functools.lru_cache(1)\ndef f():\n    return 1", "@cache\ndef f():\n    return 1",
    ],
)  # fmt: skip
def test_what_is_left_behind_is_found(text: str) -> None:
    assert len(list(left_behind(ast.parse(text), shared=True))) == 1
