"""Every fragment of the changelog is one that antsibull-changelog takes at a release, and CHANGELOG.md holds what it has written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import support

CHANGELOGS = support.ROOT / "changelogs"
CONFIG: dict[str, Any] = yaml.safe_load((CHANGELOGS / "config.yaml").read_text(encoding="utf-8"))
SECTIONS = {section for section, _ in CONFIG["sections"]} | {CONFIG["trivial_section_name"]}
PRELUDE = CONFIG["prelude_section_name"]
FRAGMENTS = {path.name: path.read_text(encoding="utf-8") for path in sorted((CHANGELOGS / "fragments").iterdir())}
#: RST's literal has two; what stands between single ones means something else to it.
SINGLE = re.compile(r"(?<!`)`(?!`)[^`]*`(?!`)")


def faults(text: str) -> list[str]:
    """Return what is wrong with a fragment."""
    fragment = yaml.safe_load(text)
    if not isinstance(fragment, dict) or not fragment:
        return ["no mapping of sections"]
    found = [f"{key}: no such section ({', '.join(sorted(SECTIONS))})" for key in fragment if key not in {*SECTIONS, PRELUDE}]
    for section, entries in fragment.items():
        if section == PRELUDE:
            found += [] if isinstance(entries, str) and entries.strip() else [f"{section}: is one text"]
        elif not (isinstance(entries, list) and entries and all(isinstance(entry, str) and entry.strip() for entry in entries)):
            found.append(f"{section}: is a list of texts")
    return found + [f"{match[0]}: a literal stands between two backticks" for match in SINGLE.finditer(text)]


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_is_one(name: str) -> None:
    assert Path(name).suffix in (".yml", ".yaml")
    assert faults(FRAGMENTS[name]) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("bugfix: [A word]", "bugfix: no such section"),
        ("bugfixes: A word", "bugfixes: is a list of texts"),
        ("bugfixes: []", "bugfixes: is a list of texts"),
        ("bugfixes: [{role etcd: no text}]", "bugfixes: is a list of texts"),
        ("release_summary: [A word]", "release_summary: is one text"),
        ("- A word", "no mapping of sections"),
        ("", "no mapping of sections"),
        ("bugfixes: ['`unde check` sees it']", "`unde check`: a literal stands between two backticks"),
    ],
)
def test_a_fault_is_found(text: str, fault: str) -> None:
    assert [each for each in faults(text) if each.startswith(fault)], faults(text)


def test_a_release_has_one_summary() -> None:
    assert sum(PRELUDE in yaml.safe_load(text) for text in FRAGMENTS.values()) <= 1


def test_nobody_writes_the_changelog_by_hand() -> None:
    """Its releases are those of changelogs/changelog.yaml, which a release writes."""
    headings = re.findall(r"^## v?([\d.\\]+)", (support.ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    data = CHANGELOGS / CONFIG["changes_file"]
    released = yaml.safe_load(data.read_text(encoding="utf-8"))["releases"] if data.is_file() else {}
    assert {heading.replace("\\", "") for heading in headings} == set(released)
