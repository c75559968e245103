"""The system calls of the journal, each one method: a test puts a model of a disk in their place, and kills between any two."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from unde_client.errors import JournalInUseError


class Files(Protocol):
    """A directory of files, as the journal uses it; a handle is a file open for writing at its end."""

    def names(self) -> list[str]:
        """Return the names in the directory."""

    def read(self, name: str) -> bytes:
        """Return a file's content."""

    def create(self, name: str) -> int:
        """Make an empty file; return a handle."""

    def open(self, name: str) -> int:
        """Return a handle of a file that is there."""

    def write(self, handle: int, data: bytes) -> int:
        """Write at the end; return how many bytes were taken."""

    def truncate(self, handle: int, size: int) -> None:
        """Cut a file off."""

    def sync(self, handle: int) -> None:
        """Return when the file's content is on the disk."""

    def close(self, handle: int) -> None:
        """Give a handle back."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""

    def remove(self, name: str) -> None:
        """Take a name away."""

    def sync_names(self) -> None:
        """Return when names that came and went are on the disk."""

    def release(self) -> None:
        """Let another process have the directory."""


class Directory:
    """A directory on a real disk, of one process at a time.

    Raises:
        JournalInUseError: another process has it.
        OSError: it cannot be made or read.

    """

    def __init__(self, path: Path) -> None:
        for place in reversed([path, *path.parents]):
            if not place.is_dir():
                place.mkdir(mode=0o700)
                _sync_directory(place.parent)
        self.path = path
        self._directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Held by the kernel for this process: a kill gives it back.
            fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._directory)
            raise JournalInUseError(f"{path}: another process has this journal; give each its own directory") from None

    def names(self) -> list[str]:
        """Return the names in the directory."""
        return os.listdir(self.path)

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return (self.path / name).read_bytes()

    def create(self, name: str) -> int:
        """Make an empty file; return a handle."""
        return os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._directory)

    def open(self, name: str) -> int:
        """Return a handle of a file that is there."""
        return os.open(name, os.O_WRONLY | os.O_APPEND, dir_fd=self._directory)

    def write(self, handle: int, data: bytes) -> int:
        """Write at the end; return how many bytes were taken."""
        return os.write(handle, data)

    def truncate(self, handle: int, size: int) -> None:
        """Cut a file off."""
        os.ftruncate(handle, size)

    def sync(self, handle: int) -> None:
        """Return when the file's content is on the disk."""
        os.fdatasync(handle)

    def close(self, handle: int) -> None:
        """Give a handle back."""
        os.close(handle)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        os.rename(old, new, src_dir_fd=self._directory, dst_dir_fd=self._directory)

    def remove(self, name: str) -> None:
        """Take a name away."""
        os.unlink(name, dir_fd=self._directory)

    def sync_names(self) -> None:
        """Return when names that came and went are on the disk."""
        os.fsync(self._directory)

    def release(self) -> None:
        """Let another process have the directory."""
        os.close(self._directory)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
