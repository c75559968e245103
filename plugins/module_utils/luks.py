# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A data disk that is encrypted (LUKS): its header, what is open on it, and what brings it to be open and mounted.

cryptsetup reads passphrases from pipes: never from an argument, the environment or a file. A disk gets a header only when nothing at all was found on it;
a header that is there is never written to, unless it is ours (by its label).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.unde.infra.plugins.module_utils import actions, systemd

#: Label of our header: made, but no filesystem in it yet; and whole. A filesystem is made under the first one only.
NEW, WHOLE = "unde-new", "unde-data"
MIB = 1 << 20
#: What is read of a disk to call it blank: both ends, and blocks spread evenly over all of it. A disk up to 320 MiB is read as a whole.
ENDS, SAMPLES, BLOCK = 32 * MIB, 4096, MIB // 16
RECOVERY_SLOT = 1
#: Of each of the two copies of LUKS2's metadata, before their JSON.
BINARY = 4096
#: How both versions of LUKS begin, and where their UUID and the label of version 2 are: "LUKS2 On-Disk Format Specification", table 2.
MAGIC, LABEL_AT, UUID_AT = b"LUKS\xba\xbe", slice(24, 72), slice(168, 208)

MOUNTS, FSTAB, MISC, TPM = Path("/proc/self/mountinfo"), Path("/etc/fstab"), Path("/proc/misc"), Path("/dev/tpmrm0")


class Refused(actions.Failed):
    """What stands in the way, in words that a person can act on."""


def refuse(text: str) -> NoReturn:
    """End without having changed anything more.

    Raises:
        Refused: always.

    """
    raise Refused(text)


@dataclass(frozen=True)
class Header:
    """What a LUKS header says.

    Attributes:
        label: one of ours; empty for any other.
        slots: of each key slot in use its number (``slot``), ``kdf``, and with Argon2 ``memory`` (KiB), ``time`` and ``cpus``.
        size: of the header with its key slots, in bytes.
        parts: start and length of what of that means something.

    """

    version: int
    uuid: str
    label: str = ""
    slots: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    size: int = 0
    parts: list[tuple[int, int]] = field(default_factory=list)

    @property
    def ours(self) -> bool:
        """Tell whether this code made it."""
        return self.label in (NEW, WHOLE)

    @property
    def description(self) -> str:
        """Return the slots for people."""
        cost = " %(memory)d KiB, %(time)d passes, %(cpus)d threads"
        return ", ".join(f"slot {slot['slot']} {slot['kdf']}{cost % slot if 'memory' in slot else ''}" for slot in self.slots)

    @property
    def result(self) -> dict[str, Any]:
        """Return it as modules do."""
        told = asdict(self)
        return {name: told[name] for name in ("version", "uuid", "label", "slots", "tokens")} | {"description": self.description}


def of_version_1(uuid: str, text: str) -> Header:
    """Return a header of version 1 from what luksDump prints."""
    offset = re.search(r"^Payload offset:\s+(\d+)", text, re.MULTILINE)
    size = 512 * int(offset[1] if offset else 0)
    slots = [{"slot": int(slot), "kdf": "pbkdf2"} for slot in re.findall(r"^Key Slot (\d): ENABLED", text, re.MULTILINE)]
    return Header(1, uuid, slots=slots, size=size, parts=[(0, size)])


def of_version_2(uuid: str, text: str, metadata: dict[str, Any]) -> Header:
    """Return a header of version 2 from what luksDump prints, and from its metadata."""
    label = re.search(r"^Label:\s+(unde-\w+)$", text, re.MULTILINE)
    return Header(
        2,
        uuid,
        label=label[1] if label else "",
        slots=[
            {"slot": int(slot), "kdf": area["kdf"]["type"], **{key: area["kdf"][key] for key in ("memory", "time", "cpus") if key in area["kdf"]}}
            for slot, area in sorted(metadata["keyslots"].items())
        ],
        tokens=[token["type"] for token in metadata["tokens"].values()],
        size=min(int(segment["offset"]) for segment in metadata["segments"].values()),
        parts=[
            (0, 2 * (int(metadata["config"]["json_size"]) + BINARY)),
            *((int(slot["area"]["offset"]), int(slot["area"]["size"])) for slot in metadata["keyslots"].values()),
        ],
    )


