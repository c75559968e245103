"""The module ``unde.infra.certificate_authority``: it is made once, whole, and for root alone. By this machine's openssl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import certificates
from ansible_collections.unde.infra.plugins.modules import certificate_authority


@pytest.mark.parametrize("check_mode", [True, False])
def test_it_is_made_where_there_is_none(check_mode: bool, tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    """The directory above it is others' business, too."""
    directory = tmp_path / "unde/ca"
    result = called(certificate_authority, check_mode, directory=str(directory), days=100)
    assert (result["changed"], result["actions"]) == (True, [f"make the authority in {directory}"])
    assert result["diff"] == {"prepared": f"make the authority in {directory}\n"}
    assert directory.exists() is not check_mode
    if check_mode:
        return
    assert [path.name for path in directory.parent.iterdir()] == ["ca"]
    assert sorted(path.name for path in directory.iterdir()) == ["ca.crt", "ca.key"]
    assert [path.stat().st_mode & 0o777 for path in (directory.parent, directory, directory / "ca.key")] == [0o755, 0o700, 0o600]
    said = subprocess.run(["openssl", "x509", "-noout", "-text", "-in", str(directory / "ca.crt")], text=True, capture_output=True, check=True).stdout
    for words in ("CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "UNDE Infra certificate authority"):
        assert words in said, words
    assert (directory / "ca.key").read_text().splitlines()[1] not in json.dumps(result)


@pytest.mark.parametrize("left", [["ca.key", "ca.crt"], ["ca.key"], ["ca.crt"]])
def test_what_is_there_stays(left: list[str], tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    """Half an authority too."""
    for name in left:
        (tmp_path / name).write_text("here before\n")
    result = called(certificate_authority, directory=str(tmp_path))
    assert (result["changed"], result["actions"]) == (False, [])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(left, "here before\n")


def test_one_that_another_run_makes_meanwhile_stays(tmp_path: Path, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waited for the lock looks again."""

    def wait(handle: int, how: int) -> None:
        (tmp_path / "ca").mkdir()
        (tmp_path / "ca/ca.key").write_text("theirs\n")

    monkeypatch.setattr(certificates.fcntl, "flock", wait)
    called(certificate_authority, directory=str(tmp_path / "ca"))
    assert {path.name: path.read_text() for path in (tmp_path / "ca").iterdir()} == {"ca.key": "theirs\n"}


def test_a_failure_leaves_nothing(tmp_path: Path, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    programs.say("genpkey")
    programs.say("req -x509", code=1, complaint="disk full\n")
    assert called(certificate_authority, directory=str(tmp_path / "ca"))["msg"] == "openssl req: disk full"
    assert list(tmp_path.iterdir()) == []
