"""Estates that have nothing in common with ours: Ansible's own commands say of each what its plan says, and nothing is named anywhere but in its layout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

import support
from unde.model import Estate
from unde.plan import rollout

EXAMPLES = ("game-studio", "clinic", "newsroom")
#: Play of a role → the role, and for which members of a shard it is (& those that begin so, ! the others, and who is no member).
PLAYS = {
    play["name"]: found.groups(default="")
    for play in yaml.safe_load((support.ROOT / "playbooks/roles.yml").read_text(encoding="utf-8"))
    if "hosts" in play and (found := re.match(r"\{\{ due\.(\w+) \}\}(?::([&!])begins_as_(\w+)$)?", play["hosts"]))
}
LISTED = re.compile(r"^  play #\d+ \(.*?\): (.*?)\tTAGS: .*\n    pattern: .*\n    hosts \(\d+\):((?:\n      .+)*)", re.MULTILINE)
#: A day that no layout of these has.
NO_DAY = 77


def days_of(name: str) -> list[int]:
    """Return the days of an example."""
    return sorted(support.estate(file=support.ROOT / f"inventory/examples/{name}.yml").layout.rollout.days)


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return each example as a user's own layout, away from the checkout."""
    return {
        name: Path(shutil.copy(support.ROOT / f"inventory/examples/{name}.yml", tmp_path_factory.mktemp(name) / "layout.yml")) for name in EXAMPLES
    }  # fmt: skip


def listed(layout: Path, day: int) -> str:
    """Return what ``--list-hosts`` says of a day, or of the site (0)."""
    words = ["playbooks/day.yml", "-e", f"day={day}"] if day else ["site.yml"]
    return ansible(layout, "--list-hosts", *words)


def ansible(layout: Path, *words: str) -> str:
    """Return what ansible-playbook says in a checkout, where a layout is named and nothing else is set."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "UNDE_"))}
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", layout, *words], cwd=support.ROOT, capture_output=True, text=True, check=False, env=bare,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return done.stdout


def plays(listing: str) -> list[tuple[str, set[str]]]:
    """Return each play's name and hosts."""
    return [(name, set(hosts.split())) for name, hosts in LISTED.findall(listing)]


def planned(estate: Estate, play: str, day: int) -> set[str]:
    """Return the hosts that a play of a role has by the plan: at any time (day 0), or on a day."""
    role, sign, member = PLAYS[play]
    due = {host for host, roles in rollout.applied(estate).items() if role in roles and (not day or day in roles[role])}
    return {host for host in due if not sign or (estate.hosts[host].member == member) is (sign == "&")}


def in_use(estate: Estate, day: int) -> set[str]:
    """Return the hosts in use that roles act on, at any time or on a day."""
    applied = rollout.applied(estate).items()
    return {host for host, roles in applied if not estate.hosts[host].ours and any(not day or day in on for on in roles.values())}


@pytest.mark.parametrize("name", [EXAMPLES[0], *(pytest.param(name, marks=pytest.mark.prove) for name in EXAMPLES[1:])])
def test_what_a_person_sees_listed_is_what_is_planned(name: str, layouts: dict[str, Path]) -> None:
    """Of the site and of each day: every role's play with the hosts of the plan, none left out, none twice, nobody else; who is in use is met before."""
    estate = support.estate(file=support.ROOT / f"inventory/examples/{name}.yml")
    with ThreadPoolExecutor(2) as commands:
        listings = {day: commands.submit(listed, layouts[name], day) for day in (0, *days_of(name))}
    for day, listing in listings.items():
        found = plays(listing.result())
        of_roles = [(play, hosts) for play, hosts in found if play in PLAYS]
        assert [play for play, _ in of_roles] == list(PLAYS)
        assert dict(of_roles) == {play: planned(estate, play, day) for play in PLAYS}, f"day {day}"
        before = [play for play, _ in found].index(next(iter(PLAYS)))
        assert ("Refuse hosts in use that were not adopted", in_use(estate, day)) in found[:before]


def test_a_day_that_the_layout_lacks_selects_no_host(layouts: dict[str, Path]) -> None:
    of_roles = [(play, hosts) for play, hosts in plays(listed(layouts[EXAMPLES[0]], NO_DAY)) if play in PLAYS]
    assert of_roles == [(play, set()) for play in PLAYS]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_playbooks_are_sound_for_it(name: str, layouts: dict[str, Path]) -> None:
    assert ansible(layouts[name], "--syntax-check", "site.yml", "playbooks/day.yml", "playbooks/gates/all.yml", "-e", f"day={days_of(name)[0]}")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_plugin_gives_its_hosts(name: str, layouts: dict[str, Path]) -> None:
    told = support.inventory("-i", layouts[name])
    assert set(told["_meta"]["hostvars"]) == set(support.estate(file=layouts[name]).hosts)


def test_they_have_nothing_in_common_with_ours() -> None:
    """Neither a site nor a host, a network, a public address or a number of days; and together what the shipped layout lacks."""
    shipped = support.estate()
    estates = [support.estate(file=support.ROOT / f"inventory/examples/{name}.yml") for name in EXAMPLES]
    for estate in estates:
        assert not estate.layout.sites.keys() & shipped.layout.sites.keys()
        assert estate.layout.rollout.days.keys() != shipped.layout.rollout.days.keys()
        ours, theirs = ({str(host.address) for host in each.hosts.values()} for each in (shipped, estate))
        assert not ours & theirs
        for public in filter(None, (host.public_address for host in estate.hosts.values())):
            assert str(public).startswith(("192.0.2.", "198.51.100.", "203.0.113.")), "an address of documentation (RFC 5737)"
    assert sorted(len(estate.layout.rollout.days) for estate in estates) == [4, 4, 5]
    assert any({"nginx_gateway"} <= {*host.roles} for estate in estates for host in estate.hosts.values() if estate.layout.rollout.days.keys() == {1, 2, 3, 4})
