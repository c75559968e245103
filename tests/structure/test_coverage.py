"""Whatever the layout: every role reaches every host that it may act on, by site.yml and by the host's day, and never before what it needs."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import generated
import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

import support
from unde.model import Estate
from unde.model.roles import ROLES
from unde.plan import gates, groups, rollout, routing

_spec = importlib.util.spec_from_file_location("unde_plays", support.ROOT / "plugins/filter/plays.py")
assert _spec is not None
assert _spec.loader is not None
plays = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plays)

PLAYBOOKS = support.ROOT / "playbooks"
DUE = re.compile(r"^\{\{ due\.(\w+) \}\}(.*)$")
EVERYTHING_OURS = {"hosts": {"*": {"state": "create", "adopt": []}}, "shards": {"replica": {"only": {0: {"state": "create", "adopt": []}}}}}


GENERATED = generated.estates()


def variants() -> dict[str, Estate]:
    """Return the shipped layout, the same with every host ours, with other sites, days and engines, and every example that passes check."""
    renamed = yaml.safe_load(re.sub(r"\bhelsinki\b", "zagreb", re.sub(r"\blocal\b(?!-)", "atlanta", yaml.safe_dump(support.shipped()))))
    estates = {
        "shipped": support.estate(),
        "ours": support.estate(EVERYTHING_OURS),
        "linux": support.estate({**EVERYTHING_OURS, "sites": {"helsinki": {"gateway": {"engine": "linux"}}}}),
        "four-shards": support.estate({**EVERYTHING_OURS, "shards": {**EVERYTHING_OURS["shards"], "count": 4}}),
        "renamed": support.estate_of(renamed),
        "late": support.estate({"rollout": {"days": {20: {"phase": 2, "title": "Voice, later"}}}, "hosts": {"local-voice": {"day": 20}}}),
        "encrypted": support.estate({"hosts": {
            "local-redis": {"encrypted_disk": {"device": "/dev/disk/by-id/scsi-1", "mount": "/var/lib/redis"}},
            "embedder": {"encrypted_disk": {"device": "/dev/disk/by-id/nvme-1", "mount": "/var/lib/unde-embedder"}},
        }}),
    }
    for example in sorted((support.ROOT / "inventory/examples").glob("*.yml")):
        if example.stem != "as-written":  # it is refused, and that is its point
            estates[example.stem] = support.estate(file=example)
    return {**estates, **GENERATED}


ESTATES = variants()


def role_plays() -> list[tuple[str, str]]:
    """Return the role and the further pattern of each play of roles.yml, in order."""
    found = []
    for play in yaml.safe_load((PLAYBOOKS / "roles.yml").read_text(encoding="utf-8")):
        if "hosts" in play:
            match = DUE.match(play["hosts"])
            assert match, f"{play['name']}: hosts must come from the plan: {play['hosts']}"
            [block] = [task for task in play["tasks"] if "block" in task]
            [imported] = [task["ansible.builtin.import_role"] for task in block["block"] if "ansible.builtin.import_role" in task]
            role = imported["name"].removeprefix("unde.infra.")
            assert imported.get("rolespec_validate") is False, f"{play['name']}: {role}'s arguments are checked twice"
            assert role == match[1], f"{play['name']} applies {role} to the hosts of {match[1]}"
            found.append((role, match[2]))
    return found


PLAYS = role_plays()


def inventory_of(estate: Estate) -> InventoryManager:
    """Return Ansible's own inventory of an estate's groups."""
    inventory = InventoryManager(loader=DataLoader(), sources=[])
    for host, mine in groups.members(estate).items():
        inventory.add_host(host)
        for group in mine:
            inventory.add_group(group)
            inventory.add_host(host, group)
    inventory.reconcile_inventory()
    return inventory


def selected(estate: Estate, part: str) -> list[tuple[str, set[str]]]:
    """Return each play's role and hosts, by Ansible's own reading of the patterns."""
    inventory = inventory_of(estate)
    patterns = plays.due(inventory.get_groups_dict(), part, False)
    return [(role, {host.name for host in inventory.get_hosts(f"{patterns[role]}{rest}")}) for role, rest in PLAYS]


def pairs(applied: dict[str, rollout.Applied]) -> Iterator[tuple[str, str]]:
    """Yield each host with each of the roles that may act on it."""
    return ((host, role) for host, roles in applied.items() for role in roles)


@pytest.mark.parametrize("file", sorted([*PLAYBOOKS.glob("days/*.yml"), *PLAYBOOKS.glob("phase_*.yml")]), ids=lambda file: file.stem)
def test_days_and_phases_import_and_do_nothing_themselves(file: Path) -> None:
    """What is linted and checked is what they import (.ansible-lint)."""
    imported = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert {key for play in imported for key in play} <= {"name", "ansible.builtin.import_playbook", "vars"}
    files = [(file.parent / play["ansible.builtin.import_playbook"]).resolve() for play in imported]
    assert set(files) <= {PLAYBOOKS / name for name in ("roles.yml", "site.yml", "gates/of_days.yml", "drills/lose_primary.yml", "drills/latency.yml")}


@pytest.mark.parametrize("name", ESTATES)
def test_the_site_reaches_every_pair_once_and_after_what_it_needs(name: str) -> None:
    estate = ESTATES[name]
    applied = rollout.applied(estate)
    places: dict[tuple[str, str], list[int]] = {}
    for place, (role, hosts) in enumerate(selected(estate, "managed")):
        for host in hosts:
            places.setdefault((host, role), []).append(place)
    assert set(places) == set(pairs(applied)), "reached, or left out, otherwise than planned"
    assert [pair for pair, at in places.items() if len(at) > 1] == []
    for host, role in pairs(applied):
        for needed in ROLES[role].after:
            if needed in applied[host]:
                assert places[host, needed][0] < places[host, role][0], f"{role} on {host} before its {needed}"


@pytest.mark.parametrize("name", ESTATES)
def test_what_each_pair_is_told_is_checked_before_the_first_role_acts(name: str) -> None:
    """For the whole rollout and for each day, of exactly the roles that act: their plays leave Ansible's own check out."""
    estate = ESTATES[name]
    told = {**inventory_of(estate).get_groups_dict(), plays.MET: list(estate.hosts)}
    for part in ("managed", *(day.name for day in rollout.days(estate))):
        acting = {(host, role) for role, hosts in selected(estate, part) for host in hosts}
        assert {(host, role) for host, roles in plays.roles_due(told, part, estate.hosts).items() for role in roles} == acting


