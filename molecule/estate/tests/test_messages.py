"""The messages of a shard go to another table by the operator's playbook, and the shard fails over in the middle of it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import lab
import pytest

PLAYBOOK = "playbooks/operate/change_messages.yml"
#: So many that copying them takes longer than noticing that it has begun.
MESSAGES, USERS = 60_000, 40
#: Vectors of the shard's own dimensions; the expression is computed for each row.
FILL = f"""
INSERT INTO unde.messages (user_id, role, content, client, seq, embedding)
SELECT md5('lab ' || n % {USERS})::uuid, 'user', 'message ' || n || ' about word' || n % 500, 'lab-messages', n,
    (SELECT array_agg(sin(n * d)) FROM generate_series(1, (SELECT dimensions FROM unde.schema_parameter)) AS d)::extensions.vector
FROM generate_series(1, {MESSAGES}) AS n
"""
REMOVE = "DELETE FROM unde.messages WHERE client = 'lab-messages'"
DIGEST = """
SELECT count(*), sum(hashtextextended(concat_ws('|', m.user_id, m.id, m.created_at, m.content, m.seq), 0)::numeric), count(m.embedding) FROM unde.messages AS m
"""
STATE = "SELECT state, copied FROM unde_private.change_of_shape"
#: The partition that is copied last of those that hold any.
LAST = "SELECT max(tableoid::regclass::text COLLATE \"C\") FROM unde.messages"
HELD = "mode = 'AccessExclusiveLock' AND granted"


def change(shard: dict[str, Any], *words: str) -> list[str]:
    """Return the operator's command for one shard."""
    return ["scripts/lab-playbook", PLAYBOOK, "-l", ",".join(shard["members"]), *words]


def act(shard: dict[str, Any], *words: str) -> None:
    """Run it, which must succeed."""
    done = subprocess.run(change(shard, *words), cwd=lab.ROOT, text=True, capture_output=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]


def primary(shard: dict[str, Any]) -> str:
    """Return the member that accepts writes, once there is one."""
    return str(lab.until(f"{shard['name']} has a primary", lambda: lab.leader(shard), 60))


def hand_over(shard: dict[str, Any]) -> str:
    """Let the other member lead; return which that is."""
    former = primary(shard)
    candidate = next(str(member) for member in shard["members"] if member != former)
    lab.switch_over(shard, candidate)
    return candidate


def hold_up(leader: str) -> None:
    """Keep the last partition from being read, until PostgreSQL stops: what copies waits there, and a standby that was behind is so no more."""
    last = lab.sql(leader, LAST)
    words = ("BEGIN", f"LOCK TABLE ONLY {last} IN ACCESS EXCLUSIVE MODE", "SELECT pg_sleep(600)")
    session = f"{lab.PSQL} -Xq -d unde {' '.join(f'-c {shlex.quote(each)}' for each in words)}"
    lab.run(leader, f"systemd-run --quiet --collect --uid=postgres sh -c {shlex.quote(session)}")
    lab.until(f"{last} is locked", lambda: lab.sql(leader, f"SELECT count(*) FROM pg_locks WHERE relation = '{last}'::regclass AND {HELD}") == "1", 60)


@pytest.fixture
def shard() -> Iterator[dict[str, Any]]:
    """Return a shard with many messages; in the end it has its own again, and its leader."""
    shard = lab.shards()[0]
    leader = primary(shard)
    lab.run(leader, f"{lab.PSQL} -XqAt -v ON_ERROR_STOP=1 -d unde -f -", stdin=FILL, user="postgres", timeout=300)
    yield shard
    act(shard, "-e", "step=drop")
    if primary(shard) != leader:
        hand_over(shard)
    lab.sql(leader, REMOVE)


def test_a_change_of_shape_survives_a_failover(shard: dict[str, Any]) -> None:
    leader = primary(shard)
    before = lab.sql(leader, DIGEST)
    generation = int(lab.sql(leader, "SELECT generation FROM unde.schema_parameter"))
    with subprocess.Popen(change(shard, "-e", "anew=yes"), cwd=lab.ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as first:
        lab.until("the second table is being filled", lambda: 0 < int((lab.sql(leader, STATE) or "none|0").split("|")[1]) < MESSAGES, 120, pause=0.2)
        hold_up(leader)
        other = hand_over(shard)
        said = first.communicate(timeout=300)[0]
    assert first.returncode != 0, f"the run did not notice that its member leads no more: {said[-2000:]}"
    state, copied = lab.sql(other, STATE).split("|")
    assert (state, 0 < int(copied) < MESSAGES) == ("filling", True), "the member that leads now knows how far it was"
    act(shard, "-e", "anew=yes")
    assert lab.sql(other, STATE).startswith("exchanged|")
    assert int(lab.sql(other, "SELECT generation FROM unde.schema_parameter")) == generation + 1
    assert lab.sql(other, DIGEST) == before
    lab.until("the standby has it, too", lambda: lab.sql(leader, DIGEST) == before, 60)
    act(shard, "-e", "step=back")
    assert lab.sql(other, STATE).startswith("full|")
    assert lab.sql(other, DIGEST) == before
