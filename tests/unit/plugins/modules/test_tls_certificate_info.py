"""The module ``unde.infra.tls_certificate_info``, against certificates that openssl makes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import tls_certificate_info

Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return a certificate for api.example.org that is valid for ten days, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = {"certificate": str(folder / "host.crt"), "key": str(folder / "host.key")}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", files["key"], "-out", files["certificate"],
         "-days", "10", "-subj", "/CN=api", "-addext", "subjectAltName=DNS:api.example.org"],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


def test_a_certificate_that_is_fine(called: Call, pair: dict[str, str]) -> None:
    result = called(tls_certificate_info, **pair, names=["api.example.org"], days=7)
    assert (result["problems"], result["exists"], result["changed"]) == ([], True, False)


def test_too_few_days_and_another_name(called: Call, pair: dict[str, str]) -> None:
    result = called(tls_certificate_info, **pair, names=["api.example.org", "www.example.org"], days=20)
    assert result["problems"] == ["has fewer than 20 days left", "is not for www.example.org"]


def test_a_key_of_another_certificate(called: Call, pair: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(other)], check=True, capture_output=True)
    assert called(tls_certificate_info, **pair | {"key": str(other)})["problems"] == [f"is not of the key {other}"]


def test_what_is_no_certificate(called: Call, pair: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "host.crt").write_text("nothing of the kind\n")
    assert called(tls_certificate_info, **pair | {"certificate": str(tmp_path / "host.crt")})["problems"] == ["is none that openssl can read"]


@pytest.mark.parametrize("gone", ["certificate", "key"])
def test_a_file_that_is_missing_or_empty(gone: str, called: Call, pair: dict[str, str], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for path in (empty, tmp_path / "nowhere"):
        result = called(tls_certificate_info, **pair | {gone: str(path)})
        assert (result["problems"], result["exists"]) == (["is missing, or its key is"], False)


def test_without_openssl_nothing_is_said_of_a_file_that_is_there(called: Call, pair: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In check mode on a host that has no packages yet."""
    monkeypatch.setattr(tls_certificate_info.AnsibleModule, "get_bin_path", lambda self, name: None)
    assert called(tls_certificate_info, **pair, names=["www.example.org"])["problems"] == []