def test_the_check_of_what_roles_are_told_comes_first() -> None:
    """On all hosts that roles act on, at once, and it ends the run for all."""
    first = [play["ansible.builtin.import_playbook"] for play in yaml.safe_load((PLAYBOOKS / "roles.yml").read_text(encoding="utf-8"))[:2]]
    assert first == ["gates/estate.yml", "gates/first_contact.yml"]
    *_looks, check = yaml.safe_load((PLAYBOOKS / "gates/first_contact.yml").read_text(encoding="utf-8"))
    assert check["hosts"] == "{{ groups | unde.infra.acting(unde_part | default('managed')) }}"
    assert (check["any_errors_fatal"], check["tags"]) == (True, "always")
    [task] = check["tasks"]
    assert task["unde.infra.role_arguments"] == {"hosts": "{{ groups | unde.infra.roles_due(unde_part | default('managed'), ansible_play_hosts) }}"}
    assert task["run_once"]
    assert "when" not in task


@pytest.mark.parametrize("name", ESTATES)
def test_every_pair_has_its_day_and_none_comes_before_what_it_needs(name: str) -> None:
    """A pair's first day is reached by that day's playbook, not after the host's own day unless it waits for others, and not before what it needs."""
    estate = ESTATES[name]
    applied = rollout.applied(estate)
    days = {day.number: day for day in rollout.days(estate)}
    reached = {number: {(host, role) for role, hosts in selected(estate, day.name) for host in hosts} for number, day in days.items()}
    for host, role in pairs(applied):
        assert applied[host][role], f"{role} on {host} is in no day"
        assert [number for number, found in reached.items() if (host, role) in found] == list(applied[host][role])
        for needed in ROLES[role].after:
            if needed in applied[host]:
                # A role that asks others, as the exporters do, is there early and applied again.
                assert applied[host][needed][0] <= applied[host][role][-1], f"{role} on {host} before its {needed}"
        for somewhere in ROLES[role].anywhere:
            there = [roles[somewhere][0] for roles in applied.values() if somewhere in roles]
            assert not there or min(there) <= applied[host][role][0], f"{role} on {host} before any {somewhere}"
    assert set().union(*reached.values()) == set(pairs(applied))


@pytest.mark.parametrize("name", ESTATES)
def test_phases_are_their_days(name: str) -> None:
    estate = ESTATES[name]
    for phase in estate.layout.rollout.phases:
        of_days = {(host, role) for day in rollout.days(estate) if day.phase == phase for role, hosts in selected(estate, day.name) for host in hosts}
        assert {(host, role) for role, hosts in selected(estate, f"phase_{phase}") for host in hosts} == of_days


