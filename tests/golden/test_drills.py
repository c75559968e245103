"""Golden reports: the run that docs/drills.md shows, and the same with a write that is lost in the end; as a table, JSON and pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import simulated

Said = Callable[..., tuple[str, str, int]]
HERE = Path(__file__).parent / "drills"


def spoil(folder: Path) -> None:
    """Have the write that was lost stay lost."""
    file = folder / "after.jsonl"
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if '"number": 1,' not in line]
    file.write_text("\n".join(lines).replace('"lines": 3', '"lines": 2') + "\n", encoding="utf-8")


@pytest.mark.parametrize(("case", "code"), [("held", 0), ("lost", 1)])
def test_reports(case: str, code: int, said: Said, tmp_path: Path, update_golden: bool) -> None:
    """What is said is what was written down."""
    folder = simulated.documented(tmp_path / "run")
    if case == "lost":
        spoil(folder)
    table, err, _ = said("drill", "report", folder)
    made, _, got = said("drill", "report", folder, "--format", "json", "--html", folder / "report.html")
    assert (got, json.loads(made)[0]["held"]) == (code, code == 0)
    (folder / "report.json").write_text(made, encoding="utf-8")
    said("drill", "history", tmp_path, "--html", tmp_path / "history.html")
    written = {
        "report.txt": table + err.replace(str(tmp_path), "."), "report.json": made, "report.html": (folder / "report.html").read_text(encoding="utf-8"),
        "history.html": (tmp_path / "history.html").read_text(encoding="utf-8"),
    }
    for name, text in written.items():
        expected = HERE / case / name
        if update_golden:
            expected.parent.mkdir(exist_ok=True)
            expected.write_text(text, encoding="utf-8")
        assert text == expected.read_text(encoding="utf-8"), name
