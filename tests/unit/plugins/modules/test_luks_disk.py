"""The module ``unde.infra.luks_disk``: what is read of a disk before it is called blank, which one is opened, and in what order."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.unde.infra.plugins.module_utils import luks
from ansible_collections.unde.infra.plugins.modules import luks_disk

GIB = 1 << 30
PASS, RECOVERY = "unit-test-pass", "unit-test-recovery"
Called = Callable[..., dict[str, Any]]


class Cryptsetup:
    """The programs of a host with one disk; what they change is kept, and every key is read from a pipe."""

    def __init__(self, disk: Path) -> None:
        """Begin with a blank disk."""
        self.disk, self.label, self.uuid, self.version = disk, "", "", 2
        self.slots: dict[int, str] = {}
        self.tokens: list[str] = []
        self.mapping: str | None = None
        self.filesystem = False
        self.mounted: list[str] = []
        self.asked: list[str] = []
        self.needs_reload = False
        #: The program that is killed when it begins, or an empty text.
        self.killed = ""

    def run(self, words: list[str], pass_fds: list[int] | None = None, **_way: Any) -> tuple[int, str, str]:
        """Run a program."""
        line = " ".join(words)
        assert PASS not in line
        assert RECOVERY not in line
        for number in pass_fds or []:
            line = line.replace(f"/proc/self/fd/{number}", "KEY")
        self.asked.append(line)
        if self.killed and self.killed in line:
            raise KeyboardInterrupt
        keys = [os.read(number, 1000).decode() for number in pass_fds or []]
        return self.answer(line, keys)

    def answer(self, line: str, keys: list[str]) -> tuple[int, str, str]:
        """Return exit code, output and complaint."""
        if line.startswith("systemctl show"):
            return 0, f"NeedDaemonReload={'yes' if self.needs_reload else 'no'}\n", ""
        if line == "systemctl daemon-reload":
            self.needs_reload = False
        if "isLuks" in line:
            return (0 if self.slots else 1), "", ""
        if "--test-passphrase" in line:
            return (0 if keys[0] in self.slots.values() else 2), "", ""
        if line.startswith("wipefs"):
            return 0, ("ext4\n" if self.filesystem else "") if "/dev/mapper" in line else "", ""
        if "--dump-json-metadata" in line:
            return 0, self.metadata(), ""
        if "luksDump" in line:
            return (
                0,
                f"Version:       \t{self.version}\nUUID:          \t{self.uuid}\nLabel:         \t{self.label or '(no label)'}\nPayload offset:\t4096\n",
                "",
            )
        if "luksFormat" in line:
            self.label, self.uuid, self.slots = re.findall(r"--label=(\S+)", line)[0], "11-22", {0: keys[0]}
        elif "luksAddKey" in line:
            assert keys[0] in self.slots.values()
            self.slots[1] = keys[1]
        elif "cryptsetup config" in line:
            self.label = line.rpartition("=")[2]
        elif line.startswith("cryptsetup open"):
            self.mapping = line.split()[-1]
        elif line.startswith("mkfs.ext4"):
            self.filesystem = True
        elif line.startswith("systemctl start"):
            self.mounted.append(line.split()[-1])
        elif line.startswith("systemd-cryptenroll"):
            assert keys == [PASS]
            self.tokens.append("systemd-tpm2")
        return 0, "", ""

    def metadata(self) -> str:
        """Return luksDump's JSON."""
        slots = ",".join(
            f'"{slot}": {{"kdf": {{"type": "argon2id", "memory": 65536, "time": 4, "cpus": 2}}, "area": {{"offset": "{32768 + 4096 * slot}", "size": "4096"}}}}'
            for slot in self.slots
        )
        tokens = ",".join(f'"{number}": {{"type": "{token}"}}' for number, token in enumerate(self.tokens))
        return f'{{"keyslots": {{{slots}}}, "tokens": {{{tokens}}}, "segments": {{"0": {{"offset": "65536"}}}}, "config": {{"json_size": "12288"}}}}'

    def changes(self) -> list[str]:
        """Return what was run that changes something."""
        looks = ("isLuks", "luksDump", "--test-passphrase", "wipefs", "modprobe", "systemctl show")
        return [line for line in self.asked if not any(word in line for word in looks)]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cryptsetup:
    """Return a host with a blank disk of 4 MiB, a kernel that has the device mapper, and no TPM."""
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(4 << 20))
    for name, text in {"MOUNTS": "", "FSTAB": "# nothing\n", "MISC": " 236 device-mapper\n"}.items():
        monkeypatch.setattr(luks, name, tmp_path / name)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(luks, "TPM", tmp_path / "tpm")
    monkeypatch.setattr(luks.shutil, "which", lambda name: f"/usr/sbin/{name}")
    made = Cryptsetup(disk)
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda self, words, **more: made.run(words, **more))
    monkeypatch.setattr(luks.Disk, "mapping", lambda self: (made.mapping, "252:0") if made.mapping else (None, None))
    monkeypatch.setattr(luks, "mounted", lambda path: "252:0" if made.mounted else "")
    return made


