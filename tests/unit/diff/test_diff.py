"""``unde diff``: exact for random edits, git revisions, exit codes; and ``unde grow``, which writes one number."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
import unde
from unde import diff
from unde.diff import hosts
from unde.errors import InvalidLayout
from unde.model import Estate
from unde.reports import changes

ROLES = support.ROOT / "roles"
BASE = support.ROOT / "tests" / "golden" / "base.yml"
EFFECTS = diff.load(ROLES)

#: Edits of the smallest estate, each as an overlay's text.
EDITS: list[dict[str, Any]] = [
    {"tunnels": {"mtu": 1400}}, {"tunnels": {"keepalive_s": 20}},
    {"clusters": {"etcd": {"quota_backend_mb": 600}}}, {"clusters": {"patroni": {"loop_wait": 6}}},
    {"clusters": {"pgbouncer": {"pool_size": 20}}}, {"clusters": {"postgres": {"wal": {"slot_share": 0.3}}}},
    {"clusters": {"redis": {"cache": {"memory_share": 0.3}}}}, {"clusters": {"redis": {"cache": {"policy": "allkeys-lfu"}}}},
    {"shards": {"count": 2}}, {"shards": {"count": 3}}, {"shards": {"primary": {"ram_gb": 24}}},
    {"hosts": {"app": {"address": "10.2.0.7"}}}, {"hosts": {"etcd-3": {"price_eur": 5}}}, {"hosts": {"app": {"day": 2}}},
    {"flows": {"more": {"from": ["etcd-2"], "to": ["redis-cache"]}}}, {"links": {"near-far": {"rtt_ms": 200}}},
]


def estate(*edits: dict[str, Any]) -> Estate:
    """Return the smallest estate with edits."""
    data = yaml.safe_load(BASE.read_text(encoding="utf-8"))
    for edit in edits:
        data = support.merged(data, edit)
    return support.estate_of(data)


@pytest.mark.parametrize("seed", range(40))
def test_every_host_that_is_told_something_else_is_named_and_no_other(seed: int) -> None:
    """Random edits: the hosts of the difference are those whose variables differ, were added or are gone."""
    picked = random.Random(seed).sample(EDITS, 3)
    old, new = estate(picked[0]), estate(*picked)
    found = {change.name: change for change in diff.between(old, new, EFFECTS).hosts}
    before, after = unde.inventory(old), unde.inventory(new)
    for name in {**old.hosts, **new.hosts}:
        if name not in old.hosts or name not in new.hosts:
            assert found[name].change == ("added" if name in new.hosts else "removed")
            continue
        differs = hosts.host_variables(before, name) != hosts.host_variables(after, name)
        assert (name in found and bool(found[name].variables)) == differs
    assert found.keys() <= {**old.hosts, **new.hosts}.keys()


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_nothing_differs_from_itself_and_there_and_back_are_the_same_hosts(edit: dict[str, Any]) -> None:
    """A difference of a layout with itself is empty; the way back touches the hosts that are on both sides alike."""
    old, new = estate(), estate(edit)
    assert diff.between(new, estate(edit), EFFECTS).same
    there, back = diff.between(old, new, EFFECTS), diff.between(new, old, EFFECTS)
    assert not there.same
    both = old.hosts.keys() & new.hosts.keys()
    assert {each.name for each in there.hosts} & both == {each.name for each in back.hosts} & both


def test_a_role_that_may_not_act_does_nothing() -> None:
    """On a host that serves customers only adopted roles have consequences; what is held back is said."""
    new = estate({"hosts": {"gw": {"adopt": []}, "etcd-2": {"adopt": []}}, "clusters": {"etcd": {"quota_backend_mb": 600}}})
    found = {change.name: change for change in diff.between(estate({"hosts": {"gw": {"adopt": []}, "etcd-2": {"adopt": []}}}), new, EFFECTS).hosts}
    assert (found["etcd-2"].consequences, found["etcd-2"].held_back, found["etcd-2"].touched) == ((), ("etcd",), False)
    assert [each.action for each in found["etcd-1"].consequences] == ["restart"]


REFUSED: list[tuple[dict[str, Any], dict[str, set[tuple[str, str]]]]] = [
    ({"clusters": {"postgres": {"version": "18"}}}, {
        "shard-0": {
            ("postgres_shard", "postgres_shard_version"), ("patroni", "patroni_postgresql_version"), ("patroni", "patroni_data_directory"),
            ("pgbackrest", "pgbackrest_data_directory"),
        },
        "replica-0": {("patroni", "patroni_postgresql_version"), ("patroni", "patroni_data_directory")},
    }),
    ({"clusters": {"etcd": {"token": "another"}}}, {name: {("etcd", "etcd_token")} for name in ("etcd-1", "etcd-2", "etcd-3")}),
    ({"shards": {"partitions": 32}}, {"shard-0": {("postgres_shard", "postgres_shard_partitions")}}),
    ({"hosts": {"etcd-1": {"address": "10.2.0.51"}}}, {"etcd-1": {("etcd", "etcd_address")}}),
    ({"clusters": {"pgbackrest": {"path": "/srv/backups"}}}, {"shard-0": {("pgbackrest", "pgbackrest_repo")}}),
    ({"clusters": {"pgbackrest": {"path": "/srv/backups", "former_path": "/var/lib/pgbackrest"}}}, {}),
    ({"shards": {"primary": {"encrypted_disk": {"device": "/dev/disk/by-id/a"}}}}, {"shard-0": {("luks", "luks_device")}}),
    ({"shards": {"stanza": "s{n}"}}, {"shard-0": {("pgbackrest", "pgbackrest_stanza")}}),
]


@pytest.mark.parametrize(("edit", "expected"), REFUSED, ids=[str(edit) for edit, _ in REFUSED])
def test_what_a_run_cannot_do_is_foretold(edit: dict[str, Any], expected: dict[str, set[tuple[str, str]]]) -> None:
    """Versions, tokens, partitions, addresses of a living member: on which hosts, by which role, by which variable; nothing else of that role happens."""
    difference = diff.between(estate(), estate(edit), EFFECTS)
    refused = {change.name: {(each.role, name) for each in change.refused for name in each.because} for change in difference.hosts if change.refused}
    assert refused == expected
    for change in difference.hosts:
        assert not {each.role for each in change.refused} & {each.role for each in change.consequences}
        for each in change.refused:
            assert each.why
            assert "<" not in each.way.replace("<its name>", "")
    rows = {row["name"]: row for row in changes.rows(difference) if row["kind"] == "host"}
    for name, found in expected.items():
        assert {each["role"] for each in rows[f"host/{name}"]["refused"]} == {role for role, _ in found}
    assert ("REFUSED by " in changes.text(difference)) == bool(expected)


def test_members_of_etcd_come_and_go_by_their_playbooks() -> None:
    """One that comes is refused by those that are there; one that goes keeps its vote until its playbook takes it."""
    one_more = {"hosts": {"app": {"roles": ["etcd"]}}}
    there, back = diff.between(estate(), estate(one_more), EFFECTS), diff.between(estate(one_more), estate(), EFFECTS)
    for difference, way in ((there, "replace_etcd_member.yml"), (back, "remove_host.yml")):
        refused = {change.name: [each.way for each in change.refused] for change in difference.hosts if change.refused}
        assert refused.keys() == {"etcd-1", "etcd-2", "etcd-3"}
        assert all(way in said for ways in refused.values() for said in ways)


@pytest.mark.parametrize("edit", [each for each in EDITS if each not in ({"shards": {"count": 2}}, {"shards": {"count": 3}})], ids=str)
def test_what_a_run_can_do_is_not_called_refused(edit: dict[str, Any]) -> None:
    """Sizes, bounds, flows, prices, new shards."""
    assert not any(change.refused for change in diff.between(estate(), estate(edit), EFFECTS).hosts)
    assert not any(change.refused for change in diff.between(estate(), estate({"shards": {"count": 2}}), EFFECTS).hosts)


def test_a_host_that_may_not_be_touched_refuses_nothing() -> None:
    """Its roles are held back, which is said already."""
    held = {"hosts": {"etcd-2": {"adopt": []}}}
    found = {change.name: change for change in diff.between(estate(held), estate(held, {"clusters": {"etcd": {"token": "another"}}}), EFFECTS).hosts}
    assert (found["etcd-2"].refused, found["etcd-2"].held_back) == ((), ())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with two versions of a layout."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    text = support.LAYOUT.read_text(encoding="utf-8")

    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (folder / "layout.yml").write_text(text, encoding="utf-8")
    git("add", "-A")
    git("commit", "-qm", "one")
    (folder / "layout.yml").write_text(text.replace("  mtu: 1420", "  mtu: 1400"), encoding="utf-8")
    return tmp_path


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``unde`` in a folder."""
    return support.run("unde", *words, cwd=folder)


