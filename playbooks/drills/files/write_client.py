"""Write to a shard as its services do, by the library unde_client, through the loss of a member; and beside it as a program does that has no library.

Called as a file, with the folder of unde_client beside it. Reads {"hosts", "port", "database", "user", "password", "table", "interval_s", "seconds"} as JSON
from a file, and removes it. The table has (writer, number, id); both writers give every write a number and repeat it until it is acknowledged. In the end
the numbers that each was told are acknowledged are compared with those that the writable member has: what the raw writer misses was acknowledged and lost;
of what the library wrote nothing may be missing. Prints the figures as JSON; times are seconds.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from unde_client import Client, Kind, Member

#: A member that fell silent is given up after so long, seconds and milliseconds: a host that is lost says nothing.
CONNECT_S, SILENCE_MS = 2, 3000
#: How long the library may take in the end to have everything acknowledged.
PATIENCE_S = 60


class Raw:
    """A writer without the library: it knows all members, repeats what fails, and never looks back."""

    def __init__(self, wish: Mapping[str, Any]) -> None:
        """Nothing is connected yet."""
        self.wish = wish
        self.connection: psycopg.Connection[Any] | None = None
        self.acknowledged: dict[int, float] = {}
        self.members: list[str] = []
        self.failed = 0

    def ask(self, query: str, *values: Any) -> list[Any]:
        """Run a query in a transaction of its own; return its rows.

        Raises:
            psycopg.Error: no member takes writes, or the one that did was lost on the way.

        """
        try:
            if self.connection is None:
                self.connection = psycopg.connect(
                    **options(self.wish), host=",".join(self.wish["hosts"]), port=self.wish["port"], target_session_attrs="read-write",
                    connect_timeout=CONNECT_S, tcp_user_timeout=SILENCE_MS, keepalives_idle=1, keepalives_interval=1, keepalives_count=2,
                    autocommit=True, prepare_threshold=None,
                )  # fmt: skip
            cursor = self.connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            raise

    def write(self, end: float) -> None:
        """Write until the time is over."""
        number = 0
        while time.monotonic() < end:
            try:
                self.ask(f"INSERT INTO {self.wish['table']} (writer, number, id) VALUES ('raw', %s, gen_random_uuid()) ON CONFLICT DO NOTHING", number)
            except psycopg.Error:
                self.failed += 1
                time.sleep(0.2)
                continue
            self.acknowledged[number] = time.time()
            member = self.connection.info.host if self.connection else ""
            self.members += [member] if member not in self.members else []
            number += 1
            time.sleep(self.wish["interval_s"])

    def missing(self, writer: str, numbers: Mapping[int, float]) -> list[int]:
        """Return the acknowledged numbers of a writer that the writable member has not; asked until somebody answers."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                rows = self.ask(f"SELECT number FROM {self.wish['table']} WHERE writer = %s", writer)
                return sorted(set(numbers) - {number for (number,) in rows})
            except psycopg.Error:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)


def options(wish: Mapping[str, Any]) -> dict[str, Any]:
    """Return what libpq is told, beside where."""
    return {"dbname": wish["database"], "user": wish["user"], "password": wish["password"], "sslmode": wish.get("sslmode", "require")}


def kind(table: str) -> Kind:
    """Return what the library is told of the table."""
    return Kind(
        "number",
        f"INSERT INTO {table} (writer, number, id) VALUES ('client', %(number)s, %(id)s) ON CONFLICT DO NOTHING",
        f"SELECT id FROM {table} WHERE id = ANY(%(ids)s)",
    )


def write(client: Client, end: float, interval_s: float) -> dict[int, float]:
    """Write by the library until the time is over; return number → when it was acknowledged."""
    acknowledged = {}
    for number in itertools.count():
        if time.monotonic() >= end:
            return acknowledged
        client.write("number", "drill", {"number": number})
        acknowledged[number] = time.time()
        time.sleep(interval_s)
    raise AssertionError


def main() -> None:
    """Write by both, then compare."""
    file = Path(sys.argv[1])
    wish = json.loads(file.read_text(encoding="utf-8"))
    os.unlink(file)
    raw = Raw(wish)
    end = time.monotonic() + wish["seconds"]
    beside = threading.Thread(target=raw.write, args=(end,))
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as journal,
        Client(journal, [Member(host, wish["port"]) for host in wish["hosts"]], [kind(wish["table"])], options(wish)) as client,
    ):
        beside.start()
        acknowledged = write(client, end, wish["interval_s"])
        beside.join()
        client.close(timeout=PATIENCE_S)
        counts = client.counts
    times = sorted(acknowledged.values())
    gap, since = max((later - earlier, earlier) for earlier, later in itertools.pairwise(times))
    lost = raw.missing("raw", raw.acknowledged)
    print(json.dumps({
        "acknowledged": len(acknowledged), "failed_attempts": raw.failed, "members": raw.members, "outage_s": round(gap, 2), "outage_began": round(since, 2),
        "lost_before_replay": len(lost), "lost_span_ms": round(1000 * (raw.acknowledged[lost[-1]] - raw.acknowledged[lost[0]])) if lost else 0,
        "replayed": counts["replayed"], "lost_after_replay": len(raw.missing("client", acknowledged)) + counts["refused"] + counts["unacknowledged"],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
