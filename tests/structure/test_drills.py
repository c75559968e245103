"""A fault that drills inject is told in one table, has its files of tasks, a place that is known, and is known to what judges it."""

from __future__ import annotations

import re

import yaml
from ansible_collections.unde.infra.plugins.filter.drills import PLACES

import support
from unde.drills.faults import FAULTS

DRILLS = support.ROOT / "playbooks/drills"
TABLE = yaml.safe_load((support.ROOT / "playbooks/vars/drill.yml").read_text(encoding="utf-8"))["drill_faults"]


def test_each_fault_has_its_tasks_a_place_and_a_name_that_the_judge_knows() -> None:
    folders = {path.name: sorted(file.name for file in path.iterdir()) for path in (DRILLS / "tasks/faults").iterdir()}
    assert folders == {each.get("tasks", name): ["inject.yml", "mend.yml"] for name, each in TABLE.items()}
    assert set(TABLE) <= set(FAULTS)
    assert {each["at"] for each in TABLE.values()} == set(PLACES)


def test_each_fault_is_in_the_page() -> None:
    page = (support.ROOT / "docs/drills.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \| `([a-z-]+)` \|", page, re.MULTILINE) == [(name, each["at"]) for name, each in TABLE.items()]


def test_a_fault_is_judged_by_what_is_foretold_or_by_a_bound() -> None:
    assert [name for name, each in TABLE.items() if ("loses" in each) == ("bounds" in each)] == []
