from __future__ import annotations

import os
import random
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled_disk import Killed, ModelledDisk

from unde_client import JournalBrokenError, JournalFullError, JournalInUseError, writes
from unde_client.files import Directory
from unde_client.journal import SHELF, Journal
from unde_client.writes import Entry

SEGMENT = 300


def entry(seq: int, size: int = 10) -> Entry:
    return writes.entry(seq, UUID(int=seq), f"user{seq % 3}", "note", {"text": f"{seq}" * size})


class Life:
    """What a journal must hold, and what it may: what was on its way when it was killed."""

    def __init__(self, disk: ModelledDisk, chance: random.Random) -> None:
        self.disk, self.chance = disk, chance
        self.must: dict[int, Entry] = {}
        self.may: dict[int, Entry] = {}
        self.client: UUID | None = None
        self.used = 0
        self.largest = 0

    def open(self) -> Journal:
        journal = Journal(self.disk, SEGMENT)
        live = set(journal.live)
        assert set(self.must) <= live, "a write that was in the journal is gone"
        assert live <= set(self.must) | set(self.may), "a write that had left is back"
        assert all(journal.live[seq] == (self.must | self.may)[seq] for seq in live)
        assert [each.seq for each in journal.entries()] == sorted(live)
        assert journal.next_seq > self.used, "a running number is given twice"
        assert self.client in (None, journal.client)
        self.client = journal.client
        self.must, self.may = dict(journal.live), {}
        self.used = max([self.used, *live])
        return journal

    def act(self, journal: Journal) -> Journal:
        kind = self.chance.choice(["put", "put", "done", "done", "shelve", "open"])
        if kind == "put":
            entries = [entry(journal.next_seq + n, self.chance.randint(0, 30)) for n in range(self.chance.randint(1, 3))]
            self.may |= {each.seq: each for each in entries}
            self.largest = max(self.largest, sum(each.size + 9 for each in entries))
            journal.put(entries)
            self.must |= {each.seq: self.may.pop(each.seq) for each in entries}
            self.used = max(self.used, entries[-1].seq)
        elif kind == "done" and self.must:
            seqs = self.chance.sample(sorted(self.must), self.chance.randint(1, len(self.must)))
            self.may |= {seq: self.must.pop(seq) for seq in seqs}
            journal.done(seqs)
            for seq in seqs:
                del self.may[seq]
        elif kind == "shelve":
            journal.shelve(entry(1), "it was refused")
        elif kind == "open":
            journal.close()
            journal = self.open()
        assert journal.disk_bytes == sum(len(file.now) for name, file in self.disk.files.items() if name != SHELF)
        if kind == "put" and self.disk.space is None:
            assert journal.disk_bytes <= 2 * sum(each.size for each in self.must.values()) + 2 * SEGMENT + self.largest
        return journal


def live(seed: int, lives: int, deed: int) -> None:
    """Several lives of one journal, each ended by a kill or a power cut before some system call."""
    chance = random.Random(seed)
    life = Life(ModelledDisk(), chance)
    for _ in range(lives):
        life.disk.kill_before = chance.randint(1, deed)
        try:
            journal = life.open()
            for _ in range(deed):
                if life.disk.calls and chance.random() < 0.02:
                    life.disk.space = chance.randint(0, 200)
                try:
                    journal = life.act(journal)
                except JournalFullError:
                    life.must |= {seq: each for seq, each in life.may.items() if seq <= life.used}
                    life.may = {}
                life.disk.space = None
        except Killed:
            pass
        life.disk.space = None
        if chance.random() < 0.6:
            life.disk.lose_power(chance)
        else:
            life.disk.begin_anew()
    life.open()


@settings(max_examples=300)
@given(st.integers(0, 2**32))
def test_no_kill_and_no_power_cut_loses_or_brings_back_a_write(seed: int) -> None:
    live(seed, lives=6, deed=60)


@pytest.mark.prove
@settings(max_examples=3000)
@given(st.integers(0, 2**32))
def test_none_of_many_more_does(seed: int) -> None:
    live(seed, lives=10, deed=150)


def script(journal: Journal) -> Iterator[tuple[str, list[int]]]:
    """Write, let go and move: every path of the journal once; yields what has been returned from."""
    for start in range(journal.next_seq, journal.next_seq + 24, 2):
        journal.put([entry(start), entry(start + 1)])
        yield "put", [start, start + 1]
        # One in five stays, and holds its file back.
        gone = [seq for seq in (start - 1, start) if seq in journal.live and seq % 5]
        journal.done(gone)
        yield "done", gone


def test_the_script_reaches_every_path() -> None:
    disk = ModelledDisk()
    journal = Journal(disk, SEGMENT)
    moved: list[int] = []
    keep: Callable[[Entry], None] = journal._keep

    def noted(each: Entry) -> None:
        moved.extend([each.seq] if each.seq in journal.live else [])
        keep(each)

    journal._keep = noted  # type: ignore[method-assign]
    for _ in script(journal):
        pass
    assert moved
    assert journal._segments[0].number > 3


@pytest.mark.parametrize("power", [False, True])
def test_a_kill_before_each_system_call(power: bool) -> None:
    disk = ModelledDisk()
    for _ in script(Journal(disk, SEGMENT)):
        pass
    for call in range(1, disk.calls + 1):
        for seed in range(4 if power else 1):
            killed = ModelledDisk()
            killed.kill_before = call
            said = Said()
            with pytest.raises(Killed):
                said.listen(script(Journal(killed, SEGMENT)))
            if power:
                killed.lose_power(random.Random(seed))
            else:
                killed.begin_anew()
            said.judge(set(Journal(killed, SEGMENT).live), call)


