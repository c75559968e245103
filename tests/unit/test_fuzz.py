"""Layouts that are wrong in some way, by the hundred: what ``unde check`` passes, everything else accepts; nothing ends in a traceback.

Deterministic: a case is a layout, a seed, and what follows from these. Mutations keep the type of what they change, so that they pass
the schema and meet the rules and the plan. How many there are is said here, never how long they take.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
import unde
from unde import diff, survive
from unde.diff import effects
from unde.errors import InvalidLayout
from unde.model import Estate, resized, source
from unde.plan import capacity, reachability, routeros, secrets
from unde.reports import bills, changes, growth, listings, map, matrix, render, survival
from unde.reports import routeros as script

Said = Callable[..., tuple[str, str, int]]
Mutation = tuple[source.DataPath, str]

LAYOUTS = {
    path.stem: path for path in (support.ROOT / "tests/golden/base.yml", support.LAYOUT, *sorted((support.ROOT / "inventory/examples").glob("*.yml")))
    if path.stem not in ("as-written", "sixteen-shards")  # refused as it is; the shipped one again
}
ROLES = effects.load(effects.find())

#: Type → values of that type at the edges of what anybody writes.
EDGES: dict[type, list[Any]] = {
    bool: [True, False],
    int: [0, 1, 2, 3, 19, 99, 100, 255, 256, 4095, 65_535, 65_536, 10**6, 2**31, 2**40, 2**62],
    float: [1e-9, 1e-300, 0.5, 0.999, 1.0, 1e6, 1e15, 1e300, 1.7976931348623157e308],
    str: ["", "x", "0", "all", "localhost", "null", "ä", "a b", "a\nb", "{{ x }}", "role:etcd", "site:x", "x" * 64, "10.2.0.10", "10.0.0.0/8"],
}


@cache
def data_of(layout: str) -> Any:
    """Return a layout as plain data."""
    return unde.load(LAYOUTS[layout]).data


@cache
def estate_of(layout: str) -> Estate:
    """Return the estate of a layout as it is."""
    return support.estate(file=LAYOUTS[layout])


def values_of(data: Any, path: source.DataPath) -> list[Any]:
    """Return the values that stand under the same key elsewhere in a layout."""
    found = [value for other, value in source.walk(data) if other[-1] == path[-1] and len(other) == len(path)]
    return sorted(found, key=repr)


def changed(data: Any, path: source.DataPath, how: random.Random) -> str:
    """Change one value of a layout, and say what was done; its type stays."""
    parent = data
    for part in path[:-1]:
        parent = parent[part]
    old = parent[path[-1]]
    ways: list[tuple[str, Any]] = [("from elsewhere", how.choice(values_of(data, path)))]
    if isinstance(old, list):
        ways += [("emptied", []), ("doubled", old + old), ("turned", old[::-1]), ("cut", old[:-1]), ("first only", old[:1])]
    elif isinstance(old, dict) and len(old) > 1:
        keys = sorted(old, key=repr)
        one, other = how.sample(keys, 2)
        ways += [("emptied", {}), ("turned", dict(reversed(old.items()))), ("swapped", old | {one: old[other], other: old[one]}),
                 ("renamed", {("renamed" if key == one and isinstance(key, str) else key): value for key, value in old.items()})]
    elif type(old) in EDGES:
        ways += [("edge", edge) for edge in EDGES[type(old)]]
        if type(old) is int:
            ways += [("next", old + 1), ("before", old - 1)]
    what, value = how.choice(ways)
    if how.random() < 0.2:
        del parent[path[-1]]
        return f"{source.dotted(path)}: left out"
    parent[path[-1]] = copy.deepcopy(value)
    return f"{source.dotted(path)}: {what} {str(value)[:60]}"


def mutated(layout: str, seed: int) -> tuple[Any, str]:
    """Return a layout with one to three changes, and what they are."""
    how = random.Random(f"{layout}/{seed}")
    data = copy.deepcopy(data_of(layout))
    done = []
    for _ in range(how.choice([1, 1, 1, 2, 3])):
        paths = [path for path, _ in source.walk(data)]
        done.append(changed(data, how.choice(paths), how))
    return data, "; ".join(done)


def everything(old: Estate, new: Estate) -> None:
    """Do all that is done with a layout which passes ``unde check``."""
    unde.inventory(new)
    for title, rows in listings.LISTINGS.items():
        render.as_json(rows(new))
        render.as_table(title, rows(new))
    for one, other in ((old, new), (new, old)):
        difference = diff.between(one, other, ROLES)
        changes.text(difference)
        render.as_json(changes.rows(difference))
    try:
        grown = resized(new, new.layout.shards.count + 1)
        unde.refuse_errors(grown)
    except InvalidLayout:
        pass
    else:
        changes.text(diff.between(new, grown, ROLES))
    cells = reachability.cells(new)
    matrix.page("x", cells, {})
    report = matrix.rows(cells)
    render.as_json_lines(report)
    for host in new.gateways:
        script.script(routeros.with_keys(routeros.configuration(new, host), {}), [host])
        routeros.management(new, host)
    for title, lines, _ in bills.tables(new):
        render.as_table(title, lines)
    for users in (1, 5000, 10**10):
        need = capacity.need(new, users, date(2027, 1, 1))
        if not isinstance(need, capacity.OutOfReach):
            render.as_table("", growth.rows(need))
    secrets.fresh(new)
    survive.refuse_errors(new)
    survey = survive.Survey(new)
    singles = list(survey.singles())
    verdicts = survive.promises.verdicts(new, {outcome.name: outcome for outcome in singles})
    render.as_json_lines([*(survival.promise(each) for each in verdicts), *(survival.single(each) for each in singles)])
    map.page(new, survive.every(new))


def judged(data: Any) -> tuple[Estate | None, list[str]]:
    """Return the estate of a layout that ``unde check`` passes, or the lines that refuse it."""
    try:
        estate = support.estate_of(data)
        unde.refuse_errors(estate)
    except InvalidLayout as error:
        return None, str(error).splitlines()
    return estate, []


#: Layout → how many cases of it. One in three passes ``unde check`` and goes the whole way, which takes a second for thirty hosts.
CASES = {"base": 160, "layout": 24, "game-studio": 60}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_check_passes_everything_accepts(layout: str) -> None:
    """Whatever is changed: it is refused, each error in one line, or planned, listed, compared, grown, drawn, surveyed and priced."""
    passed = 0
    for seed in range(CASES.get(layout, 40)):
        data, what = mutated(layout, seed)
        try:
            estate, errors = judged(data)
            if estate:
                everything(estate_of(layout), estate)
            else:
                surveyed(data)
        except Exception as error:
            raise AssertionError(f"{layout}/{seed}: {what}") from error
        passed += estate is not None
        assert all(line.startswith("ERROR ") for line in errors), f"{layout}/{seed}: {what}"
    assert passed > 5, "hardly any case went the whole way: nothing was proved"


def surveyed(data: Any) -> None:
    """Ask what can be lost, which is answered for layouts with some errors, too."""
    try:
        estate = support.estate_of(data)
        survive.refuse_errors(estate)
    except InvalidLayout:
        return
    outcomes = {outcome.name: outcome for outcome in survive.Survey(estate).singles()}
    survive.promises.verdicts(estate, outcomes)


def leaves(data: Any) -> list[source.DataPath]:
    """Return the paths of all numbers of a layout."""
    return [path for path, value in source.walk(data) if type(value) in (int, float)]


def test_the_edges_of_every_number() -> None:
    """Each number of the smallest estate at one edge after another: what is refused is refused in words, the rest has a plan."""
    for number, path in enumerate(leaves(data_of("base"))):
        for edge in (EDGES[int] + EDGES[float])[number % 3 :: 3]:
            data = copy.deepcopy(data_of("base"))
            parent = data
            for part in path[:-1]:
                parent = parent[part]
            parent[path[-1]] = edge
            estate, _ = judged(data)
            if estate:
                unde.inventory(estate)
                bills.tables(estate)


def test_every_key_left_out() -> None:
    """Each key of the smallest estate, one after another."""
    for path, _ in list(source.walk(data_of("base"))):
        data = copy.deepcopy(data_of("base"))
        parent = data
        for part in path[:-1]:
            parent = parent[part]
        del parent[path[-1]]
        estate, _ = judged(data)
        if estate:
            unde.inventory(estate)
            diff.between(estate_of("base"), estate, ROLES)


COMMANDS = [
    "check", "check --format json", *(f"plan {section}" for section in listings.LISTINGS), "survive", "capacity --users 5000", "cost", "diff {old} {new}",
    "grow --shards 2", "map -o {folder}/map.html", "matrix", "routeros", "secrets",
]


@pytest.mark.parametrize("seed", range(8))
def test_every_command(seed: int, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file, as a user calls it: exit code 0, 1 or 2, and an error is lines of its own kind."""
    monkeypatch.setenv("UNDE_TRACEBACK", "1")
    data, what = mutated("base", 10_000 + seed)
    new = tmp_path / "layout.yml"
    new.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    refused = said("check", new)[2]
    for command in COMMANDS:
        words = command.format(old=LAYOUTS["base"], new=new, folder=tmp_path).split()
        out, err, code = said(*words, *([] if "{new}" in command else [new]))
        assert code in (0, 1, 2), f"{command}: {what}"
        assert "Traceback" not in out + err, f"{command}: {what}"
        if refused:
            assert code in (1, 2), f"{command}: {what}"
            assert command.startswith("check") or err.startswith("ERROR "), f"{command}: {what}"
