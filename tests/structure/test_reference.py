"""The reference is what the code says, and the editors' schema accepts what the model accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import support
import unde
from unde import checks

REFERENCE = support.ROOT / "docs" / "reference"
SCHEMA = json.loads((support.ROOT / "inventory" / "layout.schema.json").read_text(encoding="utf-8"))
LAYOUTS = [support.LAYOUT, *sorted((support.ROOT / "inventory" / "examples").glob("*.yml"))]


def test_the_reference_is_fresh() -> None:
    """`make reference` would write nothing."""
    done = support.run("python", "scripts/reference.py", "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_every_rule_and_command_is_in_it() -> None:
    """With a heading of its own."""
    headings = {line[3:] for line in (REFERENCE / "rules.md").read_text(encoding="utf-8").splitlines() if line.startswith("## ")}
    assert set(checks.RULES) <= headings
    commands = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    for name in ("capacity", "check", "cost", "diff", "grow", "map", "plan", "survive"):
        assert f"## unde {name}\n" in commands
        assert f"```sh\nunde {name}" in commands, "no example"


def test_every_key_is_explained() -> None:
    """No key of the reference is without a word, but those whose object has a section of its own or whose name is the word."""
    assert (REFERENCE / "layout.md").read_text(encoding="utf-8").count("|  |\n") == 0


def plain(file: Path) -> Any:
    """Return a layout as an editor's language server sees it: JSON, with keys as text."""
    return json.loads(json.dumps(unde.load(file).data))


@pytest.mark.parametrize("file", LAYOUTS, ids=lambda file: file.stem)
def test_the_schema_accepts_the_layouts(file: Path) -> None:
    """All that are shipped, the literal document too: what is wrong with that one is between its values."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(plain(file), SCHEMA)


@pytest.mark.parametrize("path", ["adress", "hosts.push.adress", "shards.cuont", "clusters.etcd.heartbeat", "flows.entry.too"])
def test_the_schema_refuses_an_unknown_key(path: str) -> None:
    """As the model does."""
    changed = plain(support.LAYOUT)
    here = changed
    *parents, last = path.split(".")
    for parent in parents:
        here = here.setdefault(parent, {})
    here[last] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, SCHEMA)


def test_the_layouts_name_their_schema() -> None:
    """An editor finds it by the first comment; it is no key."""
    for file in LAYOUTS:
        found = [line for line in file.read_text(encoding="utf-8").splitlines()[:4] if line.startswith("# yaml-language-server: $schema=")]
        assert len(found) == 1, file
        assert (file.parent / found[0].partition("=")[2]).resolve() == support.ROOT / "inventory" / "layout.schema.json"
    assert yaml.safe_load(support.LAYOUT.read_text(encoding="utf-8"))["plugin"] == "unde.infra.layout"
