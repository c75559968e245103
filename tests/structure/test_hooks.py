"""What pre-commit calls is there: the project's own tools, those that `make lint` runs, on files that exist."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import support

CONFIG: dict[str, Any] = yaml.safe_load((support.ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for repository in CONFIG["repos"] for hook in repository["hooks"]}
#: pre-commit's own names for what a file is (its package `identify`), as far as they are used here.
TYPES = {"python": ".py", "yaml": ".yml"}
FILES = support.run("git", "ls-files").stdout.splitlines()


def test_nothing_is_fetched() -> None:
    """Each hook is local and calls what is on this machine."""
    assert {repository["repo"] for repository in CONFIG["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS.values()} == {"system"}
    assert sum(len(repository["hooks"]) for repository in CONFIG["repos"]) == len(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_can_run(hook: str) -> None:
    """By the one script that finds the tools; the tool is installed with the project's tests, and its files are some."""
    assert (
        {"id", "name", "entry", "language", "types"}
        <= set(HOOKS[hook])
        <= {"id", "name", "entry", "language", "types", "files", "pass_filenames", "require_serial"}
    )
    script, program, *_ = HOOKS[hook]["entry"].split()
    assert os.access(support.ROOT / script, os.X_OK)
    assert shutil.which(program, path=str(Path(sys.executable).parent)), f"{program} is not in the virtual environment"
    extras = tomllib.loads((support.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]["test"]
    assert {re.split(r"[^\w-]", each)[0] for each in extras} >= {program, "pre-commit"}
    wanted = re.compile(HOOKS[hook].get("files", ""))
    suffixes = {TYPES[each] for each in HOOKS[hook]["types"]}
    assert any(wanted.search(name) and Path(name).suffix in suffixes for name in FILES), "no file is ever read"


def tool(command: str) -> str:
    """Return what a command runs, for ruff with what it is asked."""
    words = command.split()
    return " ".join(words[: 2 if words[0] == "ruff" else 1])


def test_what_a_hook_says_make_lint_says() -> None:
    """Nobody is held up by a hook that the proof does not know, nor let through by one that is missing; scripts/sanity is for a whole collection."""
    lint = (support.ROOT / "scripts/lint").read_text(encoding="utf-8")
    run = {tool(command) for command in re.findall(r"^run (\w.*)$", lint, re.MULTILINE)}
    assert {tool(hook["entry"].removeprefix("scripts/hook ")) for hook in HOOKS.values()} == run - {"scripts/sanity"}
