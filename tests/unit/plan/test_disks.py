"""Encrypted disks: what follows from one in the layout."""

from __future__ import annotations

import pytest

import support
import unde
from unde.plan import disks, secrets

DISK = {"device": "/dev/disk/by-id/nvme-a"}
ENCRYPTED = {"shards": {"replica": {"only": {0: {"encrypted_disk": DISK}}}}}


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
