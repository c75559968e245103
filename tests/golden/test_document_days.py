"""The document's rollout against ours: every row of it has its day, with the hosts that it names, a playbook, a gate and a way back."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
from unde.model import Estate

DAYS = support.ROOT / "playbooks" / "days"
GATES: list[dict[str, Any]] = yaml.safe_load((support.ROOT / "playbooks/gates/vars/gates.yml").read_text(encoding="utf-8"))["gates"]
with (Path(__file__).parent / "document" / "rollout.csv").open(encoding="utf-8", newline="") as table:
    ROWS = {int(row["День"]): row["Что"] for row in csv.DictReader(table)}

#: Words of a row → hosts of ours, where a row does not name them as we do.
MEANT = {
    "Helsinki GW": ["helsinki-gw"], "Monitoring": ["monitoring"], "Staging DB": ["staging-db"], "Collage Server": ["collage"],
    "Recognition pipeline": ["recognition"], "Patroni + etcd (3 ноды)": ["local-etcd-1", "etcd-2", "etcd-3"],
}
#: Days of the document that build no host.
WITHOUT_HOSTS = {6, 8, 15}


def named(row: str, estate: Estate) -> set[str]:
    """Return the hosts that a row of the rollout names."""
    words = row.lower().replace(" ", "-")
    hosts = {name for name in estate.hosts if re.search(rf"(?<![a-z0-9-]){re.escape(name)}(?![a-z0-9-]|$)", words + "+") or f"-{name}-" in f"-{words}-"}
    return hosts | {host for phrase, meant in MEANT.items() if phrase in row for host in meant}


@pytest.mark.parametrize("day", ROWS)
def test_every_row_has_its_day(day: int, estate: Estate) -> None:
    """The hosts that the row names are built or adopted on that day."""
    assert day in estate.layout.rollout.days
    hosts = {name for name in named(ROWS[day], estate) if estate.hosts[name].kind.day == day}
    assert bool(hosts) != (day in WITHOUT_HOSTS), f"day {day}: '{ROWS[day]}'"
    for phrase, meant in MEANT.items():
        if phrase in ROWS[day]:
            assert set(meant) <= hosts, phrase


@pytest.mark.parametrize("day", ROWS)
def test_every_day_has_its_playbook_its_gate_and_its_way_back(day: int) -> None:
    """The playbook begins with the gates of the days that it needs, and ends with its own."""
    [file] = DAYS.glob(f"day_{day:02d}_*.yml")
    text = file.read_text(encoding="utf-8")
    plays = yaml.safe_load(text)
    assert re.search(r"^# Way back: .{20,}", text, re.MULTILINE)
    assert plays[-1]["ansible.builtin.import_playbook"] == "../gates/of_days.yml"
    assert plays[-1]["vars"] == {"gate_days": [day]}
    if day > 1:
        assert plays[0]["ansible.builtin.import_playbook"] == "../gates/of_days.yml"
        assert plays[0]["vars"] == {"gate_day_begins": day}
    mine = [gate for gate in GATES if gate["day"] == day]
    assert mine
    for gate in mine:
        tasks = yaml.safe_load((support.ROOT / f"playbooks/gates/tasks/{gate['name']}.yml").read_text(encoding="utf-8"))
        assert not {"gate_key", "gate_results"} & {task.get("register") for task in tasks}, f"{gate['name']}: a name of tasks/measure.yml's own"
        last = tasks[-1].get("block", tasks)[-1]
        assert "gate_measured" in last["ansible.builtin.set_fact"], gate


def test_no_day_and_no_gate_but_those() -> None:
    assert sorted(int(path.name[4:6]) for path in DAYS.glob("*.yml")) == sorted(ROWS)
    assert {gate["day"] for gate in GATES} == set(ROWS)


def test_phases_have_their_days_in_order() -> None:
    """Each as in one go; day 15 hurts, and is never part of a larger run."""
    for file, days in (("phase_1_helsinki.yml", range(1, 8)), ("phase_2_hot_path.yml", range(8, 15))):
        plays = yaml.safe_load((support.ROOT / "playbooks" / file).read_text(encoding="utf-8"))
        assert [int(play["ansible.builtin.import_playbook"].removeprefix("days/day_")[:2]) for play in plays] == list(days)
        assert all(play["vars"] == {"unde_in_order": True} for play in plays)


@pytest.mark.parametrize("role", sorted(path.name for path in (support.ROOT / "roles").iterdir() if path.name != "debian_release"))
def test_every_role_is_in_a_day(role: str) -> None:
    """No role that a host may have is left out of the rollout."""
    assert any(f"- unde.infra.{role}\n" in path.read_text(encoding="utf-8") for path in DAYS.glob("*.yml"))