def regions(size: int) -> Iterator[tuple[int, int]]:
    """Yield start and length, in bytes, of what is read of a disk of that size, to call it blank."""
    if size <= 2 * ENDS + SAMPLES * BLOCK:
        yield from ((start, min(MIB, size - start)) for start in range(0, size, MIB))
        return
    yield from ((start, MIB) for start in range(0, ENDS, MIB))
    yield from ((start, MIB) for start in range(size - ENDS, size, MIB))
    step = (size - 2 * ENDS) // SAMPLES
    yield from ((ENDS + number * step, BLOCK) for number in range(SAMPLES))


def mounts() -> list[tuple[str, str]]:
    """Return the device number of what is mounted, and where."""
    found = [line.split() for line in MOUNTS.read_text().splitlines()]
    return [(words[2], words[4]) for words in found]


def places(device: str | None) -> list[str]:
    """Return where a device is mounted."""
    return [place for number, place in mounts() if number == device]


def mounted(path: str) -> str:
    """Return the device number of what is mounted there, or an empty text."""
    return next((number for number, place in reversed(mounts()) if place == path), "")


def in_fstab(path: str) -> bool:
    """Tell whether the host has a way of its own to mount something there."""
    lines = [line.split() for line in FSTAB.read_text().splitlines()] if FSTAB.exists() else []
    return any(len(words) > 1 and not words[0].startswith("#") and words[1].rstrip("/") == path for words in lines)


def mount_unit(path: str) -> str:
    """Return the unit that mounts a path of small letters, digits, underscores, dashes and slashes."""
    return path.strip("/").replace("-", r"\x2d").replace("/", "-") + ".mount"


class Disk:
    """A block device; a plain file serves too, and cannot be opened."""

    def __init__(self, path: str, run_command: systemd.Run) -> None:
        """Find it.

        Raises:
            Refused: there is none.

        """
        self.path, self.run_command = path, run_command
        try:
            self.status = os.stat(path)
        except OSError as error:
            refuse(f"{path}: {error.strerror}")
        if not stat.S_ISBLK(self.status.st_mode) and not stat.S_ISREG(self.status.st_mode):
            refuse(f"{path} is no block device")

    def run(self, *words: str, keys: Sequence[str] = ()) -> tuple[int, str, str]:
        """Run a program; ``{0}``, ``{1}`` in its words are files from which it reads the keys."""
        readers = []
        for key in keys:
            reader, writer = os.pipe()
            os.write(writer, key.encode())
            os.close(writer)
            readers.append(reader)
        files = [f"/proc/self/fd/{reader}" for reader in readers]
        try:
            return self.run_command([word.format(*files) for word in words], handle_exceptions=False, **({"pass_fds": readers} if readers else {}))
        except FileNotFoundError as error:
            return 127, "", str(error)
        finally:
            for reader in readers:
                os.close(reader)

    def output(self, *words: str, keys: Sequence[str] = ()) -> str:
        """Return what a program prints.

        Raises:
            Refused: it fails.

        """
        code, output, complaint = self.run(*words, keys=keys)
        if code != 0:
            refuse(f"{' '.join(words[:2])}: {(complaint or output).strip()}")
        return output

    @property
    def sysfs(self) -> Path:
        """Return what the kernel tells of it; a path that does not exist for a plain file."""
        device = self.status.st_rdev
        return Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}") if stat.S_ISBLK(self.status.st_mode) else Path("/nonexistent")

    def mapping(self) -> tuple[str | None, str | None]:
        """Return the name and the device number of the mapping that is open on it, or two times None."""
        for holder in self.sysfs.glob("holders/dm-*"):
            return (holder / "dm/name").read_text().strip(), (holder / "dev").read_text().strip()
        return None, None

    def size(self) -> int:
        """Return its size in bytes."""
        with open(self.path, "rb") as disk:
            return disk.seek(0, os.SEEK_END)

    def header(self) -> Header | None:
        """Return what its LUKS header says, or None where there is none.

        Raises:
            Refused: there is one that cryptsetup does not read.

        """
        if self.run("cryptsetup", "isLuks", self.path)[0] != 0:
            return None
        text = self.output("cryptsetup", "luksDump", self.path)
        version, uuid = (re.search(pattern, text, re.MULTILINE) for pattern in (r"^Version:\s+(\d)", r"^UUID:\s+(\S+)"))
        if version is None or uuid is None:
            refuse(f"cryptsetup luksDump: neither version nor UUID of {self.path} in it")
        if version[1] == "1":
            return of_version_1(uuid[1], text)
        return of_version_2(uuid[1], text, json.loads(self.output("cryptsetup", "luksDump", "--dump-json-metadata", self.path)))

    def first_bytes(self) -> Header | None:
        """Return what of its LUKS header can be read without cryptsetup, or None where there is none."""
        with open(self.path, "rb") as disk:
            begin = disk.read(UUID_AT.stop)
        if not begin.startswith(MAGIC):
            return None
        version, uuid, label = int.from_bytes(begin[6:8], "big"), *(begin[place].rstrip(b"\0").decode(errors="replace") for place in (UUID_AT, LABEL_AT))
        return Header(version, uuid, label=label if version > 1 and label in (NEW, WHOLE) else "")

    def content(self, header: Header) -> bytes:
        """Return its header as `luksHeaderRestore` takes it.

        Only what means something is kept: both copies of the metadata, and the slots in use. The rest of the 16 MiB is random and would not shrink.
        """
        raw = bytearray(header.size)
        with open(self.path, "rb") as device:
            for start, length in header.parts:
                device.seek(start)
                raw[start : start + length] = device.read(length)
        return bytes(raw)

    def opens(self, key: str) -> bool:
        """Tell whether a passphrase opens it; nothing is opened."""
        return self.run("cryptsetup", "open", "--test-passphrase", "--key-file={0}", self.path, keys=[key])[0] == 0

    def used(self) -> str:
        """Return why it may not be formatted, or an empty text: somebody's mark, somebody's use, or anything but zeros."""
        if marks := self.marks(self.path):
            return f"it carries {', '.join(marks)}"
        if parts := sorted(part.parent.name for part in self.sysfs.glob("*/partition")):
            return f"it has partitions: {', '.join(parts)}"
        try:
            os.close(os.open(self.path, os.O_RDONLY | (os.O_EXCL if stat.S_ISBLK(self.status.st_mode) else 0)))
        except OSError as error:
            return f"it is in use ({error.strerror})"
        with open(self.path, "rb") as disk:
            for start, length in regions(self.size()):
                disk.seek(start)
                found = disk.read(length)
                if found.count(0) != len(found):
                    return f"there is data at byte {start + next(place for place, byte in enumerate(found) if byte)}"
        return ""

    def marks(self, path: str) -> list[str]:
        """Return the signatures that are found on it, or in what is open on it."""
        return self.output("wipefs", "--no-act", "--noheadings", "--output", "TYPE", path).split()


