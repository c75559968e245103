"""Encrypted disks: what follows from one in the layout, and what the tool reads of a disk before it calls it blank."""

from __future__ import annotations

import itertools
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import support
import unde
from unde.plan import disks, secrets

DISK = {"device": "/dev/disk/by-id/nvme-a"}
ENCRYPTED = {"shards": {"replica": {"only": {0: {"encrypted_disk": DISK}}}}}
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


def test_one_key_of_the_layout() -> None:
    """The host gets the role, before whatever keeps data there, its variables, and two passphrases of its own; no other host gets any."""
    estate = support.estate(ENCRYPTED)
    replica = estate.hosts["shard-replica-0"]
    assert replica.roles.index("luks") < replica.roles.index("postgres_shard")
    assert estate.by_role["luks"] == (replica,)
    told = unde.inventory(estate).hosts["shard-replica-0"]
    assert {name: value for name, value in told.items() if name.startswith("luks_")} == {
        "luks_device": DISK["device"], "luks_mount": "/var/lib/postgresql", "luks_unlock": "operator",
        "luks_memory_kib": 1 << 20, "luks_iterations": 4, "luks_parallel": 4, "luks_services": ["patroni.service", "postgresql@.service"],
    }
    made = secrets.fresh(estate)
    one, other = (made[name] for name in secrets.DISKS)
    assert one.keys() == other.keys() == {"shard-replica-0"}
    assert one != other
    assert [finding for finding in unde.check(estate) if finding.rule.startswith("disk-")] == []


@pytest.mark.parametrize(("host", "mount", "units"), [
    ("production-db", "/var/lib/postgresql", ["postgresql@.service"]),
    ("local-redis", "/var/lib/redis", ["redis-server@.service"]),
    ("local-redis", "/var/lib/redis/limits", ["redis-server@.service"]),
    ("local-redis", "/var/lib", ["redis-server@.service"]),
    ("embedder", "/var/lib/unde-embedder", ["unde-embedder.service"]),
    ("local-etcd-1", "/var/lib/prometheus", ["prometheus.service", "prometheus-alertmanager.service"]),
    ("posthog", "/var/lib/docker", ["docker.service"]),
])  # fmt: skip
def test_whoever_keeps_data_on_the_disk_waits_for_it(host: str, mount: str, units: list[str]) -> None:
    """Wherever the disk is: started without it, a service would write beside it, in the clear."""
    estate = support.estate({"hosts": {host: {"encrypted_disk": {**DISK, "mount": mount}}}})
    assert unde.inventory(estate).hosts[host]["luks_services"] == units
    assert [finding for finding in unde.check(estate) if finding.rule.startswith("disk-")] == []


def test_who_archives_waits_for_the_disk_of_the_backups() -> None:
    layout = support.merged(support.shipped(), {
        "hosts": {"staging-db": {"encrypted_disk": {**DISK, "mount": "/var/lib"}}},
        "clusters": {"pgbackrest": {"bucket": None, "path": "/var/lib/pgbackrest", "from_replica": False}},
    })  # fmt: skip
    assert disks.waiting(support.estate_of(layout), support.estate_of(layout).hosts["staging-db"]) == ["postgresql@.service"]


def test_a_disk_on_which_nobody_keeps_anything_is_told() -> None:
    [said] = [each for each in unde.check(support.estate({"hosts": {"embedder": {"encrypted_disk": {**DISK, "mount": "/srv"}}}})) if each.rule == "disk-unused"]
    assert said.level == "warning"
    assert "/var/lib/unde-embedder" in said.fix


def test_adopting_a_disk_is_said() -> None:
    """A host that serves customers has its disk left alone until its adopt list names the role."""
    assert not support.estate(ENCRYPTED).hosts["shard-replica-0"].may("luks")
    adopting = {"shards": {"replica": {"only": {0: {"encrypted_disk": DISK, "adopt": ["base", "luks"]}}}}}
    assert support.estate(adopting).hosts["shard-replica-0"].may("luks")


def test_a_layout_without_such_a_disk() -> None:
    """Nobody has the role, and no passphrase is made."""
    estate = support.estate()
    assert estate.by_role["luks"] == ()
    assert [secrets.fresh(estate)[name] for name in secrets.DISKS] == [{}, {}]


@pytest.mark.parametrize(("ram_gb", "mib"), [(1, 64), (2, 64), (4, 128), (16, 512), (32, 1024), (64, 1024), (512, 1024)])
def test_the_memory_of_a_key_slot_fits_the_host(ram_gb: int, mib: int) -> None:
    """A thirty-second of the host's memory, between the RFC's least and cryptsetup's most."""
    host = support.estate().hosts["shard-replica-0"].kind.model_copy(update={"ram_gb": ram_gb})
    assert disks.memory_kib(host) == mib * 1024


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