@pytest.fixture
def wanted(host: Cryptsetup, tmp_path: Path) -> dict[str, Any]:
    """Return the parameters that are the same for both states."""
    place = {"device": str(host.disk), "mount": str(tmp_path / "data"), "mapping": "unde_data", "uuid_file": str(tmp_path / "unde/luks.uuid")}
    return {**place, "passphrase": PASS, "recovery_passphrase": RECOVERY, "may_initialize": True}


@pytest.mark.parametrize("size", [1, 4096, (1 << 20) + 1, 64 << 20, 320 << 20])
def test_a_small_disk_is_read_as_a_whole(size: int) -> None:
    """Every byte, each once."""
    end = 0
    for start, length in luks.regions(size):
        assert start == end
        end = start + length
    assert end == size


@pytest.mark.parametrize("size", [(320 << 20) + 1, 40 * GIB, 512 * 10**9, 16 << 40])
def test_a_large_disk_is_read_at_both_ends_and_all_over(size: int) -> None:
    """Within the disk, from the first byte to the last, no gap larger than its share, and no more than 320 MiB."""
    read = sorted(luks.regions(size))
    assert (read[0][0], read[-1][0] + read[-1][1]) == (0, size)
    gaps = [later - (start + length) for (start, length), (later, _) in itertools.pairwise(read)]
    assert max(gaps) <= size // luks.SAMPLES
    assert sum(length for _, length in read) <= 320 << 20