@pytest.mark.parametrize("name", ESTATES)
def test_a_host_is_prepared_before_anything_acts_there(name: str) -> None:
    """With its base system and its firewall; on a day of the layout."""
    estate = ESTATES[name]
    for host, roles in rollout.applied(estate).items():
        for role, days in roles.items():
            assert set(days) <= set(estate.layout.rollout.days), f"{role} on {host}"
            for needed in ("base", "firewall"):
                assert needed not in roles or roles[needed][0] <= days[0], f"{role} on {host} before its {needed}"


def test_the_authority_is_prepared_before_the_first_certificate() -> None:
    """However late its own day is, and although its site is opened on that day."""
    applied = rollout.applied(support.estate({
        **EVERYTHING_OURS, "clusters": {"certificates": {"host": "etcd-3"}}, "rollout": {"days": {8: {"opens": ["local"]}, 11: {"opens": ["witness"]}}},
    }))["etcd-3"]  # fmt: skip
    assert [applied[role] for role in ("base", "firewall", "certificates", "etcd")] == [(1,), (1,), (1, 11), (11,)]


def test_what_shows_metrics_waits_for_a_prometheus() -> None:
    """And who writes the routing for the Redis that keeps it."""
    late = {"hosts": {"monitoring": {"day": 1, "roles": ["grafana", "object_storage"]}, "local-voice": {"day": 13, "roles": ["prometheus", "alertmanager"]}}}
    data = support.merged(support.shipped(), support.merged(EVERYTHING_OURS, late) | {"clusters": {"watches": {}}})
    data["clusters"]["watches"] = {}
    data["hosts"]["local-etcd-1"]["roles"] = ["etcd", "routing"]
    assert rollout.applied(support.estate_of(data))["monitoring"]["grafana"] == (13,)


@pytest.mark.parametrize("name", ESTATES)
def test_a_tunnel_is_built_at_both_ends_on_one_day(name: str) -> None:
    """On the first day on which both ends are there: its keys are, and no end waits for another run."""
    estate = ESTATES[name]
    applied = rollout.applied(estate)
    for tunnel in estate.tunnels.values():
        ends = {end: {"wireguard_peer", "gateway", "mikrotik_chr"} & applied[end].keys() for end in (tunnel.near, tunnel.far)}
        if not all(ends.values()):
            continue  # nothing of ours acts at one of them
        keys = max(applied[end][role][0] for end in ends for role in {"wireguard_keys", "mikrotik_chr"} & applied[end].keys())
        for end, roles in ends.items():
            assert any(keys in applied[end][role] for role in roles), f"{tunnel.name} at {end}, day {keys}"


@pytest.mark.parametrize("name", ESTATES)
def test_what_another_host_must_have_is_there(name: str) -> None:
    """Where a role needs something of another host: the certificate authority, the buckets, every copy of a Redis, its site's Redis, votes, members."""
    estate = ESTATES[name]
    applied, clusters = rollout.applied(estate), estate.layout.clusters

    def first(role: str, hosts: Iterable[str] | None = None) -> list[int]:
        return [roles[role][0] for host, roles in applied.items() if role in roles and (hosts is None or host in hosts)]

    for host, roles in applied.items():
        needed: dict[str, list[int]] = {"certificates": first("certificates", [clusters.certificates.host])}
        if clusters.pgbackrest.bucket is not None:
            needed["pgbackrest"] = first("object_storage")
        needed["routing"] = [*first("etcd"), *first("patroni")]
        needed["routing"] += first("redis", [clusters.redis[each].host for each in routing.instances(estate, estate.hosts[host].site)])
        needed["grafana"] = needed["alertmanager"] = first("prometheus")[:1] and [min(first("prometheus"))]
        if clusters.sentinel:
            needed["redis_sentinel"] = first("redis", [*clusters.sentinel.replicas, *(clusters.redis[each].host for each in clusters.sentinel.instances)])
        if estate.hosts[host].shard is not None:
            members = [member.name for member in estate.shards[estate.hosts[host].shard or 0]]
            needed["patroni"] = [*first("etcd"), *first("postgres_shard", members)]
            if estate.hosts[host].member == "replica":
                needed["postgres_shard"] = first("postgres_shard", members)
        for role, days in needed.items():
            assert role not in roles or roles[role][-1] >= max(days, default=0), f"{role} on {host}, day {roles[role]}, before what it needs"
            if role in ("certificates", "patroni", "routing", "pgbackrest"):
                assert role not in roles or roles[role][0] >= max(days, default=0), f"{role} on {host}, day {roles[role]}, before what it needs"