def backup(disk: Disk, header: Header | None, with_content: bool = False) -> dict[str, str]:
    """Return ``uuid`` and ``sha256`` of a header, and where asked for its ``content``: compressed, then base64. All empty where there is no header."""
    raw = disk.content(header) if header else b""
    content = {"content": base64.b64encode(gzip.compress(raw, mtime=0)).decode() if raw else ""} if with_content else {}
    return {"uuid": header.uuid if header else "", "sha256": hashlib.sha256(raw).hexdigest() if raw else "", **content}


class DataDisk:
    """The disk of a host that is to be encrypted, and to be mounted at its place."""

    def __init__(self, parameters: dict[str, Any], run_command: systemd.Run, check_mode: bool) -> None:
        """Take the parameters of the module ``luks_disk``, and find the disk.

        Raises:
            Refused: there is none.

        """
        self.wanted, self.check_mode = parameters, check_mode
        self.place, self.record = Path(parameters["mount"]), Path(parameters["uuid_file"])
        self.disk = Disk(parameters["device"], run_command)
        self.actions: list[str] = []
        #: Only a first run in check mode does without.
        self.has_cryptsetup = shutil.which("cryptsetup") is not None
        if not self.has_cryptsetup and not check_mode:
            refuse("cryptsetup is not installed: nothing was done")
        self.header = self.read()
        #: In check mode: something of what is listed changes the header.
        self.will_differ = False

    def read(self) -> Header | None:
        """Return the disk's header as it is now."""
        return self.disk.header() if self.has_cryptsetup else self.disk.first_bytes()

    def do(self, action: str, *words: str, keys: Sequence[str] = ()) -> None:
        """Run a program that changes something, in check mode only list it.

        Raises:
            Refused: it fails.

        """
        self.actions.append(action)
        if not self.check_mode:
            self.disk.output(*words, keys=keys)

    def do_to_header(self, action: str, *words: str, keys: Sequence[str] = ()) -> None:
        """Do the same with what changes the header, and read it anew.

        Raises:
            Refused: it fails.

        """
        self.do(action, *words, keys=keys)
        if self.check_mode:
            self.will_differ = True
        else:
            self.header = self.read()

    def refuse_other_mount(self) -> None:
        """Refuse a place where the disk would hide what lies there.

        Raises:
            Refused: it would, or the disk is in use elsewhere.

        """
        path, place, device, (name, number) = self.disk.path, self.place, mounted(str(self.place)), self.disk.mapping()
        elsewhere = [other for other in places(number) if other != str(place)] if not device else []
        if elsewhere:
            refuse(
                f"{path} is mounted at {elsewhere[0]} and not at {place}: nothing was done. Stop what writes there, `umount {elsewhere[0]}` and "
                f"`cryptsetup close {name}`, then run again."
            )
        if device and device != number:
            refuse(f"{place} is the mount of another device ({device}), not of {path}: nothing was done.")
        if not device and place.is_dir() and any(place.iterdir()):
            refuse(
                f"{place} holds data, which lies on another disk and would be hidden: nothing was done, and nothing is moved. To get it onto {path}: stop "
                f"Patroni (the other member stays, or becomes, the primary), `mv {place} {place}.before`, run the role luks, then the day's playbook with "
                f"-e unde_may_initialize=true: the replica comes anew, by pg_basebackup. Destroy {place}.before when it streams."
            )

    def is_on_record(self) -> bool:
        """Refuse another disk than the one that has held the data here: closed, as after a boot, nothing else tells of it.

        Raises:
            Refused: it is another one.

        """
        before = self.record.read_text().strip() if self.record.exists() else ""
        if before and before != (self.header.uuid if self.header else None):
            refuse(
                f"the data is on another disk, LUKS {before}, and {self.disk.path} is not that disk: nothing was done, the services would begin without their "
                f"data. If it is lost, or not wanted: stop what writes there, remove {self.record}, then run again."
            )
        return bool(before)

    def keep_record(self) -> None:
        """Write down which disk it is."""
        self.actions.append(f"write {self.record}")
        if self.check_mode or self.header is None:
            return
        if not self.record.parent.is_dir():
            self.record.parent.mkdir()
            self.record.parent.chmod(0o755)
        new = self.record.with_name(self.record.name + ".new")
        new.touch(mode=0o600)
        new.write_text(self.header.uuid + "\n")
        new.replace(self.record)

    def kdf(self) -> list[str]:
        """Return the options of a key slot."""
        return [
            "--pbkdf=argon2id",
            f"--pbkdf-memory={self.wanted['memory_kib']}",
            f"--pbkdf-force-iterations={self.wanted['iterations']}",
            f"--pbkdf-parallel={self.wanted['parallel']}",
        ]

    def make_header(self) -> None:
        """Give a blank disk its header.

        Raises:
            Refused: it is not blank, or may not be formatted.

        """
        path = self.disk.path
        if why := self.disk.used():
            refuse(
                f"{path} is no LUKS disk, and not blank: {why}. It was not touched. If nothing on it is wanted: "
                "`wipefs --all` it, and `blkdiscard` it or fill it with zeros, by hand."
            )
        if not self.wanted["may_initialize"]:
            refuse(
                f"{path} is blank, and this host may not be initialized (its state is not `create`). "
                "If it shall be formatted, run again with -e unde_may_initialize=true."
            )
        self.do_to_header(
            f"cryptsetup luksFormat {path}",
            *("cryptsetup", "luksFormat", "--batch-mode", "--type=luks2", "--cipher=aes-xts-plain64", "--key-size=512", "--hash=sha256", f"--label={NEW}"),
            *(*self.kdf(), "--key-file={0}", path),
            keys=[self.wanted["passphrase"]],
        )

    def add_recovery_slot(self) -> None:
        """Give a header of ours its second slot, where it has none.

        Raises:
            Refused: it has one that another passphrase opens.

        """
        if self.header and self.disk.opens(self.wanted["recovery_passphrase"]):
            return
        if self.header and RECOVERY_SLOT in [slot["slot"] for slot in self.header.slots]:
            refuse(
                f"{self.disk.path}: the vault's recovery passphrase for this host does not open it. It was not touched. "
                f"Change slot {RECOVERY_SLOT} by hand: cryptsetup luksChangeKey."
            )
        self.do_to_header(
            f"cryptsetup luksAddKey --key-slot={RECOVERY_SLOT} {self.disk.path}",
            *("cryptsetup", "luksAddKey", "--batch-mode", f"--key-slot={RECOVERY_SLOT}", *self.kdf(), "--key-file={0}", self.disk.path, "{1}"),
            keys=[self.wanted["passphrase"], self.wanted["recovery_passphrase"]],
        )

    def ensure_header(self) -> None:
        """Make the header, or recognize the one that is there.

        Raises:
            Refused: another disk holds the data, or this one is neither blank nor opened by the passphrases.

        """
        self.refuse_other_mount()
        recorded, tried = self.is_on_record(), self.has_cryptsetup
        if self.header is None:
            self.make_header()
        elif tried and not self.disk.opens(self.wanted["passphrase"]):
            refuse(
                f"{self.disk.path} is a LUKS disk ({self.header.uuid}), but the vault's passphrase for this host does not open it. It was not touched. Put its "
                "own into vault_luks_passphrases, or change it by hand: cryptsetup luksChangeKey."
            )
        if self.header is None or (self.header.ours and tried):
            self.add_recovery_slot()
        if not recorded:
            self.keep_record()
        if self.wanted["tpm2"]:
            self.enroll()

    def enroll(self) -> None:
        """Let the host's TPM open a header of ours, while the machine boots as it does now (PCR 7).

        Raises:
            Refused: there is no TPM, or the header is not ours.

        """
        if self.header and "systemd-tpm2" in self.header.tokens:
            return
        command = ["systemd-cryptenroll", "--tpm2-device=auto", "--tpm2-pcrs=7", "--unlock-key-file={0}", self.disk.path]
        by_hand = " ".join([*command[:3], self.disk.path])
        if self.header and not self.header.ours:
            refuse(f"{self.disk.path} has a header that is not ours and is not written to. By hand: {by_hand}")
        if not TPM.exists():
            refuse(f"This host has no TPM ({TPM}): write unlock: operator.")
        self.do_to_header(by_hand, *command, keys=[self.wanted["passphrase"]])

    def can_map(self) -> bool:
        """Tell whether this kernel has the device mapper, after asking for it; in check mode whether it would have it then."""
        asked = self.disk.run("modprobe", *(["--dry-run"] if self.check_mode else []), "--quiet", "dm_crypt")[0] == 0 if shutil.which("modprobe") else False
        there = any(line.split()[-1:] == ["device-mapper"] for line in MISC.read_text().splitlines())
        return there or (self.check_mode and asked)

    def unlock(self) -> str:
        """Open the disk, give a header that was just made its filesystem, and mount it; return why it cannot be opened on this kernel, or an empty text.

        Raises:
            Refused: it is not to be opened or mounted, or nothing is recognized in it.

        """
        path, wanted, unit = self.disk.path, self.wanted, mount_unit(self.wanted["mount"])
        if wanted["daemon_reload"] or systemd.properties(self.disk.run_command, unit, "NeedDaemonReload").get("NeedDaemonReload") == "yes":
            self.do("systemctl daemon-reload", "systemctl", "daemon-reload")
        self.refuse_other_mount()
        if self.header is None and not self.check_mode:
            refuse(f"{path} is no LUKS disk: nothing to open.")
        self.is_on_record()
        if self.disk.mapping()[0] is None:
            if not self.can_map():
                return f"this kernel has no device mapper (dm-crypt): {path} cannot be opened here"
            if in_fstab(wanted["mount"]):
                refuse(f"{path} is closed, and {wanted['mount']} is in the host's own /etc/fstab: open it the way the host does, then run again.")
            self.do(
                f"cryptsetup open {path} {wanted['mapping']}",
                *("cryptsetup", "open", *(["--allow-discards"] if wanted["discards"] else []), "--key-file={0}", path, wanted["mapping"]),
                keys=[wanted["passphrase"]],
            )
        self.fill()
        if not mounted(wanted["mount"]):
            self.do(f"systemctl start {unit}", "systemctl", "start", unit)
        return ""

    def fill(self) -> None:
        """Give a header that was just made its filesystem.

        Raises:
            Refused: there is none, and none may be made.

        """
        path, name, new = self.disk.path, self.disk.mapping()[0], self.header is None or self.header.label == NEW
        # What check mode has not opened has what its label says.
        marks = self.disk.marks(f"/dev/mapper/{name}") if name else [] if new else ["ext4"]
        if not marks and not new:
            refuse(f"{path} is open, but nothing is recognized in it. It is not formatted again: restore it, or look with the header's backup.")
        if not marks:
            if not self.wanted["may_initialize"]:
                refuse(f"{path} has a header of ours and no filesystem yet: run again with -e unde_may_initialize=true.")
            inside = f"/dev/mapper/{name or self.wanted['mapping']}"
            self.do(f"mkfs.ext4 {inside}", "mkfs.ext4", "-q", inside)
        if new:
            self.do_to_header(f"cryptsetup config {path} --label={WHOLE}", "cryptsetup", "config", path, f"--label={WHOLE}")
