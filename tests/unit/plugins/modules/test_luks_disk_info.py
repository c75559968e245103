"""The module ``unde.infra.luks_disk_info``: the header of a disk, for a copy of it."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import luks_disk_info

METADATA = {
    "keyslots": {
        "0": {"kdf": {"type": "argon2id", "memory": 65536, "time": 4, "cpus": 2}, "area": {"offset": "32768", "size": "4096"}},
        "1": {"kdf": {"type": "argon2id", "memory": 65536, "time": 4, "cpus": 2}, "area": {"offset": "49152", "size": "4096"}},
    },
    "tokens": {},
    "segments": {"0": {"offset": "65536"}},
    "config": {"json_size": "12288"},
}


@pytest.fixture
def disk(tmp_path: Path, programs: Any) -> Path:
    """Return a disk whose header is two copies of 16 KiB, and two slots of 4 KiB."""
    made = tmp_path / "disk"
    made.write_bytes(b"r" * (1 << 20))
    programs.say("cryptsetup luksDump", "Version:       \t2\nUUID:          \t11-22\nLabel:         \tunde-data\n")
    programs.say("cryptsetup luksDump --dump-json-metadata", METADATA)
    programs.say("cryptsetup isLuks")
    return made


def test_the_copy_of_a_header_has_what_means_something(disk: Path, called: Callable[..., dict[str, Any]]) -> None:
    """Both copies of the metadata and the slots in use; what lies between is random on a disk, and zero in the copy."""
    result = called(luks_disk_info, device=str(disk))
    raw = gzip.decompress(base64.b64decode(result["content"]))
    assert raw == b"r" * (32768 + 4096) + bytes(49152 - 36864) + b"r" * 4096 + bytes(65536 - 53248)
    assert (result["changed"], result["uuid"], result["sha256"]) == (False, "11-22", hashlib.sha256(raw).hexdigest())
    assert called(luks_disk_info, device=str(disk))["content"] == result["content"]


def test_a_header_of_version_1(disk: Path, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    programs.say("cryptsetup luksDump", "Version:       \t1\nPayload offset:\t1024\nUUID:          \t33-44\n\nKey Slot 0: ENABLED\nKey Slot 1: DISABLED\n")
    result = called(luks_disk_info, device=str(disk))
    assert (result["uuid"], result["sha256"]) == ("33-44", hashlib.sha256(b"r" * 1024 * 512).hexdigest())


def test_a_disk_without_a_header_has_no_copy(disk: Path, programs: Any, called: Callable[..., dict[str, Any]]) -> None:
    programs.say("cryptsetup isLuks", code=1)
    result = called(luks_disk_info, device=str(disk))
    assert (result["changed"], result["uuid"], result["sha256"], result["content"]) == (False, "", "", "")


def test_what_is_no_disk_is_refused(tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    assert called(luks_disk_info, device=str(tmp_path))["msg"] == f"{tmp_path} is no block device"
    assert called(luks_disk_info, device="/nonexistent/disk")["msg"] == "/nonexistent/disk: No such file or directory"
