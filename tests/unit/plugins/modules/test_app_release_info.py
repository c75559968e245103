"""The module ``unde.infra.app_release_info``: which releases are to be brought."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import app_service
from ansible_collections.unde.infra.plugins.modules import app_release_info


@pytest.fixture(autouse=True)
def alpha(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have release 1 of alpha."""
    monkeypatch.setattr(app_service, "PROGRAMS", tmp_path)
    (tmp_path / "alpha/releases/1").mkdir(parents=True)
    (tmp_path / "alpha/releases/1/checksum").write_text("a" * 64)


@pytest.mark.parametrize(("wanted", "missing"), [
    ([], []),
    ([{"name": "alpha", "version": "1"}], []),
    ([{"name": "alpha", "version": "1", "checksum": "a" * 64}], []),
    ([{"name": "alpha", "version": "2"}, {"name": "beta", "version": "1"}], ["alpha", "beta"]),
])  # fmt: skip
def test_what_is_missing(wanted: list[dict[str, str]], missing: list[str], called: Callable[..., dict[str, Any]]) -> None:
    result = called(app_release_info, True, releases=wanted)
    assert (result["missing"], result["changed"]) == (missing, False)


def test_a_version_is_one_content(called: Callable[..., dict[str, Any]]) -> None:
    result = called(app_release_info, releases=[{"name": "alpha", "version": "1", "checksum": "b" * 64}])
    assert result["failed"]
    assert result["msg"] == f"alpha 1 is here with another content (SHA-256 {'a' * 64}): give what is new a new version"
