"""Encrypted disks: whose they are, what is on them, and who opens them."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Estate
from ..plan import disks
from .rules import Violation, rule

#: Roles whose databases are what a disk is for.
DATABASES = ("postgres_shard", "core_database")
#: Names that are the same after every boot.
STABLE = ("/dev/disk/by-id/", "/dev/disk/by-path/", "/dev/mapper/")


@rule("disk-role")
def roles(estate: Estate) -> Iterator[Violation]:
    """The role luks follows from the key encrypted_disk."""
    for host in estate.hosts.values():
        if "luks" in host.kind.roles:
            yield Violation(
                (*host.path, "roles"), f"'{host.name}' has the role luks, which follows from an encrypted disk",
                "write encrypted_disk: {device: /dev/disk/by-id/…}, and remove the role here",
            )


@rule("disk-unused")
def unused(estate: Estate) -> Iterator[Violation]:
    """What an encrypted disk is for lies on it: the databases of a host that has any, else what something else keeps."""
    reported = set()
    for host in estate.hosts.values():
        disk = host.kind.encrypted_disk
        if disk is None or (host.path, disk) in reported:
            continue
        reported.add((host.path, disk))
        databases = set(DATABASES) & set(host.roles)
        if databases and not f"{disks.DATABASES}/".startswith(f"{disk.mount}/"):
            yield Violation(
                (*host.path, "encrypted_disk", "mount"), f"the databases of '{host.name}' are in {disks.DATABASES}, not below {disk.mount}: "
                "they would lie beside the encrypted disk", f"mount: {disks.DATABASES}",
            )
        elif not databases and disk.mount == disks.DATABASES:
            yield Violation(
                (*host.path, "encrypted_disk"), f"'{host.name}' has an encrypted disk for databases, but no role that has any",
                "another mount, or remove the disk",
            )
        elif not disks.waiting(estate, host):
            there = ", ".join(directory for directory, _ in disks.kept(estate, host)) or "nowhere"
            yield Violation(
                (*host.path, "encrypted_disk", "mount"),
                f"nothing that the roles run on '{host.name}' keeps data in {disk.mount}: that would lie beside the encrypted disk",
                f"a mount where data is: {there}", warn=True,
            )


@rule("disk-device")
def devices(estate: Estate) -> Iterator[Violation]:
    """A disk is named by a name that stays, and by one host if the name is that of one piece of hardware."""
    owners: dict[str, str] = {}
    for host in estate.hosts.values():
        disk = host.kind.encrypted_disk
        if disk is None:
            continue
        path = (*host.path, "encrypted_disk", "device")
        owner = owners.setdefault(disk.device, host.name)
        if owner != host.name and disk.device.startswith("/dev/disk/by-id/"):
            yield Violation(
                path, f"'{host.name}' and '{owner}' have the same disk, {disk.device}: such a name holds its serial number",
                "each host's own, as /dev/disk/by-id/… on it; of a shard: shards.<member>.only.<number>.encrypted_disk",
            )
        elif owner == host.name and not disk.device.startswith(STABLE):
            yield Violation(
                path, f"'{host.name}' calls its disk {disk.device}: after a boot another disk may have that name", "its name in /dev/disk/by-id",
                warn=True,
            )


@rule("disk-tpm")
def tpm(estate: Estate) -> Iterator[Violation]:
    """A disk that a TPM opens is in a machine that has one."""
    reported = set()
    for host in estate.hosts.values():
        disk = host.kind.encrypted_disk
        if disk and disk.unlock == "tpm2" and "dedicated" not in host.kind.type.lower() and host.path not in reported:
            reported.add(host.path)
            yield Violation(
                (*host.path, "encrypted_disk", "unlock"), f"'{host.name}' is a {host.kind.type}: a cloud server has no TPM of its own",
                "unlock: operator, or a dedicated machine", warn=True,
            )
