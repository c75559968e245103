"""Numbers and names are what is written: YAML's surprises are refused with file, line, path and fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import support
import unde
from unde.model import source

Said = Callable[..., tuple[str, str, int]]

SURPRISES = {
    "0443": "is read as 291 — write 443, or 291 if the octal number is meant",
    "010": "is read as 8 — write 10, or 8 if the octal number is meant",
    "22:22": "is read as 1342 — write a number in decimal digits",
    "1:30:00": "is read as 5400",
    "22:22.5": "is read as 1342.5",
    "0x1F": "is read as 31 — write 31",
    "0b11": "is read as 3 — write 3",
    "1_000": "is read as 1000 — write 1000",
    "+5": "is read as 5 — write 5",
    "-0": "is read as 0",
    "-0.0": "is read as -0.0",
    ".5": "is read as 0.5",
    "1.": "is read as 1.0",
    "1.0e+3": "is read as 1000.0",
    "1e3": "is text here and a number to other readers of YAML",
    "0o17": "is text here and a number to other readers of YAML",
    ".inf": "is read as inf",
    "-.INF": "is read as -inf",
    ".nan": "is read as nan",
    "9" * 400 + ".5": "is read as inf",
    "0.12345678901234567890": "is read as 0.12345678901234568",
    "yes": "is read as true — write true",
    "Off": "is read as false — write false",
    "2026-01-01": "is read as a date",
    "2026-01-01 10:00:00": "is read as a datetime",
    "!!binary aGVsbG8=": "is read as a bytes",
    '!!int "010"': "is read as 8",
}
PLAIN = {
    "0": 0, "443": 443, "-3": -3, "7.10": 7.1, "0.5": 0.5, "-1.25": -1.25, "true": True, "False": False, "null": None, "~": None, "": None,
    '"0443"': "0443", "'yes'": "yes", '"2026-01-01"': "2026-01-01", "!!str 010": "010", "10.2.0.10": "10.2.0.10", "y": "y", "1.2.3": "1.2.3", "a:b": "a:b",
}


@pytest.mark.parametrize("written", SURPRISES)
def test_what_is_read_as_something_else_is_refused(written: str) -> None:
    """As a value, as an item of a list, and as a key, with its line and its path."""
    read = source.parse(f"a:\n  b: {written}\nc:\n  - {written}\n", "layout.yml")
    assert [(finding.line, finding.path, finding.rule) for finding in read.findings] == [(2, "a.b", "yaml-not-as-written"), (4, "c[0]", "yaml-not-as-written")]
    assert all(SURPRISES[written] in f"{finding.message} — {finding.fix}" for finding in read.findings)
    [finding] = source.parse(f"a:\n  ? {written}\n  : 1\n", "layout.yml").findings[:1]
    assert finding.line == 2
    assert len(str(finding)) < 500


@pytest.mark.parametrize("written", PLAIN)
def test_what_is_plain_is_taken(written: str) -> None:
    """And text in quotes is text, whatever it looks like."""
    read = source.parse(f"a: {written}\n", "layout.yml")
    assert (read.data, read.findings) == ({"a": PLAIN[written]}, [])


def test_a_merged_value_is_named_once() -> None:
    """However many hosts merge it."""
    read = source.parse("a: &a {x: 010}\nb: {<<: *a}\nc: {<<: *a}\n", "layout.yml")
    assert [(finding.line, finding.path) for finding in read.findings] == [(1, "a.x")]


def test_in_a_layout(tmp_path: Path, said: Said) -> None:
    """The issue's own: one error for each, exit code 1."""
    text = support.LAYOUT.read_text(encoding="utf-8")
    for old, new in (("ports: [9100]", "ports: [0443]"), ("grafana: {hosts: [monitoring], ports: [3000]}", "grafana: {hosts: [monitoring], ports: [22:22]}"),
                     ("    vcpu: 4\n", "    vcpu: 010\n"), ('version: "7.2" ', "version: 7.10 ")):
        assert old in text, old
        text = text.replace(old, new, 1)
    file = tmp_path / "layout.yml"
    file.write_text(text, encoding="utf-8")
    out, _, code = said("check", file)
    errors = [line for line in out.splitlines() if line.startswith("ERROR")]
    assert code == 1
    assert len(errors) == 4
    assert [part in line for part, line in zip(("not 7.10", "010", "0443", "22:22"), errors, strict=True)] == [True] * 4
    assert "document.version — text is wanted, not 7.10 — write it in quotes" in errors[0]


@pytest.mark.parametrize("assignment", ["shards.count=010", "hosts.push.vcpu=0x4", "document.version=2026-01-01", "services.ssh.tls=yes"])
def test_in_an_assignment(assignment: str, said: Said) -> None:
    """``--set`` reads values as the file does."""
    out, _, code = said("check", "--set", assignment)
    assert code == 1
    path, _, value = assignment.partition("=")
    assert f"ERROR yaml-not-as-written ({assignment}):1 {path} — {value} without quotes" in out


def test_in_an_overlay(tmp_path: Path, said: Said) -> None:
    """An overlay's values are as strictly read, and name the overlay."""
    file = tmp_path / "overlay.yml"
    file.write_text("hosts:\n  push: {vcpu: 010}\n", encoding="utf-8")
    out, _, code = said("check", "--overlay", file)
    assert code == 1
    assert f"ERROR yaml-not-as-written {file}:2 hosts.push.vcpu — 010" in out


@pytest.mark.parametrize("assignments", ["shards.count=2\nplugin: x", "shards.count=1\n---\n2"])
def test_an_assignment_is_one_value(assignments: str, said: Said) -> None:
    """Nothing else comes with it."""
    _, err, code = said("check", "--set", assignments)
    assert code == 2
    assert err.startswith("ERROR ")


@pytest.mark.parametrize("part", ["07", "٣", "1_0", "9" * 5000])
def test_a_path_s_number_is_plain(part: str) -> None:
    """What is no plain number in a path is a name, and no other number."""
    read = unde.load(support.LAYOUT, None, f"rollout.days.{part}=1")
    assert part in read.data["rollout"]["days"]


def test_long_values_are_cut_in_messages(tmp_path: Path, said: Said) -> None:
    """A message stays a line that can be read."""
    file, long = tmp_path / "overlay.yml", "x" * 100_000
    keys = "".join(f"    {key}: {long}\n" for key in ("state", "address", "vcpu", "site", "? " + long + "\n    "))
    file.write_text(f"hosts:\n  push:\n    public_address: 1.2.3.{'9' * 9000}\n{keys}", encoding="utf-8")
    out, _, code = said("check", "--overlay", file)
    assert code == 1
    assert len(out.splitlines()) >= 6
    assert all(len(line) < 800 for line in out.splitlines())
