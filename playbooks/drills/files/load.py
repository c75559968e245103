#!/usr/bin/python3
"""Write to a shard, read from it and search in it as its services do, and write down what came of each attempt: the load of a drill, on one host.

``load.py run SETTINGS`` works until the file ``stop`` stands beside the settings, then says so by ``silent``, waits for ``replay``, writes again what was
acknowledged and is not there any more, and says by ``over`` that it is done. ``load.py state SETTINGS MOMENT`` writes down what the writable member holds,
but for the rows of users that are left out: their client is lost with its host.
The files are those of ``unde drill report`` (docs/drills.md); this program judges nothing.

Two clients work side by side: one whose workers connect again, and one that keeps the session which it opened before the fault. A third, silent one is the
library unde_client (its folder stands beside this file), whose own journal finds and repeats what a failover has lost: its counts are in ``library.json``,
what it says of primaries and lost connections in ``library.log``.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import psycopg

from unde_client import Client, ClientError, Kind, Member

#: A member that fell silent is given up after so long, seconds and milliseconds: a host that is lost says nothing.
CONNECT_S, SILENCE_MS = 2, 3000
#: Between an attempt that failed and the next.
PAUSE_S = 0.2
#: How long everything may take in the end, states, replay, the library's last acknowledgment: the shard may be without a primary still.
TIMEOUT_S = 120
#: Even without a word to stop.
LONGEST_S = 3600

#: The timeline of whoever takes the write; a standby takes none.
TIMELINE = "('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint"
#: A repeated write has no second effect, and is told the timeline as well.
WRITE = f"""
WITH new AS (
  INSERT INTO {{schema}}.writes (usr, number, body, place) VALUES (%(user)s, %(number)s, %(body)s, %(place)s::extensions.vector)
  ON CONFLICT (usr, number) DO NOTHING RETURNING 1)
SELECT {TIMELINE}, (SELECT count(*) FROM new)
"""
READ = "SELECT pg_is_in_recovery(), (SELECT max(number) FROM {schema}.writes WHERE usr = %(user)s)"
#: By meaning and by words, each list by its ranks (reciprocal rank fusion), as the services search.
SEARCH = """
WITH near AS (SELECT number, row_number() OVER (ORDER BY place OPERATOR(extensions.<=>) %(place)s::extensions.vector) AS rank FROM {schema}.writes
              WHERE usr = %(user)s ORDER BY rank LIMIT 20),
     said AS (SELECT number, row_number() OVER (ORDER BY number DESC) AS rank FROM {schema}.writes
              WHERE usr = %(user)s AND to_tsvector('simple', body) @@ plainto_tsquery('simple', %(body)s) LIMIT 20),
     fused AS (SELECT number, sum(1.0 / (60 + rank)) AS score FROM (SELECT * FROM near UNION ALL SELECT * FROM said) AS found GROUP BY number)
SELECT pg_is_in_recovery(), (SELECT max(number) FROM {schema}.writes WHERE usr = %(user)s), (SELECT count(*) FROM fused)
"""
#: Without the key's index, which would hide a row that is there twice.
WHOLE = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off"
STATE = f"SELECT usr, number, position, {TIMELINE} FROM {{schema}}.writes ORDER BY position"
THERE = "SELECT number FROM {schema}.writes WHERE usr = %(user)s"
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath")


def moment() -> dict[str, Any]:
    """Return which clock times are of, and what it says now."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return {"host": platform.node(), "boot": boot, "wall": time.time(), "monotonic": time.monotonic()}


class Journal:
    """A file of the drill: its first line, what follows, and the end that says that it is whole."""

    def __init__(self, file: Path, first: Mapping[str, Any]) -> None:
        """Begin the file."""
        self._lock = threading.Lock()
        self._to: TextIO = file.open("w", encoding="utf-8")
        self._lines = -1
        self.add(**first, **moment())

    def add(self, **line: Any) -> None:
        """Write a line down, whole."""
        text = json.dumps({name: value for name, value in line.items() if value is not None})
        with self._lock:
            self._to.write(text + "\n")
            self._to.flush()
            self._lines += 1

    def end(self) -> None:
        """Say that the file is whole."""
        self.add(kind="end", wall=time.time(), monotonic=time.monotonic(), lines=self._lines)
        self._to.close()


