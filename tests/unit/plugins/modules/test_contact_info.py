"""What a run asks every host first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import debian
from ansible_collections.unde.infra.plugins.modules import contact_info

TRIXIE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nVERSION_CODENAME=trixie\nID=debian\n'
DERIVED = 'PRETTY_NAME="Raspbian GNU/Linux 13"\nVERSION_CODENAME=trixie\nID=raspbian\n'

Called = Callable[..., dict[str, Any]]


def system(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    (folder / "os-release").write_text(text)
    monkeypatch.setattr(debian, "OS_RELEASE", (folder / "missing", folder / "os-release"))


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_host_that_was_met(called: Called, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check_mode: bool) -> None:
    system(monkeypatch, tmp_path, TRIXIE)
    (tmp_path / "mark").write_text('{"roles": ["base"]}\n')
    said = called(contact_info, check_mode=check_mode, mark=str(tmp_path / "mark"))
    del said["invocation"]
    assert said == {
        "changed": False, "release": "trixie", "version": "13", "pretty_name": "Debian GNU/Linux 13 (trixie)", "mark": {"roles": ["base"]},
    }  # fmt: skip


def test_what_calls_itself_by_a_release_of_debian_s_is_none(called: Called, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system(monkeypatch, tmp_path, DERIVED)
    said = called(contact_info, mark=str(tmp_path / "mark"))
    assert (said["release"], said["pretty_name"]) == ("", "Raspbian GNU/Linux 13")


@pytest.mark.parametrize("text", [None, "", '{"roles": ["ba', "[]", "null", b"\xff\xfe"])
def test_what_is_no_mark(called: Called, tmp_path: Path, text: str | bytes | None) -> None:
    """Nobody has met a host whose mark cannot be read; where it is whole again, somebody has."""
    mark = tmp_path / "mark"
    if text is not None:
        mark.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert called(contact_info, mark=str(mark))["mark"] is None
    mark.write_text("{}")
    assert called(contact_info, mark=str(mark))["mark"] == {}