def test_a_blank_disk_gets_its_header_and_both_slots(host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    promised = called(luks_disk, True, state="present", **wanted)
    assert (host.changes(), promised["header"], promised["header_sha256"], promised["ours"]) == ([], None, "", True)
    result = called(luks_disk, state="present", **wanted, memory_kib=32768, parallel=2)
    assert result["actions"] == promised["actions"]
    assert result["actions"] == [
        f"cryptsetup luksFormat {host.disk}",
        f"cryptsetup luksAddKey --key-slot=1 {host.disk}",
        f"write {wanted['uuid_file']}",
    ]
    assert "--pbkdf-memory=32768 --pbkdf-force-iterations=4 --pbkdf-parallel=2" in host.changes()[0]
    assert (host.slots, host.label) == ({0: PASS, 1: RECOVERY}, "unde-new")
    assert Path(wanted["uuid_file"]).read_text() == "11-22\n"
    assert result["header"]["description"] == "slot 0 argon2id 65536 KiB, 4 passes, 2 threads, slot 1 argon2id 65536 KiB, 4 passes, 2 threads"
    again = called(luks_disk, state="present", **wanted)
    assert (again["changed"], again["header"]) == (False, result["header"])


def test_the_disk_is_opened_filled_and_mounted(host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    called(luks_disk, state="present", **wanted)
    before = host.changes()
    promised = called(luks_disk, True, state="mounted", **wanted)
    assert host.changes() == before
    result = called(luks_disk, state="mounted", **wanted)
    assert result["actions"] == promised["actions"]
    assert [line.partition(" --")[0] for line in host.changes()[len(before) :]] == [
        "cryptsetup open", "mkfs.ext4 -q /dev/mapper/unde_data", f"cryptsetup config {host.disk}", f"systemctl start {luks.mount_unit(wanted['mount'])}",
    ]  # fmt: skip
    assert (result["open"], host.label) == (True, "unde-data")
    assert not called(luks_disk, state="mounted", **wanted)["changed"]
    # After a boot.
    host.mapping, host.mounted = None, []
    actions = [f"cryptsetup open {host.disk} unde_data", f"systemctl start {luks.mount_unit(wanted['mount'])}"]
    assert called(luks_disk, True, state="mounted", **wanted)["actions"] == actions
    assert called(luks_disk, state="mounted", **wanted)["actions"] == actions


def test_a_first_run_in_check_mode_tells_of_all_that_follows(host: Cryptsetup, wanted: dict[str, Any], called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before cryptsetup is installed, too."""
    monkeypatch.setattr(luks.shutil, "which", lambda name: None)
    assert len(called(luks_disk, True, state="present", **wanted)["actions"]) == 3
    assert len(called(luks_disk, True, state="mounted", **wanted)["actions"]) == 4
    assert "not installed" in called(luks_disk, state="present", **wanted)["msg"]
    host.disk.write_bytes(b"LUKS\xba\xbe\0\2".ljust(168, b"\0") + b"33-44".ljust(40, b"\0"))
    result = called(luks_disk, True, state="present", **wanted)
    assert (result["actions"], result["ours"], result["header"]["uuid"]) == ([f"write {wanted['uuid_file']}"], False, "33-44")


@pytest.mark.parametrize("killed", ["luksAddKey", "cryptsetup open --key-file", "mkfs.ext4", "cryptsetup config", "systemctl start"])
def test_what_an_interrupted_run_left_is_made_good(killed: str, host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    def role() -> None:
        for state in ("present", "mounted"):
            assert "msg" not in called(luks_disk, state=state, **wanted)

    host.killed = killed
    with pytest.raises(KeyboardInterrupt):
        role()
    host.killed = ""
    role()
    assert (host.slots, host.label, host.filesystem, len(host.mounted)) == ({0: PASS, 1: RECOVERY}, "unde-data", True, 1)
    assert sum("luksFormat" in line for line in host.changes()) == 1


@pytest.mark.parametrize(("place", "found"), [(0, "byte 0"), (4097, "byte 4097"), ((4 << 20) - 1, f"byte {(4 << 20) - 1}")])
def test_a_disk_with_data_is_not_formatted(place: int, found: str, host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    with open(host.disk, "r+b") as disk:
        disk.seek(place)
        disk.write(b"x")
    for check_mode in (True, False):
        message = called(luks_disk, check_mode, state="present", **wanted)["msg"]
        assert f"is no LUKS disk, and not blank: there is data at {found}. It was not touched." in message
    assert host.changes() == []


def test_a_blank_disk_of_a_protected_host_is_not_formatted(host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    message = called(luks_disk, state="present", **{**wanted, "may_initialize": False})["msg"]
    assert message.endswith(f"run again with -e unde_may_initialize=true. (luks_device {host.disk}, luks_mount {wanted['mount']})")
    assert host.changes() == []


@pytest.mark.parametrize(("key", "said"), [("passphrase", "the vault's passphrase for this host does not open it"), ("recovery_passphrase", "Change slot 1")])
def test_another_passphrase_is_refused(key: str, said: str, host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    called(luks_disk, state="present", **wanted)
    before = host.changes()
    assert said in called(luks_disk, state="present", **{**wanted, key: "unit-test-wrong"})["msg"]
    assert host.changes() == before


def test_a_header_that_something_else_made_is_left_as_it_is(host: Cryptsetup, wanted: dict[str, Any], called: Called, tmp_path: Path) -> None:
    host.slots, host.uuid = {3: PASS}, "33-44"
    result = called(luks_disk, state="present", **{**wanted, "may_initialize": False})
    assert (result["actions"], result["ours"]) == ([f"write {wanted['uuid_file']}"], False)
    (tmp_path / "tpm").touch()
    message = called(luks_disk, state="present", **wanted, tpm2=True)["msg"]
    assert f"is not written to. By hand: systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7 {host.disk}" in message
    # Nothing in it: it is never formatted again.
    assert "nothing is recognized in it" in called(luks_disk, state="mounted", **wanted)["msg"]
    assert [line for line in host.changes() if not line.startswith("cryptsetup open")] == []


def test_a_tpm_is_enrolled_once(host: Cryptsetup, wanted: dict[str, Any], called: Called, tmp_path: Path) -> None:
    assert called(luks_disk, state="present", **wanted, tpm2=True)["msg"].startswith("This host has no TPM")
    (tmp_path / "tpm").touch()
    action = f"systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7 {host.disk}"
    promised = called(luks_disk, True, state="present", **wanted, tpm2=True)
    assert (promised["actions"], promised["header_sha256"]) == ([action], "")
    assert called(luks_disk, state="present", **wanted, tpm2=True)["actions"] == [action]
    assert not called(luks_disk, state="present", **wanted, tpm2=True)["changed"]


@pytest.mark.parametrize("state", ["present", "mounted"])
def test_another_disk_does_not_take_the_place_of_one_that_is_closed(state: str, host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    """After a boot, before anybody opened it: the mount is empty, and only the record tells."""
    host.slots, host.uuid = {0: PASS}, "33-44"
    Path(wanted["uuid_file"]).parent.mkdir()
    Path(wanted["uuid_file"]).write_text("ours\n")
    message = called(luks_disk, state=state, **wanted)["msg"]
    assert re.search(r"on another disk, LUKS ours, and .*/disk is not that disk.*remove .*luks.uuid, then run again", message)
    host.slots = {}
    assert re.search("on another disk, LUKS ours|nothing to open", called(luks_disk, state=state, **wanted)["msg"])
    assert host.changes() == []


def test_an_open_disk_is_not_mounted_a_second_time_elsewhere(host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    """Another mount in the layout while the data is used at the former one."""
    host.slots, host.uuid, host.mapping = {0: PASS}, "33-44", "unde_data"
    luks.MOUNTS.write_text("36 25 252:0 / /var/lib/postgresql rw - ext4 /dev/mapper/unde_data rw\n")
    message = called(luks_disk, state="present", **wanted)["msg"]
    assert re.search(r"is mounted at /var/lib/postgresql and not at .*: nothing was done.*cryptsetup close unde_data", message)


def test_data_in_the_mount_is_not_hidden(host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    Path(wanted["mount"]).mkdir()
    (Path(wanted["mount"]) / "17").mkdir()
    for check_mode in (True, False):
        assert "holds data, which lies on another disk and would be hidden" in called(luks_disk, check_mode, state="present", **wanted)["msg"]
    assert host.changes() == []


def test_a_kernel_without_the_device_mapper(host: Cryptsetup, wanted: dict[str, Any], called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where another test has loaded Ansible's own side, a warning goes there and not into the result.
    warnings: list[str] = []
    monkeypatch.setattr(luks_disk.AnsibleModule, "warn", lambda self, text: warnings.append(text))
    called(luks_disk, state="present", **wanted)
    luks.MISC.write_text("")
    why = f"this kernel has no device mapper (dm-crypt): {host.disk} cannot be opened here"
    assert called(luks_disk, state="mounted", **wanted)["msg"] == why
    result = called(luks_disk, state="mounted", **wanted, must_open=False)
    assert (result["changed"], result["open"]) == (False, False)
    assert [f"not opened, not mounted: {why}" in warning for warning in warnings] == [True]


def test_systemd_reads_units_that_are_new_to_it(host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    """Those of this run, and the mount's that a killed run has written; where the disk cannot be opened, too."""
    called(luks_disk, state="present", **wanted)
    called(luks_disk, state="mounted", **wanted)
    assert called(luks_disk, state="mounted", **wanted, daemon_reload=True)["actions"] == ["systemctl daemon-reload"]
    host.needs_reload, host.mapping, host.mounted = True, None, []
    luks.MISC.write_text("")
    for changed in (True, False):
        result = called(luks_disk, state="mounted", **wanted, must_open=False)
        assert (result["changed"], result["actions"]) == (changed, ["systemctl daemon-reload"] if changed else [])


def test_a_disk_of_the_hosts_own_fstab_is_not_opened(host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    host.slots, host.uuid = {0: PASS}, "33-44"
    luks.FSTAB.write_text(f"/dev/mapper/theirs {wanted['mount']}/ ext4 defaults 0 2\n")
    assert called(luks_disk, state="present", **wanted)["in_fstab"]
    assert "is in the host's own /etc/fstab: open it the way the host does" in called(luks_disk, state="mounted", **wanted)["msg"]


def test_no_passphrase_is_returned(host: Cryptsetup, wanted: dict[str, Any], called: Called) -> None:
    host.slots, host.uuid = {0: PASS}, PASS
    result = called(luks_disk, state="present", **wanted)
    assert PASS not in str(result)
    assert RECOVERY not in str(result)


def test_the_unit_of_a_mount() -> None:
    assert luks.mount_unit("/var/lib/unde-data") == r"var-lib-unde\x2ddata.mount"