@dataclass
class Session:
    """A connection to whichever member is such a one, opened when it is needed."""

    settings: Mapping[str, Any]
    attributes: str = "read-write"
    reopens: bool = True
    connection: psycopg.Connection[Any] | None = None
    was_open: bool = False

    def open(self) -> psycopg.Connection[Any]:
        """Return the connection.

        Raises:
            psycopg.Error: no such member answers, or the only session that there was is gone.

        """
        if self.connection is None:
            if self.was_open and not self.reopens:
                raise psycopg.OperationalError("the session is gone")
            self.connection = psycopg.connect(
                **options(self.settings), host=",".join(self.settings["members"]), port=self.settings["port"], target_session_attrs=self.attributes,
                connect_timeout=CONNECT_S, tcp_user_timeout=SILENCE_MS, keepalives_idle=1, keepalives_interval=1, keepalives_count=2,
                autocommit=True, prepare_threshold=None,
            )  # fmt: skip
            self.was_open = True
        return self.connection

    def member(self) -> str:
        """Return the name of the member that the connection leads to."""
        return str(self.settings["members"][self.connection.info.host]) if self.connection else ""

    def close(self) -> None:
        """Give the connection up."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what libpq is told, beside where."""
    return {"dbname": settings["database"], "user": settings["user"], "password": settings["password"], "sslmode": settings.get("sslmode", "require")}


def has_no_effect(error: psycopg.Error, sent: bool) -> bool:
    """Return whether an attempt certainly had none: it was never sent, or the server answered that it refused the statement and goes on."""
    return not sent or error.diag.severity_nonlocalized == "ERROR"


@dataclass
class Worker:
    """Does one thing after another, and writes down what came of it."""

    number: int
    users: tuple[int, ...]
    session: Session
    journal: Journal
    schema: str
    acknowledged: dict[int, set[int]] = field(default_factory=dict)

    def attempt(self, what: str, user: int, query: str, *, number: int | None = None, of: str | None = None) -> bool:
        """Do something once; return whether it was acknowledged."""
        key = number or user
        place = str([round((key * 7 + at) % 11 / 11, 3) for at in range(8)])
        values = {"user": user, "number": number, "body": f"{WORDS[key % 8]} {WORDS[key // 8 % 8]}", "place": place}
        line: dict[str, Any] = {"kind": "operation", "what": what, "worker": self.number, "user": user, "number": number, "of": of}
        begin, sent = time.monotonic(), False
        try:
            connection = self.session.open()
            sent = True
            row = connection.execute(query.format(schema=self.schema).encode(), values).fetchone()
            assert row is not None
            found = {"member": self.session.member()}
            if of is None:
                found["timeline"] = row[0]
            elif row[0] is not (of == "replica"):
                raise psycopg.errors.ReadOnlySqlTransaction(f"this is no {of}")
            elif row[1] is not None:
                found["seen"] = row[1]
            self.journal.add(**line, begin=begin, end=time.monotonic(), result="ok", **found)
            return True
        except psycopg.Error as error:
            refused = has_no_effect(error, sent) or isinstance(error, psycopg.errors.ReadOnlySqlTransaction)
            said = " ".join(str(error).split())[:200] or type(error).__name__
            self.journal.add(**line, begin=begin, end=time.monotonic(), result="failed" if refused else "unknown", error=said)
            self.session.close() if self.session.reopens or not refused else None
            return False

    def write(self, interval_s: float, stop: threading.Event) -> None:
        """Write for a user, each number until it is acknowledged."""
        [user] = self.users
        known = self.acknowledged.setdefault(user, set())
        for number in itertools.count(1):
            began = time.monotonic()
            while not self.attempt("write", user, WRITE, number=number):
                if stop.wait(PAUSE_S):
                    return
            known.add(number)
            if stop.wait(max(0.0, began + interval_s - time.monotonic())):
                return

    def ask(self, what: str, query: str, of: str, interval_s: float, stop: threading.Event) -> None:
        """Read or search, for one user after the other."""
        for user in itertools.cycle(self.users):
            began = time.monotonic()
            well = self.attempt(what, user, query, of=of)
            if stop.wait(max(0.0, began + interval_s - time.monotonic()) if well else PAUSE_S):
                return


def rows(session: Session, query: str, values: Mapping[str, Any] | None = None, before: str = "") -> list[Any]:
    """Return the rows of a query to the writable member, asked until somebody answers.

    Raises:
        psycopg.Error: nobody does for too long.

    """
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            connection = session.open()
            with connection.transaction():
                if before:
                    connection.execute(before.encode())
                return connection.execute(query.encode(), values).fetchall()
        except psycopg.Error:
            session.close()
            if time.monotonic() > end:
                raise
            time.sleep(PAUSE_S)


def replay(worker: Worker, stop: threading.Event) -> None:
    """Write again what was acknowledged to a worker and is not there, in the order of its numbers."""
    for user, known in worker.acknowledged.items():
        there = {number for (number,) in rows(Session(worker.session.settings), THERE.format(schema=worker.schema), {"user": user})}
        for number in sorted(known - there):
            while not worker.attempt("replay", user, WRITE, number=number) and not stop.wait(PAUSE_S):
                pass