def test_a_revision_on_either_side(checkout: Path) -> None:
    """HEAD against the file that was edited since, both ways; REVISION:PATH names another file."""
    there = command(checkout, "diff", "HEAD", "--format", "json")
    rows = json.loads(there.stdout)
    assert (there.returncode, there.stderr) == (1, "")
    tunnel_ends = {row["name"] for row in rows if row["kind"] == "host"}
    assert "host/local-app" in tunnel_ends
    assert "host/push" not in tunnel_ends
    assert len({row["name"] for row in rows}) == len(rows)
    back = command(checkout, "diff", "inventory/layout.yml", "HEAD:inventory/layout.yml", "--format", "json")
    assert {row["name"] for row in json.loads(back.stdout)} == {row["name"] for row in rows}
    same = command(checkout, "diff", "HEAD", "HEAD")
    assert (same.returncode, same.stdout) == (0, "nothing differs\n")


@pytest.mark.parametrize(("words", "said"), [
    (["diff", "nonsense"], "no layout at a git revision of that name"), (["diff", "HEAD:nothing.yml"], "nothing.yml"),
    (["diff", "HEAD", "--roles", "inventory"], "--roles DIR"), (["diff", "HEAD", "--set", "shards.count=999"], "pool-exhausted"),
])
def test_a_side_that_cannot_be_read_ends_with_2(checkout: Path, words: list[str], said: str) -> None:
    """1 says that something differs; what is no layout is another matter, in one readable line."""
    done = command(checkout, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ERROR ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_grow_shows_and_writes_one_number(checkout: Path) -> None:
    """Only the digits change: comments and every other character stay; what is shown is the difference."""
    file = checkout / "inventory" / "layout.yml"
    before = file.read_text(encoding="utf-8")
    shown = command(checkout, "grow", "--shards", "4")
    assert (shown.returncode, file.read_text(encoding="utf-8")) == (0, before)
    assert "+ local-shard-1, local-shard-2, local-shard-3  (3 hosts)" in shown.stdout
    written = command(checkout, "grow", "--shards", "4", "--write", "--format", "json")
    assert written.returncode == 0
    assert "shards.count is 4 now, it was 1" in written.stderr
    assert {row["change"] for row in json.loads(written.stdout) if row["name"] == "host/shard-replica-3"} == {"added"}
    assert file.read_text(encoding="utf-8") == before.replace("  count: 1\n", "  count: 4\n")
    assert [path.name for path in file.parent.iterdir()] == ["layout.yml"]


@pytest.mark.parametrize(("shards", "code", "said"), [("0", 2, ""), ("152", 1, "pool-exhausted"), ("x", 2, "")])
def test_grow_refuses_what_cannot_be(checkout: Path, shards: str, code: int, said: str) -> None:
    """Nothing is written then."""
    file = checkout / "inventory" / "layout.yml"
    before = file.read_bytes()
    done = command(checkout, "grow", "--shards", shards, "--write")
    assert (done.returncode, said in done.stderr, file.read_bytes()) == (code, True, before)


def test_grow_does_not_shrink(checkout: Path) -> None:
    """Users would be abandoned."""
    command(checkout, "grow", "--shards", "3", "--write")
    done = command(checkout, "grow", "--shards", "2", "--write")
    assert (done.returncode, "would abandon the users of 1" in done.stderr) == (2, True)


def test_grow_refuses_a_number_that_is_another_value_too(checkout: Path) -> None:
    """An anchor is shared: writing it would change something else."""
    file = checkout / "inventory" / "layout.yml"
    text = file.read_text(encoding="utf-8").replace("  count: 1\n", "  count: &one 1\n").replace("zero: 10,", "zero: 10,")
    file.write_text(text, encoding="utf-8")
    done = command(checkout, "grow", "--shards", "2", "--write")
    assert (done.returncode, "by hand" in done.stderr, file.read_text(encoding="utf-8")) == (2, True, text)


def test_growing_to_every_size_passes_the_checks() -> None:
    """1, 2, 4 … 100 shards and the last one that there is room for; one more is refused by name."""
    for count in (2, 4, 8, 16, 50, 100, 151):
        assert len(unde.estate(unde.load(support.LAYOUT, None, f"shards.count={count}")).hosts) == 29 + 2 * count
    with pytest.raises(InvalidLayout, match="151 shards"):
        unde.estate(unde.load(support.LAYOUT, None, "shards.count=152"))