@pytest.mark.parametrize("name", ESTATES)
def test_gates_ask_what_is_there(name: str) -> None:
    """Each on a day of the layout, of hosts on which its role has acted by then; every role's gate is asked of every such host on some day."""
    estate = ESTATES[name]
    applied, asked = rollout.applied(estate), gates.every(estate)
    roles = {**{which: role for which, role, _ in (*gates.OF_ROLES, *gates.OF_SHARDS, *gates.OF_CLUSTERS) if which != "forwarding"}}
    for gate in asked:
        assert gate.day in estate.layout.rollout.days
        for host in gate.hosts:
            if gate.name in roles:
                assert applied[host][roles[gate.name]][0] <= gate.day, f"{gate.name} asks {host} on day {gate.day}"
    for which, role in roles.items():
        due = {host for host, mine in applied.items() if role in mine and (which not in gates.PRIMARIES or estate.hosts[host].member == "primary")}
        assert {host for gate in asked if gate.name == which for host in gate.hosts} == due, which


@pytest.mark.parametrize("name", ESTATES)
def test_who_is_to_be_met_on_a_day_is_in_use_and_acted_on(name: str) -> None:
    """Exactly, at whatever site."""
    estate = ESTATES[name]
    applied, members = rollout.applied(estate), groups.members(estate)
    grouped: dict[str, list[str]] = {}
    for host, mine in members.items():
        for group in mine:
            grouped.setdefault(group, []).append(host)
    for day in rollout.days(estate):
        strange = {host for host, roles in applied.items() if estate.hosts[host].kind.state != "create" and any(day.number in on for on in roles.values())}
        assert plays.to_meet(grouped, day.name) == (",".join(sorted(strange)) or plays.NOBODY)
    everywhere = {host for host, roles in applied.items() if estate.hosts[host].kind.state != "create" and roles}
    assert plays.to_meet(grouped, "managed") == (",".join(sorted(everywhere)) or plays.NOBODY)


def test_enough_layouts_were_generated() -> None:
    """Of every base some; and of what makes them differ."""
    assert len(GENERATED) >= 20
    assert {name.rpartition("-")[0] for name in GENERATED} == {Path(base).stem for base in generated.BASES}
    applied = [roles for estate in GENERATED.values() for roles in rollout.applied(estate).values()]
    assert {"gateway", "mikrotik_chr", "luks"} <= {role for roles in applied for role in roles}
    assert {host.kind.state for estate in GENERATED.values() for host in estate.hosts.values()} == {"create", "deployed", "running"}


def test_the_plays_keep_the_order_of_what_roles_need() -> None:
    first = {role: place for place, (role, _) in reversed(list(enumerate(PLAYS)))}
    last = {role: place for place, (role, _) in enumerate(PLAYS)}
    assert set(first) == set(ROLES), "every role has its play"
    for role, known in ROLES.items():
        for needed in (*known.implies, *known.beside):
            assert first[needed] < last[role], f"{role} comes before {needed}"
        for needed in known.after:
            assert first[needed] < last[role], f"{role} comes before {needed}"


#: Values by which a playbook would know one company's estate. The document's days and phases say which part of the rollout they are, and no more.
LITERAL = re.compile(r"\b(site_(?!yml)\w+|day_\d+\w*|phase_\d+\w*|begins_on_\w+)\b")
PART = re.compile(r"^\s+unde_part: (day_\d\d|phase_\d)$", re.MULTILINE)


@pytest.mark.parametrize("file", sorted(PLAYBOOKS.rglob("*.yml")), ids=lambda path: str(path.relative_to(PLAYBOOKS)))
def test_no_playbook_names_a_site_a_day_or_a_host(file: Path) -> None:
    text = "\n".join(re.sub(r"(^|\s)#.*$", "", line) for line in file.read_text(encoding="utf-8").splitlines())
    if file.parent.name == "days" or file.stem.startswith("phase_"):
        assert len(PART.findall(text)) <= 1
        text = PART.sub("", text)
    assert LITERAL.findall(re.sub(r"playbooks/\S+|days/\S+", "", text)) == []
    hosts = set(ESTATES["shipped"].hosts)
    for play in yaml.safe_load(text) or []:
        pattern: Any = play.get("hosts", "") if isinstance(play, dict) else ""
        assert not hosts & set(re.split(r"[:,&!]+", str(pattern))), pattern
