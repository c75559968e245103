"""Which room may import which: model ← plan ← checks ← survive ← reports ← cli, drills ← reports, in no circle; nothing of the generator knows Ansible."""

from __future__ import annotations

import ast
import graphlib
import re
from pathlib import Path

import pytest

import support

PACKAGE = support.ROOT / "generator" / "unde"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

#: Room → the rooms whose modules it may import, itself included.
ROOMS = {
    "errors": {"errors"},
    "model": {"errors", "model"},
    "plan": {"errors", "model", "plan"},
    "checks": {"errors", "model", "plan", "checks"},
    "survive": {"errors", "model", "plan", "checks", "survive"},
    "diff": {"errors", "model", "plan", "diff"},
    "drills": {"errors", "drills"},
    "contact": {"errors", "model", "diff", "contact"},
    "reports": {"errors", "model", "plan", "checks", "survive", "diff", "drills", "reports"},
    "cli": {"errors", "model", "plan", "checks", "survive", "diff", "drills", "reports", "__init__", "cli"},
    "__main__": {"cli"},
    #: The stages, from the file to the inventory.
    "__init__": {"errors", "model", "plan", "checks"},
}
STATEMENTS_AT_MOST = 280  #: of one module; a larger one holds more than one idea (the schema is the largest)


def imported(module: Path) -> set[str]:
    """Return the full names of everything that a module imports, inside functions too."""
    package = ("unde", *module.parts[:-1])
    names = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [base, node.module]))
            names |= {f"{origin}.{alias.name}" for alias in node.names}
    return names


def room(name: str) -> str:
    """Return the room of a dotted name below ``unde``."""
    part = name.split(".")[1]
    return part if part in ROOMS else "__init__"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_imports_only_what_stands_before_it(module: Path) -> None:
    """No import goes back along the line of rooms."""
    own = module.parts[0].removesuffix(".py")
    assert own in ROOMS, f"{own} is a room that this test does not know: say what it may import"
    allowed = ROOMS[own]
    wrong = {name for name in imported(module) if name.split(".")[0] == "unde" and room(name) not in allowed}
    assert not wrong
    foreign = {name for name in imported(module) if name.split(".")[0] in ("ansible", "molecule", "support")}
    assert not foreign


def test_no_modules_import_each_other() -> None:
    """No import leads back to where it began, by however many others, within a room neither; one inside a function or for types alone counts too."""
    modules = {".".join(("unde", *module.with_suffix("").parts)).removesuffix(".__init__"): module for module in MODULES}
    # Who names a thing of a module imports the module.
    imports = {
        name: {near for each in imported(module) if (near := each if each in modules else each.rpartition(".")[0]) in modules} - {name}
        for name, module in modules.items()
    }
    assert sum(map(len, imports.values())) > len(modules), "hardly an import was found"
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"they import each other: {' ← '.join(error.args[1])}")


#: What the stages are made of: whoever needs the estate of a file, or its inventory, asks for the stage (unde/__init__.py).
MADE_OF = ("source.load", "lay_over", "assign", "typed", "expand", "inventory.build", "checks.run", "checks.refuse_errors")


@pytest.mark.parametrize("folder", ["generator/unde/cli", "plugins", "tests", "bench", "scripts", "molecule"])
def test_nobody_strings_the_stages_together(folder: str) -> None:
    """The inventory plugin, the commands, the tests and the lab call the package's public stages, and nothing behind them."""
    behind = re.compile(rf"\b(?:{'|'.join(map(re.escape, MADE_OF))})\(|from [\w.]+ import .*\b(?:lay_over|expand|typed|refuse_errors as)\b")
    files = [path for path in (support.ROOT / folder).rglob("*.py") if path != Path(__file__)]
    assert files
    found = {
        f"{path.relative_to(support.ROOT)}: {line.strip()}"
        for path in files for line in path.read_text(encoding="utf-8").splitlines() if behind.search(line)
    }
    assert not found


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_is_small(module: Path) -> None:
    """A module has one idea: so many statements at most."""
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    assert sum(isinstance(node, ast.stmt) for node in ast.walk(tree)) <= STATEMENTS_AT_MOST


def test_the_plan_is_pure() -> None:
    """Nothing in model, checks, plan, survive and drills reads the clock or the environment; only secrets are random; only the reader opens files."""
    impure = {"time", "random", "os", "subprocess", "socket", "secrets"}
    for module in MODULES:
        if module.parts[0] in ("model", "checks", "plan", "survive", "drills"):
            names = {name.split(".")[0] for name in imported(module)} & impure
            assert names <= ({"secrets"} if module == Path("plan/secrets.py") else set()), module
            tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
            assert not [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow")], module


def test_the_plugin_is_a_small_adapter() -> None:
    """The inventory plugin derives nothing: it imports no address arithmetic and stays small."""
    text = (support.ROOT / "plugins" / "inventory" / "layout.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert "netaddr" not in text
    assert sum(isinstance(node, ast.stmt) for node in ast.walk(tree)) <= STATEMENTS_AT_MOST
