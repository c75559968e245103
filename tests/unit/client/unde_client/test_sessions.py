"""Connections, and the whole client, on real PostgreSQL: a primary and its standby, on sockets in a folder of their own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from unde_client import AsyncClient, Client, JournalFullError, Kind, Member, PendingError, RefusedError, Settings
from unde_client.processes import GUARD, LOOK, AnsweredError, LostError, UnreachableError
from unde_client.sessions import Psycopg

#: The newest server of this machine; scripts/bootstrap installs one where there is none.
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=Path("/usr/lib/postgresql/none/initdb"), key=lambda path: path.parts[4]).parent
#: As `unde.messages`, with what came when.
SCHEMA = """
CREATE TABLE messages (
    came bigserial, user_id text NOT NULL, id uuid NOT NULL, content text NOT NULL CHECK (content <> 'bad'), client text NOT NULL, seq bigint NOT NULL,
    PRIMARY KEY (user_id, id), CONSTRAINT messages_once UNIQUE (user_id, client, seq)
)
"""
MESSAGE = Kind(
    "message",
    "INSERT INTO messages (user_id, id, content, client, seq) VALUES (%(user)s, %(id)s, %(content)s, %(client)s, %(seq)s) ON CONFLICT DO NOTHING",
    "SELECT id FROM messages JOIN unnest(%(users)s::text[], %(ids)s::uuid[]) AS asked (user_id, id) USING (user_id, id)",
)
OPTIONS = {"dbname": "postgres", "user": "unde"}
#: After so long, seconds, what is waited for will not come: a guard against waiting for ever, no bound on speed.
HANGS_S = 600
QUICK = Settings(verify_s=0.05, look_s=0.05)


class Server:
    """One member."""

    def __init__(self, folder: Path, name: str) -> None:
        self.data, self.socket = folder / name, folder / f"{name}.socket"
        self.socket.mkdir()
        os.chmod(self.socket, 0o777)
        self.member = Member(str(self.socket), 5432)

    def program(self, name: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        lesser = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        subprocess.run([*lesser, str(PROGRAMS / name), *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def make(self) -> None:
        self.program("initdb", "-D", str(self.data), "-U", "unde", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")

    def copy(self, of: Server) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.program("pg_basebackup", "-D", str(self.data), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", of.member.host, "-U", "unde")

    def start(self) -> None:
        settings = f"-c listen_addresses= -k {self.socket} -c fsync=off -c synchronous_commit=local -c wal_retrieve_retry_interval=100ms"
        self.program("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.data / "log"), "-o", settings, "start")

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.program("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def promote(self) -> None:
        self.program("pg_ctl", "-D", str(self.data), "-w", "promote")

    def sql(self, text: str, *values: Any) -> list[Any]:
        with psycopg.connect(host=self.member.host, port=5432, **OPTIONS, autocommit=True) as connection:
            cursor = connection.execute(text.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def contents(self) -> list[str]:
        return [content for (content,) in self.sql("SELECT content FROM messages ORDER BY came")]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a short path, for sockets."""
    place = Path(tempfile.mkdtemp(prefix="unde", dir="/tmp"))
    shutil.chown(place, "nobody" if os.getuid() == 0 else None, os.getgid())
    os.chmod(place, 0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def pair(folder: Path) -> Iterator[Sequence[Server]]:
    """Return two servers that follow one another."""
    primary, standby = Server(folder, "a"), Server(folder, "b")
    try:
        primary.make()
        primary.start()
        primary.sql(SCHEMA)
        standby.copy(primary)
        standby.start()
        yield primary, standby
    finally:
        primary.stop()
        standby.stop()


@pytest.fixture
def shard(pair: Sequence[Server]) -> Sequence[Server]:
    """Return a primary and its standby, with an empty table."""
    primary, standby = sorted(pair, key=lambda server: server.sql("SELECT pg_is_in_recovery()")[0])
    primary.sql("TRUNCATE messages")
    until(lambda: not standby.contents())
    return primary, standby


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + HANGS_S
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"in vain for {HANGS_S} s")
        time.sleep(0.02)


def members(*servers: Server) -> list[Member]:
    return [server.member for server in servers]


