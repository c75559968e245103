"""The module ``unde.infra.certificate_hooks``: which hooks run, in which order, and when the mark goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import certificate_hooks

Called = Callable[..., dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the directory of a certificate that was renewed, with two hooks and what is none."""
    folder = tmp_path / "renewed.d"
    folder.mkdir()
    for name, mode in (("patroni", 0o755), ("nginx", 0o755), ("nginx.dpkg-old", 0o755), ("README", 0o644)):
        (folder / name).touch()
        (folder / name).chmod(mode)
    (tmp_path / ".renewed").touch()
    return tmp_path


@pytest.mark.parametrize("check_mode", [True, False])
def test_hooks_run_in_the_order_of_their_names_and_the_mark_goes_last(check_mode: bool, place: Path, programs: Any, called: Called) -> None:
    programs.say("renewed.d", "")
    expected = [f"{place}/renewed.d/nginx", f"{place}/renewed.d/patroni"]
    result = called(certificate_hooks, check_mode, directory=str(place))
    assert result["actions"] == [*expected, f"remove {place}/.renewed"]
    assert result["changed"]
    assert programs.asked == ([] if check_mode else expected)
    assert (place / ".renewed").exists() is check_mode


def test_a_hook_that_fails_leaves_the_mark_and_those_after_it(place: Path, programs: Any, called: Called) -> None:
    programs.say("renewed.d/nginx", code=1, complaint="nginx: no such file\n")
    result = called(certificate_hooks, directory=str(place))
    assert result["failed"]
    assert result["msg"] == f"{place}/renewed.d/nginx: nginx: no such file"
    assert programs.asked == [f"{place}/renewed.d/nginx"]
    assert (place / ".renewed").exists()


def test_before_the_first_certificate_there_is_nothing_to_run(tmp_path: Path, called: Called) -> None:
    result = called(certificate_hooks, check_mode=True, directory=str(tmp_path / "tls"))
    assert result["actions"] == [f"remove {tmp_path}/tls/.renewed"]
