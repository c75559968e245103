"""The module ``unde.infra.certificate_request``: a key is made once and is read by few; the request is signed with it. By this machine's openssl."""

from __future__ import annotations

import grp
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import certificates
from ansible_collections.unde.infra.plugins.modules import certificate_request


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the parameters on a host without a key."""
    monkeypatch.setattr(certificates, "OWNER", os.getuid())
    return {"directory": str(tmp_path), "group": grp.getgrgid(os.getgid()).gr_name, "common_name": "app-1"}


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_key_is_made_where_there_is_none(check_mode: bool, host: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    key = Path(host["directory"]) / "host.key"
    result = called(certificate_request, check_mode, **host)
    assert (result["changed"], result["actions"], result["diff"]) == (True, [f"make {key}"], {"prepared": f"make {key}\n"})
    assert key.exists() is not check_mode
    assert bool(result["request"]) is not check_mode
    if not check_mode:
        assert [path.name for path in key.parent.iterdir()] == ["host.key"]
        assert key.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_key_that_exists_is_kept(check_mode: bool, host: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    """And a request from it is no change, in check mode neither."""
    called(certificate_request, **host)
    key = Path(host["directory"]) / "host.key"
    before = key.read_text()
    result = called(certificate_request, check_mode, **host)
    assert (result["changed"], result["actions"]) == (False, [])
    assert key.read_text() == before
    said = subprocess.run(["openssl", "req", "-verify", "-noout", "-subject"], input=result["request"], text=True, capture_output=True, check=True)
    assert "CN = app-1" in said.stdout.replace("CN=", "CN = ")
    assert before.splitlines()[1] not in json.dumps(result)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_key_that_others_may_read_is_taken_from_them(check_mode: bool, host: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    called(certificate_request, **host)
    key = Path(host["directory"]) / "host.key"
    key.chmod(0o644)
    assert called(certificate_request, check_mode, **host)["actions"] == [f"give {key} to root and the group {host['group']} with mode 0640"]
    assert (key.stat().st_mode & 0o777 == 0o640) is not check_mode


def test_what_is_no_key_is_never_overwritten(host: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    key = Path(host["directory"]) / "host.key"
    key.write_text("no key\n")
    result = called(certificate_request, **host)
    assert result["msg"] == f"{key} cannot be used. It is never overwritten: move it away and run again."
    assert key.read_text() == "no key\n"


def test_a_key_that_cannot_be_made_is_told(host: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    result = called(certificate_request, **{**host, "directory": "/nowhere/at-all"})
    assert result["failed"]
    assert result["msg"].startswith("openssl genpkey: ")
