"""Encrypted disks: what the tool reads of a disk before it calls it blank, and which one it opens."""

from __future__ import annotations

import itertools
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import support

GIB = 1 << 30


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """Return the tool of the role."""
    loader = SourceFileLoader("unde_luks", str(support.ROOT / "roles/luks/files/unde-luks"))
    spec = spec_from_loader("unde_luks", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("size", [1, 4096, (1 << 20) + 1, 64 << 20, 320 << 20])
def test_a_small_disk_is_read_as_a_whole(tool: ModuleType, size: int) -> None:
    """Every byte, each once."""
    end = 0
    for start, length in tool.regions(size):
        assert start == end
        end = start + length
    assert end == size


@pytest.mark.parametrize("size", [(320 << 20) + 1, 40 * GIB, 512 * 10**9, 16 << 40])
def test_a_large_disk_is_read_at_both_ends_and_all_over(tool: ModuleType, size: int) -> None:
    """Within the disk, from the first byte to the last, no gap larger than its share, and no more than 320 MiB."""
    read = sorted(tool.regions(size))
    assert (read[0][0], read[-1][0] + read[-1][1]) == (0, size)
    gaps = [later - (start + length) for (start, length), (later, _) in itertools.pairwise(read)]
    assert max(gaps) <= size // tool.SAMPLES
    assert sum(length for _, length in read) <= 320 << 20


@pytest.mark.parametrize("there", [None, {"uuid": "other"}], ids=["blank", "another header"])
def test_another_disk_does_not_take_the_place_of_one_that_is_closed(tool: ModuleType, tmp_path: Path, there: dict[str, str] | None) -> None:
    """After a boot, before anybody opened it: the mount is empty, and only the record tells."""
    record, disk = tmp_path / "luks.uuid", SimpleNamespace(path="/dev/vdb")
    assert not tool.look_at_record(disk, there, record)
    tool.keep_record({"uuid": "ours"}, record)
    assert tool.look_at_record(disk, {"uuid": "ours"}, record)
    with pytest.raises(SystemExit, match=r"on another disk, LUKS ours, and /dev/vdb is not.*remove .*luks.uuid, then run again"):
        tool.look_at_record(disk, there, record)


def test_an_open_disk_is_not_mounted_a_second_time_elsewhere(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another mount in the layout while the data is used at the former one."""
    disk = SimpleNamespace(path="/dev/vdb", mapping=lambda: ("unde_data", "252:0"))
    monkeypatch.setattr(tool, "mounted", lambda _path: "")
    monkeypatch.setattr(tool, "places", lambda device: ["/var/lib/postgresql"] if device == "252:0" else [])
    with pytest.raises(SystemExit, match=r"is mounted at /var/lib/postgresql and not at .*: nothing was done.*cryptsetup close unde_data"):
        tool.look_at_mount(disk, {"mount": str(tmp_path / "data")})
    tool.look_at_mount(SimpleNamespace(path="/dev/vdb", mapping=lambda: (None, None)), {"mount": str(tmp_path / "data")})
