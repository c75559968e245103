"""The module ``unde.infra.postgres_secret_files``: the key in memory alone, its exchange, and the replication password."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.module_utils import atomic
from ansible_collections.unde.infra.plugins.modules import postgres_secret_files

Call = Callable[..., dict[str, Any]]
KEY, FORMER = "a-new-key-" * 4, "the-former-key-" * 3
PASSWORD = r"pass:word\with-both"


@pytest.fixture
def place(tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the parameters of a host whose /run is tmpfs."""
    programs.say("stat --file-system", "tmpfs\n")
    monkeypatch.setattr(atomic.pwd, "getpwnam", lambda name: pwd.getpwuid(os.getuid()) if name == "postgres" else None)
    return {
        "encryption_key": KEY, "encryption_key_file": str(tmp_path / "run/master.key"), "replication_password": PASSWORD,
        "replication_password_file": str(tmp_path / "pgpass"),
    }  # fmt: skip


def files(place: dict[str, Any]) -> dict[str, str]:
    """Return what lies there: names and contents."""
    directory = Path(place["encryption_key_file"]).parent
    return {path.name: path.read_text() for path in directory.iterdir()} if directory.is_dir() else {}


@pytest.mark.parametrize("check_mode", [True, False])
def test_both_are_put_in_place(check_mode: bool, place: dict[str, Any], called: Call) -> None:
    before = os.umask(0o077)
    try:
        result = called(postgres_secret_files, check_mode, **place)
    finally:
        os.umask(before)
    assert result["actions"] == [f"write {place['encryption_key_file']}", f"write {place['replication_password_file']}"]
    assert files(place) == ({} if check_mode else {"master.key": KEY})
    if not check_mode:
        key, password = Path(place["encryption_key_file"]), Path(place["replication_password_file"])
        assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777, password.stat().st_mode & 0o777) == (0o400, 0o755, 0o600)
        assert password.read_text() == "*:*:*:replicator:pass\\:word\\\\with-both\n"
        assert not called(postgres_secret_files, **place)["changed"]


def test_no_secret_is_in_what_it_says(place: dict[str, Any], called: Call) -> None:
    said = str(called(postgres_secret_files, **place, former_encryption_key=FORMER))
    assert not [secret for secret in (KEY, FORMER, PASSWORD) if secret in said]


def test_a_key_lies_beside_its_former_one_until_that_goes(place: dict[str, Any], called: Call) -> None:
    called(postgres_secret_files, **{**place, "encryption_key": FORMER})
    result = called(postgres_secret_files, **place, former_encryption_key=FORMER)
    assert result["actions"] == [f"write {place['encryption_key_file']}-former", f"write {place['encryption_key_file']}"]
    assert files(place) == {"master.key": KEY, "master.key-former": FORMER}
    assert not called(postgres_secret_files, **place, former_encryption_key=FORMER)["changed"]
    assert called(postgres_secret_files, True, **place)["actions"] == [f"remove {place['encryption_key_file']}-former"]
    called(postgres_secret_files, **place)
    assert files(place) == {"master.key": KEY}


def test_the_former_key_is_there_before_the_new_one_takes_its_place(place: dict[str, Any], called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    called(postgres_secret_files, **{**place, "encryption_key": FORMER})
    written: list[str] = []
    monkeypatch.setattr(atomic, "write", lambda path, *_: written.append(path.name))
    called(postgres_secret_files, **place, former_encryption_key=FORMER)
    assert written == ["master.key-former", "master.key"]


@pytest.mark.parametrize(("change", "kind", "words"), [
    ({"encryption_key": "abcdefghij"}, "tmpfs", "postgres_shard_master_key: shorter than 32 characters"),
    ({}, "ext2/ext3", "lies on ext2/ext3, not on tmpfs: the master key must never reach a disk"),
])  # fmt: skip
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_key_without_a_safe_place_is_refused(
    check_mode: bool, change: dict[str, str], kind: str, words: str, place: dict[str, Any], programs: Any, called: Call
) -> None:
    programs.say("stat --file-system", kind)
    assert words in called(postgres_secret_files, check_mode, **{**place, **change})["msg"]
    assert not Path(place["encryption_key_file"]).parent.exists()
    assert not Path(place["replication_password_file"]).exists()


def test_a_key_that_is_not_known_is_not_replaced(place: dict[str, Any], called: Call) -> None:
    called(postgres_secret_files, **{**place, "encryption_key": "of-somebody-else-" * 3})
    words = called(postgres_secret_files, **place, former_encryption_key=FORMER)["msg"]
    assert "holds another master key than the vault; what one key encrypted the other cannot read. Nothing was overwritten" in words
    assert files(place) == {"master.key": "of-somebody-else-" * 3}


def test_another_password_is_written(place: dict[str, Any], called: Call) -> None:
    called(postgres_secret_files, **place)
    assert called(postgres_secret_files, **{**place, "replication_password": "one-of-its-own"})["actions"] == [f"write {place['replication_password_file']}"]
