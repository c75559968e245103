"""The module ``unde.infra.chr_disk``: a disk is made whole or not at all, and one that exists is never touched."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.unde.infra.plugins.modules import chr_disk


@pytest.fixture
def image(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "chr.img.zip", "w") as archive:
        archive.writestr("chr-7.21.4.img", b"a router")
    return tmp_path / "chr.img.zip"


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_guest_without_a_disk_gets_one(check_mode: bool, image: Path, tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    disk = tmp_path / "a.img"
    result = called(chr_disk, check_mode, path=str(disk), image=str(image))
    assert result["diff"] == {"prepared": f"make {disk} from {image}\n"}
    assert result["changed"]
    assert disk.exists() is not check_mode
    if not check_mode:
        assert (disk.read_bytes(), disk.stat().st_mode & 0o777) == (b"a router", 0o600)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.img", "chr.img.zip"], "nothing else is left"


def test_check_mode_needs_no_image(tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    assert called(chr_disk, True, path=str(tmp_path / "a.img"), image=str(tmp_path / "none.zip"))["changed"]


def test_a_disk_that_exists_is_never_touched(image: Path, tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    (tmp_path / "a.img").write_bytes(b"another router")
    assert not called(chr_disk, path=str(tmp_path / "a.img"), image=str(image))["changed"]
    assert (tmp_path / "a.img").read_bytes() == b"another router"


def test_a_disk_that_comes_about_meanwhile_is_kept(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.img").write_bytes(b"another router")
    with pytest.raises(chr_disk.Failed, match=r"a\.img was not made from .*File exists"):
        chr_disk.unpack(image, tmp_path / "a.img")
    assert (tmp_path / "a.img").read_bytes() == b"another router"


@pytest.mark.parametrize(("names", "words"), [((), "nothing where"), (("a.img", "b.img"), "a.img b.img where"), (("readme",), "readme where one disk image")])
def test_an_archive_with_anything_else_makes_none(names: tuple[str, ...], words: str, tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    with zipfile.ZipFile(tmp_path / "image.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    result = called(chr_disk, path=str(tmp_path / "a.img"), image=str(tmp_path / "image.zip"))
    assert result["failed"]
    assert words in result["msg"]
    assert not (tmp_path / "a.img").exists()


def test_what_is_no_archive_is_told(tmp_path: Path, called: Callable[..., dict[str, Any]]) -> None:
    (tmp_path / "image.zip").write_text("404 Not Found")
    assert "File is not a zip file" in called(chr_disk, path=str(tmp_path / "a.img"), image=str(tmp_path / "image.zip"))["msg"]
