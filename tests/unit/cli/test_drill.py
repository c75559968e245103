"""``unde drill``: its exit codes, what goes where, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import simulated
from simulated import Setting

Said = Callable[..., tuple[str, str, int]]
SHORT = Setting(before=2, outage=17, after=2, workers=1)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder with a run that held, one that lost a write, and one that cannot be judged."""
    for name in ("held", "lost", "torn"):
        made = simulated.simulated(SHORT)
        made.run["name"] = name
        if name == "lost":
            row = made.lines("after.jsonl", "row")[5]
            made.drop("before", row["user"], row["number"])
            made.drop("after", row["user"], row["number"])
        if name == "torn":
            made.files["before.jsonl"].pop()
        made.write(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(("name", "code"), [("held", 0), ("lost", 1), ("torn", 2), ("nowhere", 2)])
def test_exit_codes(name: str, code: int, runs: Path, said: Said) -> None:
    """0: all held, 1: something is broken, 2: it cannot be judged; the verdict stands on stderr."""
    out, err, got = said("drill", "report", runs / name)
    assert got == code
    assert (out != "") == (code < 2)
    assert {0: "held: nothing is broken", 1: "BROKEN: 1 rule broken", 2: "ERROR "}[code] in err


def test_json_alone_on_stdout_and_kept(runs: Path, said: Said) -> None:
    """What it prints is what the other two gather; runs without a report are named with the command that makes one."""
    for name in ("held", "lost"):
        out, _, _ = said("drill", "report", runs / name, "--format", "json", "--html", runs / name / "report.html")
        (runs / name / "report.json").write_text(out, encoding="utf-8")
        assert [row["name"] for row in json.loads(out)] == [name]
        assert (runs / name / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    out, err, code = said("drill", "history", runs, "--format", "json", "--html", runs / "history.html")
    assert {row["name"]: row["held"] for row in json.loads(out)} == {"held": True, "lost": False}
    assert code == 1
    assert "2 reports" in err
    assert f"unde drill report {runs / 'torn'}" in err
    assert 'href="lost/report.html"' in (runs / "history.html").read_text(encoding="utf-8")
    assert said("drill", "history", runs / "held")[2] == 0
    newer = json.loads((runs / "held" / "report.json").read_text(encoding="utf-8"))
    newer[0] |= {"name": "newer", "began": "2100-01-01T00:00:00Z"}
    (runs / "torn" / "report.json").write_text(json.dumps(newer), encoding="utf-8")
    assert said("drill", "history", runs)[2] == 0, "the latest run under the condition held"
    (runs / "torn" / "report.json").unlink()
    out, err, code = said("drill", "measured", runs, "--output", runs / "measured.md")
    assert (out, code) == ("", 0)
    assert "| host of the primary lost | 120 | 0 | 2 |" in (runs / "measured.md").read_text(encoding="utf-8")
    out, _, code = said("drill", "measured", runs, "--format", "json")
    [row] = [row for row in json.loads(out) if row["n"]]
    assert (row["name"], row["n"], row["broken"], row["lost_after"]) == ("host-lost 120 ms 0 %", 2, 1, 1)


@pytest.mark.parametrize(
    "words", [["measured", "{}", "--html", "x.html"], ["report", "{}", "-o", "x.md"], ["history", "{}", "-o", "x.md"], ["report", ""],
              ["report", "{}", "--html", ""], ["history", "{}/nowhere"], ["measured", "{}/nowhere"]],
)
def test_what_it_cannot_do(words: list[str], tmp_path: Path, said: Said) -> None:
    """One line, and nothing is written."""
    out, err, code = said("drill", *(word.format(tmp_path) for word in words), cwd=tmp_path)
    assert (out, code, len(err.splitlines())) == ("", 2, 1)
    assert err.startswith("ERROR ")
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written(runs: Path, said: Said) -> None:
    out, err, code = said("drill", "report", runs / "held", "--html", runs / "no" / "x.html")
    assert (out, code) == ("", 2)
    assert str(runs / "no" / "x.html") in err
