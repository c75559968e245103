"""The module ``unde.infra.certificate_authority_info``: what is there of an authority, and what keeps it from signing. By this machine's openssl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import certificates
from ansible_collections.unde.infra.plugins.modules import certificate_authority, certificate_authority_info


@pytest.fixture
def authority(tmp_path: Path, called: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where a whole authority is."""
    monkeypatch.setattr(certificates, "TRUSTED", tmp_path / "trusted.crt")
    called(certificate_authority, directory=str(tmp_path / "ca"), days=100)
    return tmp_path / "ca"


@pytest.fixture
def ask(authority: Path, called: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a function that asks about it."""
    return lambda **more: called(certificate_authority_info, directory=str(authority), **more)


def test_a_whole_one(authority: Path, ask: Callable[..., dict[str, Any]]) -> None:
    result = ask()
    assert (result["state"], result["problem"], result["changed"]) == ("present", "", False)
    assert result["certificate"] == (authority / "ca.crt").read_text()


@pytest.mark.parametrize("trusts", [True, False])
def test_none(trusts: bool, authority: Path, tmp_path: Path, ask: Callable[..., dict[str, Any]]) -> None:
    authority.rename(tmp_path / "away")
    if trusts:
        (tmp_path / "trusted.crt").touch()
    result = ask()
    assert (result["state"], result["problem"], result["certificate"], result["trusts_an_authority"]) == ("absent", "", "", trusts)


@pytest.mark.parametrize(("lost", "left"), [("ca.key", "ca.crt"), ("ca.crt", "ca.key")])
def test_half_of_one(lost: str, left: str, authority: Path, ask: Callable[..., dict[str, Any]]) -> None:
    (authority / lost).unlink()
    result = ask()
    assert result["state"] == "present"
    assert result["problem"].startswith(f"{authority}/{left} is there, {authority}/{lost} is not: half an authority. Nothing is made or overwritten. ")
    assert f"Bring {authority}/{lost} back from the backup" in result["problem"]
    assert "-e certificates_may_begin_anew=true" in result["problem"]


def test_a_key_of_another(authority: Path, tmp_path: Path, ask: Callable[..., dict[str, Any]], called: Callable[..., dict[str, Any]]) -> None:
    called(certificate_authority, directory=str(tmp_path / "other"))
    (tmp_path / "other/ca.key").rename(authority / "ca.key")
    assert ask()["problem"] == f"{authority}/ca.key is not the key of {authority}/ca.crt. Bring the right pair back from the backup."


def test_one_that_ends_soon(authority: Path, ask: Callable[..., dict[str, Any]]) -> None:
    assert ask(renew_days=99)["problem"] == ""
    assert ask(renew_days=100)["problem"].startswith(f"{authority}/ca.crt has fewer than 100 days left. Move {authority} away")


def test_a_key_that_openssl_cannot_read(authority: Path, ask: Callable[..., dict[str, Any]]) -> None:
    (authority / "ca.key").write_text("no key\n")
    assert ask()["msg"].startswith("openssl pkey: ")
