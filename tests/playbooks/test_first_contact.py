"""No role acts on a host in use that nobody has met, at whatever site, whatever a run is called with. Nothing runs anywhere: `recording` says how."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from recording import Played, play

import support
from unde.plan import secrets

#: Its third site has hosts in use, one of which nobody has met.
STUDIO = support.ROOT / "inventory/examples/game-studio.yml"
STRANGER, MET, OURS = "sin-world", "sin-front", "iad-cache"
RECORDED = {"vars": {"ansible_connection": "recorder", "ansible_host": "<host>"}}
#: By which every host is asked whether a person has met it.
MARK = "contact_info"
ROLES = ["base", "firewall", "exporters", "nginx_gateway", "app_service"]
#: A task within the first role, as a run may be started at; what only imports others is none.
OF_BASE = yaml.safe_load((support.ROOT / "roles/base/tasks/main.yml").read_text(encoding="utf-8"))
WITHIN = f"unde.infra.base : {next(task['name'] for task in OF_BASE if 'ansible.builtin.meta' in task)}"


#: A case whose kind has another one that `make test` runs.
more = partial(pytest.param, marks=pytest.mark.prove)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Return the layout under a name that every release of the plugin takes."""
    (tmp_path / "secrets.json").write_text(json.dumps(secrets.fresh(support.estate(file=STUDIO))))
    return Path(shutil.copy(STUDIO, tmp_path / "layout.yml"))


def vault(layout: Path) -> tuple[str, str]:
    """Return the words that give a run its secrets: it asks for all of them before anything."""
    return ("-e", f"@{layout.with_name('secrets.json')}")


def called(folder: Path, layout: Path, *words: str, met: tuple[str, ...] = (MET, "sin-cache")) -> Played:
    """Run a playbook where some hosts in use were met."""
    answers: list[tuple[str, Mapping[str, Any]]] = [
        *((f"^{host} .*{MARK}", {"mark": {"roles": ROLES}}) for host in met),
        (MARK, {"mark": None}),
    ]
    return play(folder, *words, "-i", str(layout), *vault(layout), answers=answers, overlay=RECORDED)


def on(played: Played, host: str) -> list[str]:
    """Return what ran on a host, but for the reading of its mark."""
    return [f"{module.name} {module.said}" for module in played.modules if module.host == host and MARK not in module.name]


@pytest.mark.parametrize("words", [
    ("site.yml",), more(("site.yml", "-l", STRANGER)), more(("site.yml", "--tags", "x")),
    ("day.yml", "-e", "day=2", "-l", f"{STRANGER},{OURS}", "-e", "gate_names=none"),
], ids=" ".join)  # fmt: skip
def test_nothing_is_touched_anywhere(tmp_path: Path, layout: Path, words: tuple[str, ...]) -> None:
    """The refusal names the host; whoever is left out of it by a limit is not asked."""
    played = called(tmp_path, layout, *words)
    assert played.code != 0
    assert f"{STRANGER}: in use, and not met yet" in played.text
    assert STRANGER in played.ran(MARK)
    assert [module for module in played.changing if MARK not in module.name] == []


@pytest.mark.parametrize("flags", [("--skip-tags", "always"), ("--start-at-task", WITHIN)], ids=" ".join)
def test_whoever_walks_around_reaches_no_host_in_use(tmp_path: Path, layout: Path, flags: tuple[str, str]) -> None:
    """What is ours is built; a host in use, met or not, is passed over, and that is no success."""
    played = called(tmp_path, layout, "site.yml", "-l", f"{STRANGER},{MET},{OURS}", *flags)
    assert played.code != 0
    assert f"{STRANGER}: in use, and no role has acted there" in played.text, played.text[-3000:]
    assert on(played, OURS), "the run does act"
    assert on(played, STRANGER) == on(played, MET) == []


def test_a_host_that_was_met_is_acted_on(tmp_path: Path, layout: Path) -> None:
    """And one that is left out is nobody's obstacle."""
    played = called(tmp_path, layout, "site.yml", "-l", f"all:!{STRANGER}:&{MET}")
    assert on(played, MET)
    assert "passed over" not in played.text.partition("PLAY RECAP")[2]
    assert [module for module in played.modules if module.host == STRANGER] == []


@pytest.mark.prove
def test_whoever_is_away_stops_nobody_else(tmp_path: Path, layout: Path) -> None:
    """Although it is the only host in use of the run."""
    away: list[tuple[str, Mapping[str, Any]]] = [(f"^{MET}", {"unreachable": True})]
    played = play(tmp_path, "site.yml", "-i", str(layout), *vault(layout), "-l", f"{MET},{OURS}", answers=away, overlay=RECORDED)
    assert played.code != 0
    assert on(played, OURS)
    assert "PLAY [Summary of the gates]" in played.text


