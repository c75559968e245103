"""What the tests share: where things are, layouts from plain data, and the commands as a user calls them."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import unde as package
from unde.model import Estate, Source

ROOT = Path(__file__).resolve().parents[1]
LAYOUT = ROOT / "inventory" / "layout.yml"


def shipped() -> dict[str, Any]:
    """Return the shipped layout as plain data, a copy to change at will."""
    return package.load(LAYOUT).data


def merged(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return plain data with changes laid over it, as an overlay would."""
    return package.load(Source("layout.yml", data, {}), Source("overlay.yml", copy.deepcopy(changes), {})).data


def estate_of(data: dict[str, Any]) -> Estate:
    """Return the estate of plain data."""
    return package.estate(Source("layout.yml", data, {}))


def estate(overlaid: dict[str, Any] | None = None, file: Path = LAYOUT) -> Estate:
    """Return the estate of a layout file with plain data laid over it; errors of the checks are errors here."""
    overlay = Source("overlay.yml", copy.deepcopy(overlaid), {}) if overlaid else None
    sound = package.estate(package.load(file, overlay))
    package.refuse_errors(sound)
    return sound


def run(*command: str | Path, cwd: Path = ROOT, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, with the tools that stand beside this Python first on the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    quiet = {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true", "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "generator"), **quiet, "PATH": path, **environment},
    )


def unde(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command ``unde``."""
    return run(sys.executable, "-m", "unde", *arguments, **options)


def inventory(*arguments: str | Path, **options: Any) -> dict[str, Any]:
    """Return what ``ansible-inventory --list`` says."""
    done = run("ansible-inventory", *arguments, "--list", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
