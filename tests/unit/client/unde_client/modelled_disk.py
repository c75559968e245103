"""A disk that keeps what was synced, and of the rest whatever it likes; the process on it is killed before any system call that is chosen."""

from __future__ import annotations

import errno
import random
from dataclasses import dataclass, field


class Killed(BaseException):
    """The process is gone; not an Exception, so that nothing it left undone is tidied up on the way."""


@dataclass
class File:
    """Its content as processes see it, and every content that it has had since it was last on the disk as a whole."""

    now: bytes = b""
    since_sync: list[bytes] = field(default_factory=lambda: [b""])


class ModelledDisk:
    """The ``Files`` of a journal."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.on_disk: dict[str, File] = {}
        self.changes: list[tuple[str, str, str]] = []
        self.handles: dict[int, File] = {}
        self.calls = 0
        self.kill_before = 0
        #: Bytes that are left, if they are counted.
        self.space: int | None = None
        #: What the next sync says.
        self.failing_sync = False

    def call(self) -> None:
        """Count a system call, or die before it."""
        self.calls += 1
        if self.calls == self.kill_before:
            raise Killed

    def names(self) -> list[str]:
        self.call()
        return list(self.files)

    def read(self, name: str) -> bytes:
        self.call()
        return self.files[name].now

    def create(self, name: str) -> int:
        self.call()
        assert name not in self.files
        self.files[name] = File()
        self.changes.append(("create", name, ""))
        return self.opened(name)

    def open(self, name: str) -> int:
        self.call()
        return self.opened(name)

    def opened(self, name: str) -> int:
        handle = len(self.handles)
        self.handles[handle] = self.files[name]
        return handle

    def change(self, handle: int, content: bytes) -> None:
        file = self.handles[handle]
        file.now = content
        file.since_sync.append(content)

    def write(self, handle: int, data: bytes) -> int:
        self.call()
        # As the kernel may: not all at once.
        taken = len(data) if self.space is None else min(len(data), max(self.space, 0))
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(taken, 1 + taken * 2 // 3) if taken > 40 else taken
        self.space = None if self.space is None else self.space - taken
        self.change(handle, self.handles[handle].now + data[:taken])
        return taken

    def truncate(self, handle: int, size: int) -> None:
        self.call()
        self.change(handle, self.handles[handle].now[:size])

    def sync(self, handle: int) -> None:
        self.call()
        if self.failing_sync:
            self.failing_sync = False
            raise OSError(errno.EIO, "Input/output error")
        self.handles[handle].since_sync = [self.handles[handle].now]

    def close(self, handle: int) -> None:
        self.call()

    def rename(self, old: str, new: str) -> None:
        self.call()
        self.files[new] = self.files.pop(old)
        self.changes.append(("rename", old, new))

    def remove(self, name: str) -> None:
        self.call()
        del self.files[name]
        self.changes.append(("remove", name, ""))

    def sync_names(self) -> None:
        self.call()
        self.on_disk = dict(self.files)
        self.changes.clear()

    def release(self) -> None:
        """No other process has it."""

    def begin_anew(self) -> None:
        """After a kill: the kernel goes on, what was written is there, and is no more on the disk than before."""
        self.calls, self.kill_before = 0, 0

    def lose_power(self, chance: random.Random) -> None:
        """Keep what was synced, and any part of the rest: of names each change or not, of a file any content since, cut off and torn anywhere."""
        self.begin_anew()
        kept = dict(self.on_disk)
        files = dict(self.files) | kept
        gone: dict[str, File] = {}
        for what, name, other in self.changes:
            if chance.random() < 0.5:
                continue
            if what == "create":
                later = next((files[new] for _, old, new in self.changes if old == name and new in files), File())
                kept.setdefault(name, files.get(name) or gone.get(name) or later)
            elif what == "remove":
                if name in kept:
                    gone[name] = kept.pop(name)
            elif name in kept:
                kept[other] = kept.pop(name)
        for file in {id(file): file for file in kept.values()}.values():
            # A file has the same content under whatever name.
            surviving = chance.choice(file.since_sync)
            synced = len(file.since_sync[0])
            surviving = surviving[: chance.randint(min(synced, len(surviving)), len(surviving))]
            if len(surviving) > synced and chance.random() < 0.5:
                start = chance.randint(synced, len(surviving) - 1)
                length = chance.randint(1, len(surviving) - start)
                surviving = surviving[:start] + bytes(length) + surviving[start + length :]
            file.now, file.since_sync = surviving, [surviving]
        self.files, self.on_disk = kept, dict(kept)
        self.changes.clear()
        self.handles.clear()
