"""Whatever the file holds, the answer is a plan or an error of ours; never another exception."""

from __future__ import annotations

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import support
import unde
from unde.errors import InvalidLayout, UndeError, UnreadableLayout
from unde.model import source
from unde.plan import secrets
from unde.reports import listings, render

SHIPPED = support.shipped()
PATHS = [path for path, _ in source.walk(SHIPPED)]
REMOVED = object()
WRONG = [REMOVED, None, "", "x", "10.2.0.10", "local", 0, -1, 2**40, 1.5, float("nan"), True, [], ["x"], [None], {}, {"x": 1}, {1: {}}]

def value_at(data: Any, path: source.DataPath) -> Any:
    """Return the value at a path."""
    for part in path:
        data = data[part]
    return data


def mutate(data: Any, path: source.DataPath, value: Any) -> None:
    """Put a value at a path, or remove what is there; do nothing where an earlier mutation took the parent."""
    try:
        parent = value_at(data, path[:-1])
        if value is REMOVED:
            del parent[path[-1]]
        else:
            parent[path[-1]] = copy.deepcopy(value)
    except (KeyError, IndexError, TypeError):
        pass


def use(data: Any) -> None:
    """Do all that is done with a layout."""
    estate = support.estate_of(data)
    unde.check(estate)
    unde.refuse_errors(estate)
    unde.inventory(estate)
    secrets.fresh(estate)
    for rows in listings.LISTINGS.values():
        render.as_json(rows(estate))


values = st.one_of(st.sampled_from(WRONG), st.sampled_from(PATHS).map(lambda path: value_at(SHIPPED, path)))


@settings(max_examples=250)
@given(st.lists(st.tuples(st.sampled_from(PATHS), values), min_size=1, max_size=3))
@example([(("sites", "helsinki", "networks"), {})])
def test_a_mutated_layout(mutations: list[tuple[source.DataPath, Any]]) -> None:
    """A layout with values removed, nulled, of a wrong type, or from elsewhere in it is planned or refused."""
    data = copy.deepcopy(SHIPPED)
    for path, value in mutations:
        mutate(data, path, value)
    with suppress(UndeError):
        use(data)


@settings(max_examples=60)
@given(st.sampled_from(PATHS), values)
def test_a_mutated_overlay(path: source.DataPath, value: Any) -> None:
    """An overlay may be as wrong as a layout."""
    tree: Any = None if value is REMOVED else copy.deepcopy(value)
    for part in reversed(path):
        tree = {part: tree}
    with suppress(UndeError):
        support.estate(tree)


NOISE = ["", "\t", "\n", ": ", "- ", "{", "]", "&a ", "*kind", "!!int ", "!!timestamp ", "\x00", "'", "<<: ", "? "]


@settings(max_examples=120)
@given(st.data())
def test_mutated_text(data: st.DataObject) -> None:
    """A layout whose text was cut or overwritten somewhere is planned or refused."""
    text = (support.ROOT / "tests" / "golden" / "base.yml").read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    noise = data.draw(st.sampled_from(NOISE))
    broken = text[:start] + noise + text[start + data.draw(st.integers(0, 30)):]
    with suppress(UndeError):
        use(source.parse(broken, "layout.yml").data)


UNREADABLE = {
    "empty": b"",
    "only tabs": b"\t\t\n\t\n",
    "a list": b"- a\n- b\n",
    "a number": b"5\n",
    "binary": bytes(range(256)),
    "nul": b"a: \x00\n",
    "latin-1": "a: ü\n".encode("latin-1"),
    "alias loop": b"a: &a\n  b: *a\n",
    "list loop": b"a: &a [*a]\n",
    "no such alias": b"a: *b\n",
    "foreign tag": b"a: !!python/object/apply:os.system [ls]\n5: !!python/name:os.system x\n",
    "huge number": b"a: " + b"9" * 5000,
    "huge hexadecimal": b"a: 0x" + b"f" * 5000,
    "bad date": b"a: 2026-99-99\n",
    "bad tag": b"a: !!bool maybe\n",
    "two documents": b"a: 1\n---\nb: 2\n",
    "unclosed": b"a: [1, {b: \n",
    "a list as key": b"[a]: 1\n",
    "null key": b"~: 1\n",
    "deep lists": b"a: " + b"[" * 100_000 + b"]" * 100_000,
    "deep mappings": b"a: " + b"{a: " * 100_000 + b"}" * 100_000,
    "deep blocks": b"- " * 100_000 + b"a\n",
    "merge of a word": b"a: {<<: b}\n",
    "merge bomb": b"a: &a {x: 1}\nb: &b {<<: [" + b"*a," * 500 + b"]}\nc: {<<: [" + b"*b," * 500 + b"]}\n",
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_unreadable_files(what: str, tmp_path: Path) -> None:
    """What is no mapping in YAML is refused with the name of the file."""
    file = tmp_path / "layout.yml"
    file.write_bytes(UNREADABLE[what])
    with pytest.raises(UnreadableLayout, match=r"layout\.yml"):
        unde.load(file)


def test_a_directory_and_no_file(tmp_path: Path) -> None:
    """What cannot be opened is refused."""
    for path in (tmp_path, tmp_path / "no-such.yml"):
        with pytest.raises(UnreadableLayout, match="cannot be read"):
            unde.load(path)


@pytest.mark.parametrize(
    "data", [{}, {"hosts": None}, {"hosts": []}, dict.fromkeys(SHIPPED), {key: [] for key in SHIPPED}, {1: 2}, {True: 1}]
)
def test_hollow_layouts(data: dict[Any, Any]) -> None:
    """A mapping that is no layout has findings, not an exception."""
    with pytest.raises(InvalidLayout):
        support.estate_of(data)


@pytest.mark.parametrize(
    "assignments", ["shards", "=1", "a..b=1", "shards.count=", "shards.count=[", "shards.count=x", "hosts.*.vcpu=none"]
)
def test_bad_assignments(assignments: str) -> None:
    """An assignment that sets nothing sensible is refused."""
    with pytest.raises(UndeError):
        support.estate_of(unde.load(support.LAYOUT, None, assignments).data)


def test_a_duplicate_key_is_named_once() -> None:
    """However often a mapping is merged, its duplicate key is one finding."""
    read = source.parse("a: &a {x: 1, x: 2}\nb: {<<: *a}\nc: {<<: *a}\n", "layout.yml")
    assert [finding.rule for finding in read.findings] == ["yaml-duplicate-key"]
