from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from modelled_disk import ModelledDisk
from modelled_shard import NOTE, TASK, World

from unde_client import AsyncClient, ClosedError, JournalBrokenError, JournalFullError, Kind, Member, PendingError, RefusedError, Settings
from unde_client.journal import Journal
from unde_client.members import Order
from unde_client.processes import Answer, Ask, Connect

QUICK = Settings(capacity=2000, segment_bytes=500, verify_s=0.01, look_s=0.01)
CHECKED = Kind("checked", "INSERT INTO checked VALUES (%(id)s, %(text)s) ON CONFLICT DO NOTHING", NOTE.present)


class Shard(World):
    """The model's shard, with a client of its own that is let be: it is asked by the one under test."""

    def __init__(self) -> None:
        super().__init__(1)
        self.faults = False
        self.asked: list[str] = []

    async def connect(self, members: Sequence[Member], writable: bool) -> Any:
        return self.carry_out(Connect(members, writable))

    async def ask(self, session: Any, statements: Any, within_s: float | None) -> Sequence[Answer]:
        await asyncio.sleep(0)
        self.asked += [text for text, _ in statements]
        answers: Sequence[Answer] = self.carry_out(Ask(session, statements))
        return answers

    async def drop(self, session: Any) -> None:
        pass

    def lose_primary(self) -> None:
        self.fail_over()
        self.servers[0].reachable = self.servers[0].primary = False

    def reachable(self, *those: bool) -> None:
        for server, this in zip(self.servers, those, strict=True):
            server.reachable = this


@contextlib.asynccontextmanager
async def opened(
    shard: Shard, disk: ModelledDisk | None = None, settings: Settings = QUICK, routing: Callable[[], Any] = lambda: None
) -> AsyncIterator[AsyncClient]:
    order = Order(server.member for server in shard.servers)
    client = AsyncClient(Journal(disk or ModelledDisk(), settings.segment_bytes), (NOTE, TASK, CHECKED), order, shard, routing, settings)
    try:
        yield client
    finally:
        await client.close()


async def filled(client: AsyncClient) -> None:
    """Write more than the journal holds."""
    for _ in range(100):
        ticket = await client.submit("note", "a", {}, timeout=0.1)
        with contextlib.suppress(PendingError):
            await ticket.result(0.1 if client._ledger.lineage else 0)


