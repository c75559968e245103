"""Where a unit test stands: tests/unit mirrors the tree, so that what is tested of a program is found by the program's own path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import support

UNIT = support.ROOT / "tests/unit"
FILES = sorted(str(path.relative_to(UNIT)) for path in UNIT.rglob("test_*.py"))
#: Tests of what a folder's programs do together, whatever the program.
TOGETHER = {
    ".": {"fuzz", "growth", "robustness"},
    "checks": {"planted_faults", "sound_layouts"},
    "cli": {"failures", "terminal"},
    "roles": {"lost_hosts", "vault"},
}


def mirrored(folder: str) -> Path:
    """Return what a folder of unit tests mirrors: a package of the generator, or a folder at the top of the checkout."""
    package = support.ROOT / "generator/unde" / folder
    return package if package.is_dir() else support.ROOT / folder


def programs(folder: str) -> set[str]:
    """Return what tests in a folder may be named after: the folder itself, its packages and its programs; of a role all programs, wherever they stand in it."""
    place = mirrored(folder)
    found = place.rglob("*") if folder.startswith("roles/") else place.glob("*")
    names = {place.name, *(path.stem for path in found if path.name[:1] not in "._")}
    return {re.sub(r"\W", "_", name) for name in names} | TOGETHER.get(folder, set())


@pytest.mark.parametrize("file", FILES)
def test_it_stands_where_its_program_stands(file: str) -> None:
    """tests/unit/plan/test_routes.py is about generator/unde/plan/routes.py, tests/unit/plugins/filter/test_gates.py about plugins/filter/gates.py."""
    folder, name = str(Path(file).parent), Path(file).stem.removeprefix("test_")
    assert mirrored(folder).is_dir(), f"tests/unit/{folder} mirrors no folder of programs"
    assert name in programs(folder), f"no program of {mirrored(folder).relative_to(support.ROOT)} is named {name}: move the test to where its program stands"


def test_what_is_said_of_folders_is_true() -> None:
    """A test of a folder that is gone leaves the table too."""
    for folder, names in TOGETHER.items():
        assert {f"test_{name}.py" for name in names} <= {path.name for path in (UNIT / folder).glob("*.py")}, folder