def test_the_loss_of_a_primary_costs_no_acknowledged_write(shard: Sequence[Server], tmp_path: Path) -> None:
    first, second = shard
    with Client(tmp_path, members(first, second), [MESSAGE], OPTIONS, settings=QUICK) as client:
        for n in range(20):
            client.write("message", f"user {n % 2}", {"content": f"{n}"})
        until(lambda: client.counts["bytes"] == 0)
        assert client.counts["verified"] == 20
        second.stop()
        for n in range(20, 50):
            client.write("message", f"user {n % 2}", {"content": f"{n}"}, timeout=HANGS_S)
        assert client.counts["unverified"] == 30
        first.stop()
        waiting = [client.submit("message", "user 0", {"content": f"{n}"}) for n in (50, 51)]
        second.start()
        assert second.contents() == [f"{n}" for n in range(20)]
        second.promote()
        for ticket in waiting:
            ticket.result(HANGS_S)
        assert second.contents() == [f"{n}" for n in range(52)]
        assert (client.counts["replayed"], client.counts["lineages"], client.counts["refused"]) == (30, 1, 0)
        first.copy(second)
        first.start()
        until(lambda: client.counts["bytes"] == 0)
        assert first.contents() == second.contents()


def test_a_killed_client_leaves_a_journal_that_the_next_goes_on_with(shard: Sequence[Server], tmp_path: Path) -> None:
    """Whatever it was doing: what it told is there, each once, in the user's order."""
    told: list[str] = []
    for life in range(6):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            client = Client(tmp_path, members(*shard), [MESSAGE], OPTIONS, settings=QUICK)
            for n in range(1000):
                client.write("message", "u", {"content": f"{life}.{n}"})
                os.write(writing, f"{life}.{n}\n".encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as lines:
            told += [lines.readline().strip() for _ in range(3 + life)]
            os.kill(child, signal.SIGKILL)
            told += [line.strip() for line in lines]
        os.waitpid(child, 0)
    with Client(tmp_path, members(*shard), [MESSAGE], OPTIONS, settings=QUICK) as client:
        client.write("message", "u", {"content": "the last"})
        until(lambda: client.counts["bytes"] == 0)
    contents = shard[0].contents()
    assert set(told) <= set(contents)
    assert len(contents) == len(set(contents))
    assert [seq for (seq,) in shard[0].sql("SELECT seq FROM messages ORDER BY came")] == sorted(seq for (seq,) in shard[0].sql("SELECT seq FROM messages"))
    assert [content for content in contents if content in told] == told


def test_asyncio_the_journal_full_and_a_refusal(shard: Sequence[Server], tmp_path: Path) -> None:
    first, second = shard

    async def test() -> None:
        settings = Settings(capacity=20_000, verify_s=0.05)
        async with await AsyncClient.open(tmp_path, members(first, second), [MESSAGE], OPTIONS, settings=settings) as client:
            contents = [*("fine" for _ in range(30)), "bad", *("fine" for _ in range(30))]
            told = await asyncio.gather(*(client.write("message", "u", {"content": content}) for content in contents), return_exceptions=True)
            [refused] = [each for each in told if isinstance(each, BaseException)]
            assert isinstance(refused, RefusedError)
            assert refused.sqlstate == "23514"
            second.stop()
            # Those that found room may be told in that time or not.
            writes = (client.write("message", "u", {"content": "x" * 500}, timeout=5) for _ in range(60))
            told = await asyncio.gather(*writes, return_exceptions=True)
            assert any(isinstance(each, JournalFullError) for each in told)
            assert all(isinstance(each, UUID | JournalFullError | PendingError) for each in told)
            second.start()
            await client.write("message", "u", {"content": "and on"}, timeout=HANGS_S)

    asyncio.run(test())


def test_a_session_says_what_became_of_a_transaction(shard: Sequence[Server]) -> None:
    first, second = shard

    async def test() -> None:
        sessions, hasty = Psycopg(OPTIONS, answer_s=HANGS_S), Psycopg(OPTIONS, answer_s=0.5)
        session, member = await sessions.connect(members(second, first), writable=True)
        assert member == first.member
        [answer] = await sessions.ask(session, [(LOOK, {})])
        [[timeline]] = answer.rows
        assert int(timeline, 16) > 0
        values = {"user": "u", "id": UUID(int=1), "content": "it's", "client": "me", "seq": 1}
        guard, wrong = ((GUARD, {"timeline": each}) for each in (timeline, "0000FFFF"))
        with pytest.raises(AnsweredError) as passed:
            await sessions.ask(session, [wrong, (MESSAGE.insert, values)])
        assert passed.value.sqlstate == "22012"
        assert first.contents() == []
        assert [each.made for each in await sessions.ask(session, [guard, *[(MESSAGE.insert, values)] * 2])] == [1, 1, 0]
        found = await sessions.ask(session, [(MESSAGE.present, {"users": ["u", "u"], "ids": [UUID(int=1), UUID(int=2)]})])
        assert found[0].rows == [(UUID(int=1),)]
        # What psycopg itself refuses leaves a session that can be used.
        with pytest.raises(AnsweredError):
            await sessions.ask(session, [guard, ("SELECT %(nothing)s", {})])
        assert await sessions.ask(session, [guard])
        # A standby is no place to write, whoever says that it is one.
        standby, member = await sessions.connect(members(second), writable=False)
        assert member == second.member
        assert [each.rows for each in await sessions.ask(standby, [(LOOK, {})])] == [[("",)]]
        for statements in ([guard, (MESSAGE.insert, values)], [(MESSAGE.insert, values)]):
            with pytest.raises(AnsweredError):
                await sessions.ask(standby, statements)
        with pytest.raises(UnreachableError):
            await sessions.connect(members(second), writable=True)
        # Whoever does not answer is not waited for, by the shorter of both limits.
        with pytest.raises(LostError, match=r"^no answer within 0\.5 s$"):
            await hasty.ask(session, [guard, ("SELECT pg_sleep(60)", {})], within_s=60)
        with pytest.raises(LostError):
            await sessions.ask(session, [guard])
        session, _ = await sessions.connect(members(first), writable=True)
        first.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
        with pytest.raises(LostError):
            await sessions.ask(session, [guard])
        for each in (session, standby):
            await sessions.drop(each)

    asyncio.run(test())


def test_a_transaction_costs_one_round_trip(shard: Sequence[Server], folder: Path) -> None:
    """Between sites each costs 120 ms."""
    first, _ = shard
    directions: list[str] = []

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, direction: str) -> None:
        while data := await source.read(1 << 16):
            directions.append(direction)
            sink.write(data)
        sink.close()

    async def accept(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(f"{first.socket}/.s.PGSQL.5432")
        await asyncio.gather(pass_on(client, to_server, "asked"), pass_on(server, to_client, "answered"))

    async def test() -> None:
        between = folder / "between.socket"
        between.mkdir()
        async with await asyncio.start_unix_server(accept, between / ".s.PGSQL.5432"):
            sessions = Psycopg(OPTIONS, answer_s=HANGS_S)
            session, _ = await sessions.connect([Member(str(between), 5432)], writable=True)
            inserts = [(MESSAGE.insert, {"user": "u", "id": UUID(int=n), "content": "a", "client": "me", "seq": n}) for n in (1, 2, 3)]
            for statements, error in ((inserts, None), ([(LOOK, {})], None), ([("SELECT 1 / 0", {})], AnsweredError)):
                directions.clear()
                with pytest.raises(error) if error else contextlib.nullcontext():
                    await sessions.ask(session, statements)
                changes = sum(before != after for before, after in itertools.pairwise(directions))
                # What was refused is rolled back, which is a second one.
                assert changes == (3 if error else 1), directions
            await sessions.drop(session)

    asyncio.run(test())


def test_no_value_is_ever_part_of_a_statement_that_is_logged(shard: Sequence[Server], tmp_path: Path) -> None:
    first, second = shard
    before = (first.data / "log").stat().st_size
    first.sql("ALTER SYSTEM SET log_min_duration_statement = 0")
    first.sql("ALTER SYSTEM SET log_parameter_max_length = 0")
    first.sql("SELECT pg_reload_conf()")
    with Client(tmp_path, members(first, second), [MESSAGE], OPTIONS) as client:
        client.write("message", "u", {"content": "a secret"})
        with contextlib.suppress(RefusedError):
            client.write("message", "u", {"content": "bad"})
    log = (first.data / "log").read_text()[before:]
    assert "INSERT INTO messages" in log
    assert not re.search(r"statement: .*a secret|execute .*a secret|STATEMENT: .*'bad'", log)


def test_who_is_asked_is_said_by_the_members() -> None:
    with pytest.raises(ValueError, match="host, port: said by the members"):
        Psycopg({"host": "a", "port": 1, "dbname": "b"})
