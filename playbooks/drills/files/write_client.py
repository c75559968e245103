"""Write to a shard as its application does, through the loss of a member; then verify and replay.

Reads {"hosts", "port", "database", "user", "password", "table", "interval_s", "seconds"} as JSON from a file, and removes it. Every write has a
number of its own and is repeated until it is acknowledged, so that it stands in the table once or not at all. In the end the numbers that
were acknowledged are compared with those that the writable member has: what is missing was acknowledged and lost, and is written again.
Prints the figures as JSON; times are seconds.
"""

import itertools
import json
import os
import sys
import time

import psycopg2

#: A member that fell silent is given up after so long, seconds and milliseconds: a host that is lost says nothing.
CONNECT_S, SILENCE_MS = 2, 3000
INSERT = "INSERT INTO {} (number) VALUES (%s) ON CONFLICT DO NOTHING"


class Shard:
    """The shard's writable member, wherever it is."""

    def __init__(self, wish):
        """Nothing is connected yet."""
        self.connection = None
        self.options = {
            "host": ",".join(wish["hosts"]), "port": wish["port"], "dbname": wish["database"], "user": wish["user"], "password": wish["password"],
            "sslmode": "require", "target_session_attrs": "read-write", "connect_timeout": CONNECT_S, "tcp_user_timeout": SILENCE_MS,
            "keepalives_idle": 1, "keepalives_interval": 1, "keepalives_count": 2,
        }

    def ask(self, query, *values):
        """Run a query in a transaction of its own; return its rows, and the member that answered.

        Raises:
            psycopg2.Error: no member takes writes, or the one that did was lost on the way.

        """
        try:
            if self.connection is None:
                self.connection = psycopg2.connect(**self.options)
                self.connection.autocommit = True
            cursor = self.connection.cursor()
            cursor.execute(query, values)
            return (cursor.fetchall() if cursor.description else []), self.connection.info.host
        except psycopg2.Error:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            raise


def write(shard, wish):
    """Write until the time is over; return number → when it was acknowledged, the members that did, and how many attempts failed."""
    acknowledged, members, failed, number = {}, [], 0, 0
    end = time.monotonic() + wish["seconds"]
    while time.monotonic() < end:
        try:
            _, member = shard.ask(INSERT.format(wish["table"]), number)
        except psycopg2.Error:
            failed += 1
            time.sleep(0.2)
            continue
        acknowledged[number] = time.time()
        members += [member] if member not in members else []
        number += 1
        time.sleep(wish["interval_s"])
    return acknowledged, members, failed


def missing(shard, wish, acknowledged):
    """Return the acknowledged numbers that the writable member has not."""
    rows, _ = shard.ask(f"SELECT number FROM {wish['table']}")
    return sorted(set(acknowledged) - {number for (number,) in rows})


def main():
    """Write, verify, replay, verify."""
    with open(sys.argv[1], encoding="utf-8") as file:
        wish = json.load(file)
    os.unlink(sys.argv[1])
    shard = Shard(wish)
    acknowledged, members, failed = write(shard, wish)
    times = sorted(acknowledged.values())
    gap, since = max((later - earlier, earlier) for earlier, later in itertools.pairwise(times))
    lost = missing(shard, wish, acknowledged)
    began = time.monotonic()
    for number in lost:
        shard.ask(INSERT.format(wish["table"]), number)
    replay_s = time.monotonic() - began
    print(json.dumps({
        "acknowledged": len(acknowledged), "failed_attempts": failed, "members": members, "outage_s": round(gap, 2), "outage_began": round(since, 2),
        "lost_before_replay": len(lost), "lost_span_ms": round(1000 * (acknowledged[lost[-1]] - acknowledged[lost[0]])) if lost else 0,
        "replay_s": round(replay_s, 2), "lost_after_replay": len(missing(shard, wish, acknowledged)),
    }))


main()
