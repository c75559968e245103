"""Every exporter that a layout declares is one that the role configures."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import support

HOME = support.ROOT / "roles/exporters"
LAYOUTS = [support.LAYOUT, *sorted((support.ROOT / "inventory/examples").glob("*.yml"))]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda path: path.stem)
def test_every_exporter_of_a_layout_is_known(layout: Path) -> None:
    """A service <name>-exporter has its template, and the role's README says what it tells."""
    services = yaml.safe_load(layout.read_text(encoding="utf-8"))["services"]
    names = sorted(name.removesuffix("-exporter") for name in services if name.endswith("-exporter"))
    assert names
    assert [name for name in names if not (HOME / f"templates/{name}.conf.j2").is_file()] == []
    assert [name for name in names if f"| `{name}` |" not in (HOME / "README.md").read_text(encoding="utf-8")] == []