class Said:
    """What the script was told before it was killed."""

    def __init__(self) -> None:
        self.put: set[int] = set()
        self.done: set[int] = set()

    def listen(self, told: Iterator[tuple[str, list[int]]]) -> None:
        for what, seqs in told:
            (self.put if what == "put" else self.done).update(seqs)

    def judge(self, found: set[int], call: int) -> None:
        last = max(self.put, default=0)
        # What was about to leave, or to come, is there or not; nothing else is in question.
        leaving, coming = {seq for seq in (last - 2, last - 1) if seq % 5}, {last + 1, last + 2}
        assert self.put - self.done - leaving <= found, f"killed before call {call}"
        assert found <= (self.put | coming) - self.done, f"killed before call {call}"


class Mortal(Directory):
    """Real files, and a process that kills itself before a system call."""

    def __init__(self, path: Path, before: int) -> None:
        self.before, self.calls = before, 0
        super().__init__(path)

    def __getattribute__(self, name: str) -> object:
        if name in ("names", "read", "create", "open", "write", "truncate", "sync", "close", "rename", "remove", "sync_names"):
            self.calls += 1
            if self.calls == self.before:
                os.kill(os.getpid(), signal.SIGKILL)
        return object.__getattribute__(self, name)


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a folder on a disk that is memory, where there is one: a kill, other than a power cut, does not ask what was synced."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield Path(folder)


def test_a_real_process_is_killed_before_each_of_its_system_calls(memory: Path) -> None:
    """It says what it has been promised through a pipe; whoever opens the journal next finds that."""
    whole = Mortal(memory / "whole", 0)
    for _ in script(Journal(whole, SEGMENT)):
        pass
    whole.release()
    assert whole.calls > 100
    for call in range(1, whole.calls + 1):
        place = memory / str(call)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            for what, seqs in script(Journal(Mortal(place, call), SEGMENT)):
                os.write(writing, b"".join(b"%s %d\n" % (what.encode(), seq) for seq in seqs))
            os._exit(1)
        os.close(writing)
        with os.fdopen(reading) as told:
            said = Said()
            said.listen((what, [int(seq)]) for what, seq in (line.split() for line in told))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        journal = Journal(Directory(place), SEGMENT)
        said.judge(set(journal.live), call)
        # And it goes on.
        for _ in script(journal):
            pass
        journal.close()


def test_a_directory_has_one_process(tmp_path: Path) -> None:
    first = Directory(tmp_path / "deep" / "journal")
    with pytest.raises(JournalInUseError, match="another process has this journal"):
        Directory(tmp_path / "deep" / "journal")
    first.release()
    Directory(tmp_path / "deep" / "journal").release()


@pytest.mark.parametrize("which", [0, 1])
def test_bytes_that_changed_are_not_read_over(which: int) -> None:
    """Also where the damage is in the newest file, nothing but the end can be left by a kill: what is before it is judged where files follow."""
    disk = ModelledDisk()
    journal = Journal(disk, SEGMENT)
    journal.put([entry(1, 400)])
    journal.put([entry(2)])
    name = sorted(disk.files)[which]
    data = bytearray(disk.files[name].now)
    data[60 if which else 200] ^= 1
    disk.files[name].now = bytes(data)
    with pytest.raises(JournalBrokenError, match=f"{name}: the record at byte .* is damaged"):
        Journal(disk, SEGMENT)


def test_a_file_that_is_missing_is_named() -> None:
    disk = ModelledDisk()
    journal = Journal(disk, SEGMENT)
    for seq in (1, 2, 3):
        journal.put([entry(seq, 400)])
    del disk.files["000000000002.journal"]
    with pytest.raises(JournalBrokenError, match=r"000000000002\.journal is missing"):
        Journal(disk, SEGMENT)


def test_a_full_disk_takes_nothing_and_gives_its_number_again() -> None:
    disk = ModelledDisk()
    journal = Journal(disk, SEGMENT)
    journal.put([entry(1)])
    disk.space = 20
    with pytest.raises(JournalFullError, match="No space left on device"):
        journal.put([entry(2)])
    disk.space = None
    assert journal.next_seq == 2
    journal.put([entry(2, 3)])
    disk.lose_power(random.Random(1))
    assert Journal(disk, SEGMENT).live == {1: entry(1), 2: entry(2, 3)}


@pytest.mark.parametrize("seed", range(20))
def test_what_a_full_disk_did_not_take_does_not_come_back_with_a_power_cut(seed: int) -> None:
    """Its first write was there as a whole already."""
    disk = ModelledDisk()
    journal = Journal(disk, SEGMENT)
    disk.space = 150
    with pytest.raises(JournalFullError):
        journal.put([entry(1), entry(2, 300)])
    disk.lose_power(random.Random(seed))
    disk.space = None
    assert not Journal(disk, SEGMENT).live


def test_nothing_is_believed_after_a_failed_sync() -> None:
    """The kernel may have thrown away what it could not write: a second sync would say that all is well."""
    disk = ModelledDisk()
    journal = Journal(disk, SEGMENT)
    disk.failing_sync = True
    with pytest.raises(JournalBrokenError, match="Input/output error"):
        journal.put([entry(1)])
    with pytest.raises(JournalBrokenError, match="Input/output error"):
        journal.put([entry(2)])


def test_what_is_laid_aside_can_be_read() -> None:
    disk = ModelledDisk()
    journal = Journal(disk, SEGMENT)
    journal.shelve(entry(1), "no such table")
    journal.shelve(entry(2), "no such table")
    lines = disk.files[SHELF].now.decode().splitlines()
    assert len(lines) == 2
    assert '"why": "no such table"' in lines[0]
