# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def usual_umask() -> Iterator[None]:
    """Let what is made meanwhile be read by others, whatever root's umask is (077 where the CIS benchmark is followed); afterwards it is as it was."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def write(path: str | Path, content: str, owner: str = "", mode: int = 0o600) -> None:
    """Put a file in its place by rename, with its mode, owner and the owner's group from the first moment; without an owner it is whose process this is.

    Raises:
        KeyError: there is no such user.
        OSError: it cannot be written; what was there stays.

    """
    user = pwd.getpwnam(owner) if owner else None
    handle, beside = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(content)
            out.flush()
            if user:
                os.fchown(out.fileno(), user.pw_uid, user.pw_gid)
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        os.rename(beside, path)
    except OSError:
        os.unlink(beside)
        raise


def matches(path: str | Path, content: str, owner: str = "root", mode: int = 0o600) -> bool:
    """Return whether a file has this content, owner and mode already."""
    try:
        status, user = os.stat(path), pwd.getpwnam(owner)
        return Path(path).read_text(encoding="utf-8") == content and (status.st_uid, status.st_mode & 0o7777) == (user.pw_uid, mode)
    except (OSError, KeyError):
        return False
