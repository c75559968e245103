"""The module ``unde.infra.certificate_info``: what makes a certificate due, and what is told beside that. By this machine's openssl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import certificates
from ansible_collections.unde.infra.plugins.modules import certificate_authority, certificate_info, certificate_request, certificate_sign


def test_a_good_certificate_is_due_for_nothing(issued: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    authority = (Path(issued["directory"]) / "ca.crt").read_text()
    result = called(certificate_info, **issued, authority_certificate=authority)
    assert result["renewal_reason"] == ""
    assert (result["changed"], result["reload_pending"], result["has_openssl"], result["trusts_an_authority"]) == (False, False, True, True)


@pytest.mark.parametrize(("changed", "words"), [
    ({"common_name": "app-2"}, "host.crt is for another host: CN=app-1,O=UNDE"),
    ({"names": ["app-1"]}, "host.crt names 10.1.0.9, app-1; wanted app-1"),
    ({"names": ["app-1", "10.1.0.9", "fd00:0::1"]}, "host.crt names 10.1.0.9, app-1; wanted 10.1.0.9, app-1, fd00::1"),
    ({"renew_days": 825}, "host.crt has fewer than 825 days left"),
    ({"authority_certificate": "of another"}, "ca.crt is not the certificate of the estate's authority"),
    ({"group": "there-is-no-such"}, "host.key is not root's with group there-is-no-such and mode 0640"),
    ({"names": ["10.1.0.9", "APP-1"]}, ""),
    ({"renew_days": 823}, ""),
])  # fmt: skip
def test_what_is_wanted_otherwise_makes_it_due(changed: dict[str, Any], words: str, issued: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    reason = called(certificate_info, **{**issued, **changed})["renewal_reason"]
    assert reason == (f"{issued['directory']}/{words}" if words else "")


@pytest.mark.parametrize("name", ["ca.crt", "host.crt", "host.key"])
def test_a_file_that_is_missing_makes_it_due(name: str, issued: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    path = Path(issued["directory"]) / name
    path.unlink()
    result = called(certificate_info, **issued)
    assert result["renewal_reason"] == f"{path} is missing"
    assert result["trusts_an_authority"] is (name != "ca.crt")


def test_a_key_that_others_may_read_makes_it_due(issued: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    (Path(issued["directory"]) / "host.key").chmod(0o644)
    assert called(certificate_info, **issued)["renewal_reason"].endswith("and mode 0640")


def test_another_key_makes_it_due(issued: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    key = Path(issued["directory"]) / "host.key"
    key.unlink()
    called(certificate_request, directory=issued["directory"], group=issued["group"], common_name="app-1")
    assert called(certificate_info, **issued)["renewal_reason"] == f"{issued['directory']}/host.crt is not for {key}"


def test_the_signature_of_another_authority_makes_it_due(issued: dict[str, Any], tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    called(certificate_authority, directory=str(tmp_path / "other"))
    request = called(certificate_request, directory=issued["directory"], group=issued["group"], common_name="app-1")["request"]
    signed = called(certificate_sign, directory=str(tmp_path / "other"), request=request, common_name="app-1", names=issued["names"])
    (Path(issued["directory"]) / "host.crt").write_text(signed["certificate"])
    assert called(certificate_info, **issued)["renewal_reason"] == f"{issued['directory']}/host.crt is not signed by {issued['directory']}/ca.crt"


def test_services_that_were_not_told_are_pending(issued: dict[str, Any], called: Callable[..., dict[str, Any]]) -> None:
    (Path(issued["directory"]) / ".renewed").touch()
    result = called(certificate_info, **issued)
    assert (result["reload_pending"], result["renewal_reason"], result["changed"]) == (True, "", False)


def test_a_host_without_openssl(issued: dict[str, Any], monkeypatch: pytest.MonkeyPatch, called: Callable[..., dict[str, Any]]) -> None:
    monkeypatch.setattr(certificates.shutil, "which", lambda name: None)
    result = called(certificate_info, **issued)
    assert (result["renewal_reason"], result["has_openssl"]) == ("openssl is missing", False)
