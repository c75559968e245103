"""Golden differences: base.yml with old.yml laid over it against base.yml with new.yml, as text; either may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

import support
import unde
from unde import diff
from unde.reports import changes

HERE = Path(__file__).parent
CASES = sorted(path.name for path in (HERE / "diff").iterdir())


@pytest.mark.parametrize("case", CASES)
def test_difference(case: str, update_golden: bool) -> None:
    """What a change does is what was written down."""
    overlays = [HERE / "diff" / case / side for side in ("old.yml", "new.yml")]
    old, new = (unde.estate(unde.load(HERE / "base.yml", overlay if overlay.exists() else None)) for overlay in overlays)
    said = changes.text(diff.between(old, new, diff.load(support.ROOT / "roles"))) + "\n"
    expected = HERE / "diff" / case / "expected.txt"
    if update_golden:
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")
