"""Golden pairs: each folder beside this file is a change of ``base.yml`` with what comes of it, to the byte.

``invalid/<case>/expected.txt`` is what ``unde check`` says, and its exit code; ``valid/<case>/expected.json`` is every
listing. ``pytest tests/golden --update-golden`` writes them anew: read the difference before you keep it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

import unde
from unde import checks
from unde.reports.listings import LISTINGS

Said = Callable[..., tuple[str, str, int]]
HERE = Path(__file__).parent
INVALID = sorted(path.name for path in (HERE / "invalid").iterdir() if path.is_dir())
VALID = sorted(path.name for path in (HERE / "valid").iterdir() if path.is_dir())


def compare(file: Path, text: str, update: bool) -> None:
    """Compare a golden file with what came, or write it."""
    if update:
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("case", INVALID)
def test_invalid(case: str, said: Said, update_golden: bool) -> None:
    """What is wrong is refused with its file, line, path and fix."""
    out, err, code = said("check", "base.yml", "--overlay", f"invalid/{case}/overlay.yml", cwd=HERE)
    assert code in (1, 2) or out.startswith("WARNING ")
    compare(HERE / "invalid" / case / "expected.txt", f"{out}{err}exit {code}\n", update_golden)


@pytest.mark.parametrize("case", VALID)
def test_valid(case: str, update_golden: bool) -> None:
    """What is right gives exactly this plan."""
    overlay = HERE / "valid" / case / "overlay.yml"
    estate = unde.estate(unde.load(HERE / "base.yml", overlay if overlay.exists() else None))
    assert unde.check(estate) == []
    expected = {name: rows(estate) for name, rows in LISTINGS.items()}
    compare(HERE / "valid" / case / "expected.json", json.dumps(expected, indent=1, ensure_ascii=False) + "\n", update_golden)


def test_what_ansible_is_told(update_golden: bool) -> None:
    """The base estate's groups and variables, all of them."""
    estate = unde.estate(unde.load(HERE / "base.yml"))
    text = json.dumps(asdict(unde.inventory(estate)), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    compare(HERE / "inventory.json", text, update_golden)


#: What the schema and the reading of YAML call their findings; the rest are rules of ``checks`` and of the expansion.
OTHER_RULES = {
    "secret-in-layout", "schema-unknown-key", "schema-missing-key", "schema-value", "yaml-duplicate-key", "yaml-not-as-written",
    "reference-pool", "pool-exhausted", "name-taken", "slot-beyond",
}


def test_every_rule_has_a_golden_pair() -> None:
    """No rule is without an example that breaks it, and no example names a rule that is gone."""
    named = {line.split()[1] for case in INVALID for line in (HERE / "invalid" / case / "expected.txt").read_text("utf-8").splitlines()
             if line.startswith(("ERROR ", "WARNING ")) and " — " in line}
    assert named == set(checks.RULES) | OTHER_RULES


def test_findings_as_json(said: Said) -> None:
    """The objects have exactly the contract's fields, and stdout holds nothing else."""
    out, err, code = said("check", "base.yml", "--overlay", "invalid/several-at-once/overlay.yml", "--format", "json", cwd=HERE)
    rows = json.loads(out)
    said_in_lines = (HERE / "invalid" / "several-at-once" / "expected.txt").read_text("utf-8").count(" — ") // 2
    assert (len(rows), code, err) == (said_in_lines, 1, "")
    assert all(list(row) == ["level", "rule", "file", "line", "path", "message", "fix"] for row in rows)
    assert {row["file"] for row in rows} == {"base.yml", "invalid/several-at-once/overlay.yml"}
    assert {(row["path"], row["line"]) for row in rows} >= {("hosts.cache.address", 33), ("hosts.cache.site", 3)}


def test_a_sound_layout(said: Said) -> None:
    """Exit code 0, nothing on stdout but an empty list."""
    assert said("check", "base.yml", "--format", "json", cwd=HERE) == ("[]\n", "", 0)


@pytest.mark.parametrize("command", [["check"], ["plan", "hosts"], ["plan", "cost", "--format", "json"]])
def test_an_unreadable_file(command: list[str], said: Said) -> None:
    """Exit code 2 and one line."""
    out, err, code = said(*command, "no-such.yml", cwd=HERE)
    assert (out, err, code) == ("", "ERROR no-such.yml: cannot be read: No such file or directory\n", 2)


def test_a_plan_of_an_invalid_layout(said: Said) -> None:
    """Exit code 1, the findings on stderr, no plan."""
    out, err, code = said("plan", "hosts", "base.yml", "--overlay", "invalid/several-at-once/overlay.yml", cwd=HERE)
    assert (out, code) == ("", 1)
    assert {line.split()[0] for line in err.splitlines()} == {"ERROR"}
    assert len(err.splitlines()) >= 5