@pytest.mark.parametrize("mode", [pytest.param((), id="run"), more(("--check",), id="rehearsal")])
def test_a_role_that_fails_on_the_only_host_of_its_play_ends_no_run(tmp_path: Path, layout: Path, mode: tuple[str, ...]) -> None:
    """What follows for others does follow, and the verdict names the host."""
    answers: list[tuple[str, Mapping[str, Any]]] = [(f"^fra-vote .*{MARK}", {}), ("^fra-vote", {"failed": True, "msg": "the disk is full"})]
    played = play(tmp_path, "site.yml", "-i", str(layout), *vault(layout), "-l", "fra-vote", *mode, answers=answers, overlay=RECORDED)
    assert played.code != 0
    assert "PLAY [Summary of the gates]" in played.text, played.text[-3000:]
    assert "fra-vote: left out of the rest of the run" in played.text


def test_a_mark_of_fewer_roles_is_none(tmp_path: Path, layout: Path) -> None:
    answers: list[tuple[str, Mapping[str, Any]]] = [(MARK, {"mark": {"roles": ["base"]}})]
    played = play(tmp_path, "site.yml", "-i", str(layout), *vault(layout), "-l", MET, answers=answers, overlay=RECORDED)
    assert played.code != 0
    assert f"{MET}: in use, and not met yet" in played.text
    assert on(played, MET) == []


@pytest.mark.parametrize("words", [("-e", "day=7"), ("-e", "day=seven", "--skip-tags", "always"), more(())], ids=" ".join)
def test_a_day_that_the_layout_lacks_is_refused(tmp_path: Path, layout: Path, words: tuple[str, ...]) -> None:
    played = called(tmp_path, layout, "day.yml", *words)
    assert played.code != 0
    assert "The layout has no day" in played.text
    assert played.changing == []


@pytest.mark.parametrize("playbook", ["site.yml", more("day.yml"), more("days/day_01_gateway_and_monitoring.yml"), "gates/all.yml"])
def test_without_an_estate_the_first_play_fails(tmp_path: Path, playbook: str) -> None:
    played = play(tmp_path, playbook, "-i", "localhost,", "-e", "day=1", overlay=RECORDED)
    assert played.code != 0
    assert "There is no host to act on" in played.text
    assert played.text.count("PLAY [") == 1
    assert played.modules == ()


def test_no_flag_makes_nothing_a_success(tmp_path: Path) -> None:
    played = play(tmp_path, "site.yml", "-i", "localhost,", "--skip-tags", "always", overlay=RECORDED)
    assert played.code != 0
    assert "There is no host to act on" in played.text
    assert played.modules == ()


#: What an operator gives that roles would not take: by a file or JSON, and as text.
WRONG = ("-e", '{"firewall_rollback_s": "abc", "exporters_address": "{{ unheard_of }}"}', "-e", "base_manage=foo")
SAID = (
    "base: value of base_manage must be one or more of: hostname, hosts, time,",
    "exporters: exporters_address: 'unheard_of' is undefined",
    "firewall: argument 'firewall_rollback_s' is of type str and we were unable to convert to int",
)


@pytest.mark.parametrize("mode", [pytest.param((), id="run"), more(("--check",), id="rehearsal"), more(("--tags", "x"), id="tags")])
def test_what_a_role_would_not_take_is_refused_before_anything_is_written(tmp_path: Path, layout: Path, mode: tuple[str, ...]) -> None:
    """All of it at once, with role and option, on no host."""
    played = called(tmp_path, layout, "day.yml", "-e", "day=2", "-l", f"{MET},{OURS}", *WRONG, *mode)
    assert played.code != 0
    assert [said for said in SAID if said not in played.text] == [], played.text[-3000:]
    assert [module for module in played.modules if MARK not in module.name] == []


@pytest.mark.parametrize("flags", [("--start-at-task", "unde.infra.debian_release : Check*"), more(("--skip-tags", "always"))], ids=" ".join)
def test_whoever_walks_around_meets_the_refusal_in_each_role(tmp_path: Path, layout: Path, flags: tuple[str, str]) -> None:
    """As a role is come to; nothing of it acts."""
    played = called(tmp_path, layout, "site.yml", "-l", OURS, "-e", "base_manage=foo", *flags)
    assert played.code != 0
    assert SAID[0] in played.text, played.text[-3000:]
    assert [said for said in on(played, OURS) if "system_info" in said or "modules.files" in said] == []
    assert f"{OURS}: left out of the rest of the run" in played.text
