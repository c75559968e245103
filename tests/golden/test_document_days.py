"""The document's rollout against ours: every row of it has its day, with the hosts that it names, a playbook, a gate and a way back."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

import support
from unde.model import Estate
from unde.plan import gates, rollout

DAYS = support.ROOT / "playbooks" / "days"
#: Every host ours, as in the lab: then each day has its gate.
GATES = gates.every(support.estate({"hosts": {"*": {"state": "create", "adopt": []}}, "shards": {"replica": {"only": {0: {"state": "create", "adopt": []}}}}}))
with (Path(__file__).parent / "document" / "rollout.csv").open(encoding="utf-8", newline="") as table:
    ROWS = {int(row["День"]): row["Что"] for row in csv.DictReader(table)}

#: Day → its gates.
OF_DAY = {
    1: {"base", "object_storage", "forwarding", "monitoring", "databases", "services", "entry", "redis"},
    2: {"databases"}, 3: {"services"}, 4: {"services"}, 5: {"services"}, 6: {"pipeline"}, 7: {"posthog"}, 8: {"base", "tunnels"},
    9: {"redis", "primaries", "backups"}, 10: {"replication", "master_key"}, 11: {"votes", "failover", "routing", "monitoring", "watch"},
    12: {"services"}, 13: {"services"}, 14: {"services", "entry"}, 15: {"drills"},
}  # fmt: skip

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
    if day != max(ROWS):
        [roles] = [play for play in plays if play["ansible.builtin.import_playbook"] == "../roles.yml"]
        assert roles["vars"] == {"unde_part": f"day_{day:02d}"}
    mine = [gate for gate in GATES if gate.day == day]
    assert {gate.name for gate in mine} == OF_DAY[day]
    assert all(gate.hosts for gate in mine)


def test_no_day_and_no_gate_but_those() -> None:
    assert sorted(int(path.name[4:6]) for path in DAYS.glob("*.yml")) == sorted(ROWS)
    assert {gate.day for gate in GATES} == set(ROWS)


@pytest.mark.parametrize(("file", "phase"), [("phase_1_helsinki.yml", 1), ("phase_2_hot_path.yml", 2)])
def test_a_phase_is_its_roles_and_its_gates(file: str, phase: int) -> None:
    """Day 15 hurts: its gate is asked for by its day alone (tests/unit/plugins/filter/test_gates.py)."""
    roles, asked = yaml.safe_load((support.ROOT / "playbooks" / file).read_text(encoding="utf-8"))
    assert roles["vars"] == {"unde_part": f"phase_{phase}"}
    assert asked["vars"] == {"gate_phase": phase}


def test_the_first_primary_leads_before_its_copies(estate: Estate) -> None:
    """The document's order: tunnels, the shard's primary, its replica, then etcd and Patroni, whatever the hosts' own days are."""
    applied = rollout.applied(estate)
    assert applied["local-shard-0"]["wireguard_peer"] == (8,)
    assert applied["local-shard-0"]["postgres_shard"] == (9,)
    assert applied["shard-replica-0"]["postgres_shard"] == (10,)
    assert applied["local-shard-0"]["patroni"] == applied["shard-replica-0"]["patroni"] == (11,)
    assert applied["helsinki-gw"]["mikrotik_chr"] == (1, 8)
