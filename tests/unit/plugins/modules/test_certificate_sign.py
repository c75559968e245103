"""The module ``unde.infra.certificate_sign``: what a certificate says is the options', and only the key is the request's. By this machine's openssl."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import certificate_request, certificate_sign


def openssl(*words: str, given: str = "") -> str:
    """Run openssl."""
    return subprocess.run(["openssl", *words], input=given, text=True, capture_output=True, check=True).stdout


@pytest.fixture
def request_(issued: dict[str, Any], called: Callable[..., dict[str, Any]]) -> str:
    """Return a request of the host."""
    return str(called(certificate_request, directory=issued["directory"], group=issued["group"], common_name="whoever")["request"])


@pytest.fixture
def sign(tmp_path: Path, issued: dict[str, Any], request_: str, called: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a function that has the request signed."""
    plain = {"directory": str(tmp_path / "ca"), "request": request_, "common_name": "app-1", "names": ["app-1", "10.1.0.9", "fd00::9"]}
    return lambda **changed: called(certificate_sign, **{**plain, **changed})


def test_a_certificate_says_what_the_layout_says(sign: Callable[..., dict[str, Any]], request_: str) -> None:
    result = sign(days=90)
    text = openssl("x509", "-noout", "-text", given=result["certificate"])
    assert "O = UNDE, CN = app-1" in text.replace("O=UNDE, CN=app-1", "O = UNDE, CN = app-1")
    assert "whoever" not in text
    for words in ("DNS:app-1, IP Address:10.1.0.9, IP Address:FD00:0:0:0:0:0:0:9", "TLS Web Server Authentication, TLS Web Client Authentication", "CA:FALSE"):
        assert words in text, words
    assert openssl("x509", "-noout", "-pubkey", given=result["certificate"]) == openssl("req", "-noout", "-pubkey", given=request_)
    assert subprocess.run(["openssl", "x509", "-noout", "-checkend", str(89 * 86400)], input=result["certificate"], text=True, check=False).returncode == 0
    assert subprocess.run(["openssl", "x509", "-noout", "-checkend", str(91 * 86400)], input=result["certificate"], text=True, check=False).returncode == 1


def test_it_is_signed_by_the_authority_and_nothing_is_written(sign: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    before = sorted(os.listdir(tmp_path / "ca"))
    result = sign()
    assert not result["changed"]
    assert sorted(os.listdir(tmp_path / "ca")) == before == ["ca.crt", "ca.key"]
    assert result["authority_certificate"] == (tmp_path / "ca/ca.crt").read_text()
    (tmp_path / "fresh.crt").write_text(result["certificate"])
    openssl("verify", "-CAfile", str(tmp_path / "ca/ca.crt"), "-purpose", "sslserver", str(tmp_path / "fresh.crt"))


def test_no_two_have_one_serial_number(sign: Callable[..., dict[str, Any]]) -> None:
    assert len({openssl("x509", "-noout", "-serial", given=sign()["certificate"]) for _ in range(2)}) == 2


def test_what_is_no_request_is_refused(sign: Callable[..., dict[str, Any]]) -> None:
    assert sign(request="no request")["msg"].startswith("openssl req: ")


def test_an_authority_that_is_not_there_signs_nothing(sign: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = sign(directory=str(tmp_path / "nowhere"))
    assert result["failed"]
    assert result["msg"].startswith("openssl x509: ")
