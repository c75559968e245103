"""The package's public stages: what the documentation shows runs, and what they take and refuse."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import support
import unde
from unde.errors import InvalidLayout, UnreadableLayout
from unde.model import Source


def test_the_documented_example() -> None:
    """The code of docs/development.md, as it stands there."""
    [code] = re.findall(r"^```python\n(.*?)^```", (support.ROOT / "docs/development.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    done = support.run(sys.executable, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "10.2.0.101"
    assert done.stdout.count("WARNING") == len(done.stdout.splitlines()) - 1


def test_a_layout_is_read_once(tmp_path: Path) -> None:
    """What was read already is laid over as its file would be; it stays as it was, and each value keeps its place."""
    overlay = tmp_path / "overlay.yml"
    overlay.write_text("shards:\n  count: 3\n", encoding="utf-8")
    read = unde.load(support.LAYOUT)
    from_files, from_read = unde.load(support.LAYOUT, overlay), unde.load(read, unde.load(overlay))
    assert from_files == from_read
    assert (read.data["shards"]["count"], from_read.data["shards"]["count"]) == (1, 3)
    at = from_read.position(("shards", "count"))
    assert (at.file, at.line) == (str(overlay), 2)
    assert unde.load(read, overlay, "shards.count=4").data["shards"]["count"] == 4


def test_each_stage_refuses_its_own() -> None:
    """What is no YAML is not read; what is no layout makes no estate; what cannot stand is found, and refused when that is asked."""
    with pytest.raises(UnreadableLayout, match="cannot be read"):
        unde.load("no such file")
    with pytest.raises(InvalidLayout, match="schema-unknown-key"):
        unde.estate(Source("layout.yml", support.shipped() | {"sight": {}}, {}))
    estate = support.estate_of(support.merged(support.shipped(), {"hosts": {"push": {"address": "10.9.9.9"}}}))
    assert "address-outside-network" in {finding.rule for finding in unde.check(estate)}
    with pytest.raises(InvalidLayout, match="address-outside-network"):
        unde.refuse_errors(estate)


def test_nothing_is_imported_before_it_is_needed() -> None:
    """The package itself costs nothing: neither pydantic nor YAML, and no room of its own."""
    code = "import sys; import unde; print(*sorted(name for name in sys.modules if name.partition('.')[0] in ('unde', 'pydantic', 'yaml', 'netaddr')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(support.ROOT / "generator")})
    assert done.stdout.split() == ["unde"]