async def until(true: Callable[[], bool]) -> None:
    """Wait with patience."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)


def run(test: Callable[[], Any]) -> Callable[[], None]:
    """Run a test that is a coroutine."""

    def synchronous() -> None:
        asyncio.run(test())

    return synchronous


@run
async def test_a_write_is_acknowledged_by_the_primary_and_leaves_when_the_standby_shows_it() -> None:
    shard = Shard()
    async with opened(shard) as client:
        ids = [await client.write("note", "a", {}) for _ in range(3)]
        assert list(shard.servers[0].rows()) == ids
        assert client.counts["unverified"] == 3
        assert client.counts["bytes"] > 0
        shard.replicate()
        await until(lambda: client.counts["bytes"] == 0)
        assert client.counts["verified"] == 3
        assert client._journal.live == {}


@run
async def test_writes_at_once_share_transactions_and_keep_their_order() -> None:
    shard = Shard()
    async with opened(shard, settings=Settings(capacity=1 << 20)) as client:
        await asyncio.gather(*(client.write("note", f"{n % 3}", {}) for n in range(300)))
        assert [row[3] for row in shard.servers[0].rows().values()] == list(range(1, 301))
        assert len(shard.servers[0].wal) < 30


@run
async def test_a_full_journal_holds_writes_back_until_a_standby_has_the_former() -> None:
    shard = Shard()
    async with opened(shard) as client:
        with pytest.raises(JournalFullError, match=r"holds 1\d\d\d of 2000 bytes: 0 writes that no primary has acknowledged, \d+ that no standby shows"):
            await filled(client)
        before = len(shard.servers[0].rows())
        waiting = asyncio.create_task(client.write("note", "a", {}))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert len(shard.servers[0].rows()) == before
        shard.replicate()
        await waiting
        with pytest.raises(ValueError, match="never fits a journal of 2000"):
            await client.write("checked", "a", {"text": "x" * 3000})


@run
async def test_whoever_chooses_so_goes_on_without_the_promise() -> None:
    shard = Shard()
    async with opened(shard, settings=Settings(capacity=2000, segment_bytes=500, forget_when_full=True)) as client:
        for _ in range(100):
            await client.write("note", "a", {}, timeout=60)
        assert len(shard.servers[0].rows()) == 100
        assert client.counts["forgotten"] + client.counts["unverified"] == 100
        assert client.counts["bytes"] <= 2000


@run
async def test_what_nobody_acknowledges_is_never_forgotten() -> None:
    shard = Shard()
    shard.reachable(False, False)
    async with opened(shard, settings=Settings(capacity=2000, segment_bytes=500, forget_when_full=True)) as client:
        with pytest.raises(JournalFullError):
            await filled(client)
        kept = client.counts["unacknowledged"]
        known = next(iter(client._known))
        assert (await client.submit("note", "a", {}, id=known, timeout=0)).id == known
        waiting = asyncio.create_task(client.write("note", "a", {}))
        await asyncio.sleep(0.02)
        shard.reachable(True, True)
        await waiting
        assert len(shard.servers[0].rows()) == kept + 1


@run
async def test_a_write_that_waits_for_a_primary_is_not_made_twice() -> None:
    shard = Shard()
    shard.reachable(False, False)
    async with opened(shard) as client:
        with pytest.raises(PendingError) as pending:
            await client.write("note", "a", {}, timeout=0.05)
        again = asyncio.create_task(client.write("note", "a", {}, id=pending.value.id))
        await asyncio.sleep(0.02)
        shard.reachable(True, True)
        assert await again == pending.value.id
        assert await client.write("note", "a", {}, id=pending.value.id) == pending.value.id
        assert len(shard.servers[0].rows()) == 1


@run
async def test_a_failover_is_seen_while_nobody_writes() -> None:
    shard = Shard()
    async with opened(shard) as client:
        ids = [await client.write("note", "a", {}) for _ in range(5)]
        shard.lose_primary()
        await until(lambda: list(shard.servers[1].rows()) == ids)
        assert (client.counts["replayed"], client.counts["lineages"], client.counts["unverified"]) == (5, 1, 5)


@run
async def test_a_refused_write_is_told_to_its_writer_and_delays_nobody() -> None:
    shard = Shard()
    bad = UUID(int=7)
    shard.poisoned.add(bad)
    async with opened(shard) as client:
        told = await asyncio.gather(*(client.write("note", "a", {}, id=UUID(int=n)) for n in range(1, 12)), return_exceptions=True)
        [refused] = [each for each in told if isinstance(each, BaseException)]
        assert isinstance(refused, RefusedError)
        assert refused.sqlstate == "23514"
        assert len(shard.servers[0].rows()) == 10
        assert not [entry for entry in client._journal.live.values() if entry.id == bad]


@run
async def test_one_who_was_promised_and_is_refused_is_laid_aside() -> None:
    """An acknowledged write that the next primary refuses is neither dropped nor in the others' way."""
    shard, disk = Shard(), ModelledDisk()
    async with opened(shard, disk) as client:
        ids = [await client.write("note", "a", {}) for _ in range(3)]
        shard.poisoned.add(ids[1])
        shard.lose_primary()
        await until(lambda: list(shard.servers[1].rows()) == [ids[0], ids[2]])
        await until(lambda: client.counts["refused"] == 1)
        assert ids[1].hex in disk.files["refused.jsonl"].now.decode()


@run
async def test_what_is_left_at_the_end_is_taken_up_by_the_next() -> None:
    shard, disk = Shard(), ModelledDisk()
    shard.reachable(False, False)
    async with opened(shard, disk) as client:
        ticket = await client.submit("note", "a", {})
    with pytest.raises(ClosedError):
        await ticket.result()
    with pytest.raises(ClosedError):
        await client.submit("note", "a", {})
    shard.reachable(True, True)
    async with opened(shard, disk) as client:
        await client.close(timeout=60)
    assert list(shard.servers[0].rows()) == [ticket.id]


