"""Releases of a service: folders side by side, and the link that says which one runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from pathlib import Path

from common import PROGRAMS, Refused, Service, text_of, write

KEPT = 3


def folder(name: str, version: str) -> Path:
    """Return where a release is: `files` as the archive has them, and `run`, which starts it."""
    return PROGRAMS / name / "releases" / version


def current(name: str) -> str | None:
    """Return the version that the link names."""
    link = PROGRAMS / name / "current"
    return os.path.basename(os.readlink(link)) if link.is_symlink() else None


def switch(name: str, version: str) -> None:
    """Let the link name another release, in one step."""
    link, beside = PROGRAMS / name / "current", PROGRAMS / name / ".current"
    beside.unlink(missing_ok=True)
    beside.symlink_to(Path("releases") / version)
    os.rename(beside, link)


def lacks(service: Service) -> bool:
    """Tell whether the wanted release has still to be unpacked.

    Raises:
        Refused: it is there with another content: a version is one content, for ever.

    """
    place = folder(service["name"], service["version"])
    if not place.is_dir():
        return True
    known = text_of(place / "checksum")
    if service["deploy"] == "unit" and service.get("checksum") and known != service["checksum"]:
        raise Refused(f"{service['name']} {service['version']} is here with another content (SHA-256 {known}): give what is new a new version")
    return False


def unpack(service: Service) -> None:
    """Unpack an archive beside the other releases; it appears there as a whole or not at all.

    Raises:
        Refused: the archive is not what it should be, or lacks the program.

    """
    place = folder(service["name"], service["version"])
    beside = place.with_name(f".{place.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    (beside / "files").mkdir(parents=True)
    if service["deploy"] == "unit":
        archive = Path(service["archive"])
        try:
            _open(service, archive, beside)
        except Refused:
            shutil.rmtree(beside)
            raise
        finally:
            archive.unlink()
    os.rename(beside, place)


def _open(service: Service, archive: Path, place: Path) -> None:
    """Compare an archive's checksum, and unpack it where nothing can be written outside."""
    what = f"{service['name']} {service['version']}"
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    if service.get("checksum") not in (None, checksum):
        raise Refused(f"{what}: the archive's SHA-256 is {checksum}, not {service['checksum']}")
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(place / "files", filter="data")
    except tarfile.TarError as error:
        raise Refused(f"{what}: the archive cannot be unpacked: {error}") from error
    if not (place / "files" / service["program"]).is_file():
        raise Refused(f"{what}: the archive has no {service['program']}")
    write(place / "checksum", checksum)


def prune(name: str, keep: set[str]) -> None:
    """Remove the oldest releases, but neither those to keep nor the last few."""
    there = sorted((PROGRAMS / name / "releases").iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    spare = [each for each in there if each.name not in keep]
    for each in spare[max(0, KEPT - len(keep)):]:
        shutil.rmtree(each)