def library(settings: Mapping[str, Any], stop: threading.Event) -> dict[str, float]:
    """Write by the library until the time is over; return what it counted, how many acknowledged writes are missing in the end, and its longest silence."""
    table = f"{settings['schema']}.kept"
    insert = f"INSERT INTO {table} (id, client, seq) VALUES (%(id)s, %(client)s, %(seq)s) ON CONFLICT DO NOTHING"
    kind = Kind("kept", insert, f"SELECT id FROM {table} WHERE id = ANY(%(ids)s)")
    members = [Member(address, settings["port"]) for address in settings["members"]]
    acknowledged, times = set(), [time.monotonic()]
    with tempfile.TemporaryDirectory(dir=settings["journal"]) as journal, Client(journal, members, [kind], options(settings)) as client:
        while not stop.wait(settings["write_interval_s"]):
            try:
                acknowledged.add(client.write("kept", "drill", {}, timeout=TIMEOUT_S))
                times.append(time.monotonic())
            except ClientError:
                stop.wait(PAUSE_S)
        times.append(time.monotonic())
        client.close(timeout=TIMEOUT_S)
        counts = dict(client.counts)
    there = {found for (found,) in rows(Session(settings), f"SELECT id FROM {table}")}
    found = {"acknowledged": len(acknowledged), "replayed": counts["replayed"], "refused": counts["refused"], "lost": len(acknowledged - there)}
    return {**found, "outage_s": round(max(after - before for before, after in itertools.pairwise(times)), 1)}


def workers(settings: Mapping[str, Any], journals: tuple[Journal, Journal]) -> Iterator[tuple[Worker, str, Mapping[str, Any]]]:
    """Yield each worker with what it does."""
    again, kept = journals
    users, schema = tuple(settings["users"]), settings["schema"]
    number = itertools.count()
    for user in users[:-1]:
        yield Worker(next(number), (user,), Session(settings), again, schema), "write", {"interval_s": settings["write_interval_s"]}
    for of, attributes in (("primary", "read-write"), ("replica", "standby")):
        for what, query in (("read", READ), ("search", SEARCH)):
            asking = Worker(next(number), users[:-1], Session(settings, attributes), again, schema)
            yield asking, "ask", {"what": what, "query": query, "of": of, "interval_s": settings[f"{what}_interval_s"]}
    yield Worker(0, users[-1:], Session(settings, reopens=False), kept, schema), "write", {"interval_s": settings["write_interval_s"]}


def run(settings: Mapping[str, Any], folder: Path) -> None:
    """Work, be silent, write again, end."""
    users = settings["users"]
    first = {"kind": "client", "format": 1, "site": settings["site"], "shard": settings["shard"], "write_interval_s": settings["write_interval_s"]}
    asks = {"read_interval_s": settings["read_interval_s"], "search_interval_s": settings["search_interval_s"]}
    name = settings["client"]
    again = Journal(folder / f"{name}.jsonl", {**first, **asks, "client": name, "users": users[:-1]})
    kept = Journal(folder / f"{name}-session.jsonl", {**first, "client": f"{name}-session", "users": users[-1:], "reconnects": False})
    logging.basicConfig(filename=folder / "library.log", level=logging.INFO, format="%(asctime)s.%(msecs)03d %(message)s", datefmt="%H:%M:%S")
    stop, counted = threading.Event(), {}
    at_work = list(workers(settings, (again, kept)))
    threads = [threading.Thread(target=getattr(worker, does), kwargs={**how, "stop": stop}) for worker, does, how in at_work]
    threads.append(threading.Thread(target=lambda: counted.update(library(settings, stop))))
    for thread in threads:
        thread.start()
    wait(folder / "stop")
    stop.set()
    for thread in threads:
        thread.join()
    (folder / "library.json").write_text(json.dumps(counted), encoding="utf-8")
    (folder / "silent").touch()
    wait(folder / "replay")
    over = threading.Event()
    timer = threading.Timer(TIMEOUT_S, over.set)
    timer.start()
    for worker, does, _how in at_work:
        if does == "write":
            worker.session = Session(settings)
            replay(worker, over)
    timer.cancel()
    again.end()
    kept.end()
    (folder / "over").touch()


def wait(file: Path) -> None:
    """Wait for a file; nobody waits for ever."""
    end = time.monotonic() + LONGEST_S
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.1)


def state(settings: Mapping[str, Any], folder: Path, when: str) -> None:
    """Write down what the writable member holds."""
    session = Session(settings)
    found = rows(session, STATE.format(schema=settings["schema"]), before=WHOLE)
    timeline = found[0][3] if found else rows(session, f"SELECT {TIMELINE}")[0][0]
    journal = Journal(folder / f"{when}.jsonl", {
        "kind": "state", "format": 1, "shard": settings["shard"], "moment": when, "member": session.member(), "timeline": timeline,
    })  # fmt: skip
    for user, number, position, _timeline in found:
        if user not in settings["left_out"]:
            journal.add(kind="row", user=user, number=number, position=position)
    journal.end()


def main() -> None:
    """Do what the command line says."""
    command, file, *more = sys.argv[1:]
    folder = Path(file).parent
    settings = json.loads(Path(file).read_text(encoding="utf-8"))
    os.umask(0o077)
    if command == "run":
        run(settings, folder)
    else:
        state(settings, folder, *more)


if __name__ == "__main__":
    main()