@run
async def test_who_waits_for_room_is_told_that_it_is_over() -> None:
    shard = Shard()
    async with opened(shard) as client:
        with pytest.raises(JournalFullError):
            await filled(client)
        waiting = asyncio.create_task(client.write("note", "a", {}))
        await asyncio.sleep(0.01)
    with pytest.raises(ClosedError):
        await waiting


@run
async def test_a_journal_with_writes_of_an_unknown_kind_is_not_taken_up() -> None:
    shard, disk = Shard(), ModelledDisk()
    shard.reachable(False, False)
    async with opened(shard, disk) as client:
        await client.submit("task", "a", {})
    with pytest.raises(ValueError, match="the journal holds writes of kind task: give that kind"):
        AsyncClient(Journal(disk), [NOTE], Order([Member("a")]), shard, lambda: None, QUICK)


@run
async def test_a_disk_that_fails_is_told_to_everybody() -> None:
    shard, disk = Shard(), ModelledDisk()
    shard.reachable(False, False)
    async with opened(shard, disk) as client:
        first = await client.submit("note", "a", {})
        disk.failing_sync = True
        with pytest.raises(JournalBrokenError, match="Input/output error"):
            await client.submit("note", "a", {})
        with pytest.raises(JournalBrokenError):
            await first.result()
        with pytest.raises(JournalBrokenError):
            await client.submit("note", "a", {})


@run
async def test_a_full_disk_takes_nothing_and_is_no_end() -> None:
    shard, disk = Shard(), ModelledDisk()
    async with opened(shard, disk) as client:
        disk.space = 10
        with pytest.raises(JournalFullError, match="No space left"):
            await client.write("note", "a", {})
        assert client.counts["bytes"] == 0
        disk.space = None
        await client.write("note", "a", {})


@run
async def test_a_mistake_in_a_call_is_said_at_once() -> None:
    async with opened(Shard()) as client:
        for kind, values, said in [
            ("nothing", {}, "no kind nothing; there are checked, note, task"), ("checked", {}, "no value for text, which its insert names"),
            ("note", {"id": 1}, "id: given by the client itself"), ("note", {"x": b"y"}, "x: bytes is none of text"),
            ("note", {"x": "\0"}, "x: text with a NUL"), ("note", {"x": "\ud800"}, "half a surrogate pair"),
        ]:  # fmt: skip
            with pytest.raises(ValueError, match=said):
                await client.write(kind, "a", values)  # type: ignore[arg-type]
        assert client.counts["bytes"] == 0


@run
async def test_a_record_that_does_not_come_is_not_waited_for() -> None:
    shard, over = Shard(), threading.Event()
    try:
        async with opened(shard, routing=lambda: over.wait(60)) as client:
            await client.write("note", "a", {}, timeout=30)
    finally:
        over.set()


@run
async def test_a_fork_does_not_write_into_its_parents_journal() -> None:
    async with opened(Shard()) as client:
        client._pid = os.getpid() + 1
        with pytest.raises(ClosedError, match="forked"):
            await client.write("note", "a", {})


@run
async def test_a_mistake_in_here_leaves_nobody_waiting() -> None:
    shard = Shard()
    shard.ask = None  # type: ignore[assignment,method-assign]
    async with opened(shard) as client:
        with pytest.raises(JournalBrokenError, match="the client stopped"):
            await client.write("note", "a", {}, timeout=30)


def test_a_directory_and_members_are_all_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = Shard()
    monkeypatch.setattr("unde_client.asynchronous.Psycopg", lambda options: shard)

    async def test() -> None:
        async with await AsyncClient.open(tmp_path / "journal", [Member("a"), Member("b")], [NOTE], {}) as client:
            await client.write("note", "a", {})
        with pytest.raises(ValueError, match="no members"):
            await AsyncClient.open(tmp_path / "journal", [], [NOTE], {})

    asyncio.run(test())
    assert len(shard.servers[0].rows()) == 1
