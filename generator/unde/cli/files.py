"""Change a file of the user's in one step, and nothing of it but its content."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from ..errors import WrongCall


def read(file: Path) -> bytes:
    """Return the content of a file that is to be changed.

    Raises:
        WrongCall: it cannot be read, or is none.

    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise WrongCall(f"{file}: cannot be written: it is no file")
        return file.read_bytes()
    except OSError as error:
        raise WrongCall(f"{file}: cannot be read: {error.strerror}") from error


def replace(file: Path, content: bytes) -> None:
    """Give a file a new content: whoever reads meanwhile sees the old one or the new one, whole.

    A link leads to the same file as before, which keeps its owner, group, mode and extended attributes (access lists, labels).

    Raises:
        WrongCall: that cannot be had; the file is as it was.

    """
    try:
        place = file.resolve(strict=True)
        old = place.stat()
        if old.st_nlink > 1:
            raise WrongCall(f"{file}: cannot be written: the file has {old.st_nlink} names (hard links), and would lose them — write it by hand")
        if not os.access(place, os.W_OK):
            raise WrongCall(f"{file}: cannot be written: Permission denied")
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        try:
            with os.fdopen(handle, "wb") as new:
                new.write(content)
                _as(place, old, new.fileno())
                new.flush()
                os.fsync(new.fileno())
            os.replace(name, place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _keep(place.parent)
    except OSError as error:
        raise WrongCall(f"{file}: cannot be written: {error.strerror}") from error


def _as(place: Path, old: os.stat_result, new: int) -> None:
    """Give a new file the owner, group, mode and attributes of an old one.

    Raises:
        WrongCall: another's file cannot be made anew in their name.

    """
    made = os.fstat(new)
    if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(new, old.st_uid, old.st_gid)
        except PermissionError as error:
            owner = f"its owner and group ({old.st_uid}:{old.st_gid})"
            raise WrongCall(f"{place}: cannot be written: it would no longer be of {owner} — run this as its owner") from error
    for name in os.listxattr(place):
        with suppress(OSError):  # a label that the system gives by itself
            os.setxattr(new, name, os.getxattr(place, name))
    os.fchmod(new, stat.S_IMODE(old.st_mode))


def _keep(folder: Path) -> None:
    """Let the new name outlive a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
