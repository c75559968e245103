"""The journal of writes that are not verified yet: files that are only ever appended to, each record with its length and checksum.

A write is in it before it is sent (``put`` returns when the disk has it), and leaves it when it is known to be on two members (``done``). A kill between any
two system calls, or a power cut that keeps any part of what was not synced, leaves a journal that has every write whose ``put`` returned and whose ``done``
was not called. Records are of three sorts: H, the head of a file; P, a write; D, a write that is done.
"""

from __future__ import annotations

import errno
import json
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from unde_client import writes
from unde_client.errors import JournalBrokenError, JournalFullError
from unde_client.files import Files
from unde_client.writes import Entry

#: Length of what follows, and the checksum of length and what follows.
FRAME = struct.Struct(">II")
DONE = struct.Struct(">Q")
NAME = re.compile(r"([0-9a-f]{12})\.journal")
#: A file that is being made; it takes its name when its head is on the disk.
UNFINISHED = ".new"
#: What waits for a person: acknowledged writes that another primary refused.
SHELF = "refused.jsonl"


def framed(sort: bytes, body: bytes) -> bytes:
    """Return a record."""
    body = sort + body
    length = struct.pack(">I", len(body))
    return length + struct.pack(">I", zlib.crc32(length + body)) + body


def records(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each whole record: where it ends, its sort, its body; end where the first is torn."""
    at = 0
    while at + FRAME.size < len(data):
        length, checksum = FRAME.unpack_from(data, at)
        body = data[at + FRAME.size : at + FRAME.size + length]
        if not length or len(body) < length or zlib.crc32(data[at : at + 4] + body) != checksum:
            return
        at += FRAME.size + length
        yield at, body[:1], body[1:]


@dataclass
class Segment:
    """One file: its bytes, and the writes that are found here."""

    number: int
    size: int = 0
    live: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Return its name."""
        return f"{self.number:012x}.journal"


class Journal:
    """The writes of one client to one shard; one call at a time, from any thread.

    After each ``put`` its files are at most twice the bytes of its writes, twice ``segment_bytes`` and that ``put``; more only on a disk that was full.

    Attributes:
        client: the journal's identity, made with it; with a write's ``seq`` unique for ever.
        live: seq → the writes that are not done.
        live_bytes: the size of these, bytes.
        next_seq: the first running number that was never used.

    Raises:
        JournalBrokenError: what is on the disk was not left there by a kill or a power cut: bytes have changed, or a file is missing.

    """

    def __init__(self, files: Files, segment_bytes: int = 4 << 20) -> None:
        self.files = files
        self.segment_bytes = segment_bytes
        self.live: dict[int, Entry] = {}
        self.live_bytes = 0
        self.next_seq = 1
        self.client = uuid4()
        self._home: dict[int, Segment] = {}
        self._segments: list[Segment] = []
        self._broken = ""
        self._recover()

    @property
    def disk_bytes(self) -> int:
        """Return the size of all files, bytes."""
        return sum(segment.size for segment in self._segments)

    def entries(self) -> list[Entry]:
        """Return the writes that are not done, in their order."""
        return [self.live[seq] for seq in sorted(self.live)]

    def put(self, entries: Sequence[Entry]) -> None:
        """Return when the disk has these writes.

        Raises:
            JournalFullError: the disk is full; nothing of them is kept.
            JournalBrokenError: the disk failed; they may or may not be there when the journal is opened anew.

        """
        self._append(framed(b"P", entry.raw) for entry in entries)
        self._sync()
        for entry in entries:
            self._keep(entry)
            self.next_seq = max(self.next_seq, entry.seq + 1)
        self._tidy()

    def done(self, seqs: Iterable[int]) -> None:
        """Return when the disk knows that these writes have left.

        Raises:
            JournalBrokenError: the disk failed.

        """
        left = [seq for seq in seqs if seq in self.live]
        if not left:
            return
        self._append(framed(b"D", DONE.pack(seq)) for seq in left)
        self._sync()
        for seq in left:
            self._forget(seq)
        self._tidy()

    def shelve(self, entry: Entry, why: str) -> None:
        """Lay a write aside for a person, in a file of its own.

        Raises:
            JournalFullError: the disk is full; nothing of it is kept.
            JournalBrokenError: the disk failed.

        """
        with self._failing():
            fresh = SHELF not in self.files.names()
            size = 0 if fresh else len(self.files.read(SHELF))
            handle = self.files.create(SHELF) if fresh else self.files.open(SHELF)
            data = json.dumps({"why": why, "client": str(self.client), "write": json.loads(entry.raw)}, ensure_ascii=False).encode() + b"\n"
            try:
                while data:
                    data = data[self.files.write(handle, data) :]
            except OSError as error:
                self.files.truncate(handle, size)
                raise _told(error) from error
            self.files.sync(handle)
            self.files.close(handle)
            if fresh:
                self.files.sync_names()

    def close(self) -> None:
        """Let another process have it."""
        self._broken = self._broken or "it is closed"
        self.files.close(self._handle)
        self.files.release()

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _recover(self) -> None:
        names = self.files.names()
        for name in names:
            if name.endswith(UNFINISHED):
                self.files.remove(name)
        # A process may have been killed before the disk knew of its newest name: what follows is written under it.
        self.files.sync_names()
        numbers = sorted(int(match[1], 16) for name in names if (match := NAME.fullmatch(name)))
        if not numbers:
            self._begin(1)
            return
        # Only the oldest ever leaves, and the next only after the disk knows: a hole is damage.
        for number, wanted in zip(numbers, range(numbers[0], numbers[0] + len(numbers)), strict=True):
            if number != wanted:
                raise JournalBrokenError(f"{wanted:012x}.journal is missing, and later files are there: bring it back, or move the directory away")
        for number in numbers:
            self._load(Segment(number), last=number == numbers[-1])
        self._tidy()

    def _load(self, segment: Segment, last: bool) -> None:
        self._segments.append(segment)
        data = self.files.read(segment.name)
        for end, sort, body in records(data):
            segment.size = end
            if sort == b"H":
                head = json.loads(body)
                self.client, self.next_seq = UUID(head["client"]), max(self.next_seq, head["next_seq"])
            elif sort == b"D":
                self._forget(DONE.unpack(body)[0])
            else:
                entry = writes.read(body)
                self._keep(entry)
                self.next_seq = max(self.next_seq, entry.seq + 1)
        if not segment.size or (segment.size < len(data) and not last):
            # A file is on the disk as a whole before the next one is made.
            raise JournalBrokenError(f"{segment.name}: the record at byte {segment.size} is damaged; writes after it may be lost. Keep the directory aside")
        if last:
            self._handle = self.files.open(segment.name)
            if segment.size < len(data):
                self.files.truncate(self._handle, segment.size)
            # What a killed process had written and not synced is read here: it must not be acted upon and then be lost.
            self.files.sync(self._handle)

    # ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _failing(self) -> _Failing:
        return _Failing(self)

    def _append(self, frames: Iterable[bytes]) -> None:
        """Write records to the newest file, and begin another where it is full."""
        if self._broken:
            raise JournalBrokenError(self._broken)
        if self._segments[-1].size >= self.segment_bytes:
            with self._failing():
                self._begin(self._segments[-1].number + 1)
        segment, data = self._segments[-1], b"".join(frames)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self.files.write(self._handle, rest.tobytes()) :]
        except OSError as error:
            with self._failing():
                # Its number is given to another write: it must not come back with a power cut.
                self.files.truncate(self._handle, segment.size)
                self.files.sync(self._handle)
                raise _told(error) from error
        segment.size += len(data)

    def _sync(self) -> None:
        # After a failed fsync nobody knows what the disk has, and a second one would say that all is well.
        with self._failing():
            self.files.sync(self._handle)

    def _begin(self, number: int) -> None:
        """Begin a file: it has its name only when its head is on the disk."""
        segment = Segment(number)
        head = framed(b"H", json.dumps({"client": str(self.client), "next_seq": self.next_seq}).encode())
        unfinished = segment.name + UNFINISHED
        handle = self.files.create(unfinished)
        rest = head
        try:
            while rest:
                rest = rest[self.files.write(handle, rest) :]
        except OSError as error:
            self.files.close(handle)
            self.files.remove(unfinished)
            raise _told(error) from error
        self.files.sync(handle)
        self.files.rename(unfinished, segment.name)
        self.files.sync_names()
        if self._segments:
            self.files.close(self._handle)
        segment.size = len(head)
        self._handle = handle
        self._segments.append(segment)

    def _tidy(self) -> None:
        """Remove the oldest files, as far as nothing in them is needed; move what is needed on where it holds too much back."""
        while len(self._segments) > 1:
            oldest = self._segments[0]
            if oldest.live:
                if self.disk_bytes <= 2 * self.live_bytes + 2 * self.segment_bytes:
                    return
                moved = [self.live[seq] for seq in sorted(oldest.live)]
                try:
                    self._append(framed(b"P", entry.raw) for entry in moved)
                except JournalFullError:
                    return  # later; what this call was about is on the disk
                self._sync()
                for entry in moved:
                    self._keep(entry)
            with self._failing():
                self.files.remove(oldest.name)
                self.files.sync_names()
            self._segments.pop(0)

    def _keep(self, entry: Entry) -> None:
        """Know that a write stands in the newest file, and no longer where it stood before."""
        self._forget(entry.seq)
        self._home[entry.seq] = self._segments[-1]
        self._segments[-1].live.add(entry.seq)
        self.live[entry.seq] = entry
        self.live_bytes += entry.size

    def _forget(self, seq: int) -> None:
        if segment := self._home.pop(seq, None):
            segment.live.discard(seq)
            self.live_bytes -= self.live.pop(seq).size


class _NoSpace(OSError):
    """The disk is full; what was begun has been taken back."""


def _told(error: OSError) -> OSError:
    return _NoSpace(f"the disk of the journal is full: {error}") if error.errno in (errno.ENOSPC, errno.EDQUOT) else error


class _Failing:
    """What goes wrong with the disk in here breaks the journal for good."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def __enter__(self) -> None:
        if self.journal._broken:
            raise JournalBrokenError(self.journal._broken)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _NoSpace):
            raise JournalFullError(str(error)) from error
        if isinstance(error, OSError):
            self.journal._broken = f"the disk of the journal failed: {error}"
            raise JournalBrokenError(self.journal._broken) from error
