"""What a way costs: the time of a search, what it finds, how many of them at once, its index, a message's writing, and the reads of a cold start."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from dataclasses import dataclass
from typing import Any

import lab

from . import tables
from .tables import SCHEMA, Way

PGBENCH = "/usr/lib/postgresql/*/bin/pgbench"
#: Clients at once, and for how many seconds; then those that come through the pooler, each with so many searches.
CLIENTS, SECONDS = 16, 10
CROWD, SEARCHES = 1000, 1
#: Messages written in one go, and how often: the ways in turn, so that a slow minute hits all of them.
WRITTEN, ROUNDS = 2000, 7
COLD = 5


@dataclass(frozen=True)
class Times:
    """How long, in milliseconds."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Cold:
    """A search when nothing of the table is in memory: pages that were read, how long that took, and the whole search; the medians of some."""

    reads: int
    read_ms: float
    total_ms: float


@dataclass(frozen=True)
class Crowd:
    """Clients that ask at once through the pooler."""

    clients: int
    asked: int
    finished: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float


@dataclass(frozen=True)
class Written:
    """A message's writing."""

    ms: float
    wal_bytes: float


def asked(host: str, way: Way, what: str, first: int, last: int, user: str | None = None, rounds: int = 5) -> Times:
    """Ask the questions of a range by meaning, by words, or by both, in some rounds.

    A question's time is the median of its rounds: what a machine does beside hits one of them, what a question costs all.
    """
    who = f"'{user}'" if user else "NULL"
    said = tables.psql(host, f"""
    SET unde.embedding_search = '{way.search}';
    SELECT {SCHEMA}.ask('{way.name}', '{way.schema}', '{what}', {who}, {first}, {last}, {rounds});
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY ms)
    FROM (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms FROM {SCHEMA}.answers
        WHERE way = '{way.name}' AND asked = '{what}' AND question BETWEEN {first} AND {last} GROUP BY question
    ) AS each""").strip().split("|")  # fmt: skip
    return Times(*(float(figure) for figure in said))


def recall(host: str, way: Way, against: Way, what: str = "meaning") -> float:
    """Return the share of what the exact way finds; a question that has no answer counts for nothing."""
    return float(tables.psql(host, f"""
    SELECT coalesce(avg((SELECT count(*) FROM unnest(a.found) AS f WHERE f = ANY (e.found)) / cardinality(e.found)::double precision), 0)
    FROM {SCHEMA}.answers AS e LEFT JOIN {SCHEMA}.answers AS a ON a.question = e.question AND a.asked = e.asked AND a.round = e.round AND a.way = '{way.name}'
    WHERE e.way = '{against.name}' AND e.asked = '{what}' AND e.round = 1 AND cardinality(e.found) > 0"""))  # fmt: skip


def script(way: Way, questions: int) -> str:
    """Return what each client of pgbench does."""
    return f"""\\set q random(0, {questions - 1})
SELECT count(*) FROM {SCHEMA}.questions AS q, LATERAL {way.schema}.search_messages(q.user_id, q.v, q.words, 10) AS s WHERE q.n = :q;
"""


def a_second(host: str, way: Way, questions: int) -> float:
    """Return the searches a second of some clients at once."""
    command = f"PGOPTIONS='-c unde.embedding_search={way.search} -c jit=off' {PGBENCH} -n -c {CLIENTS} -j 2 -T {SECONDS} -f - unde"
    said = lab.run(host, command, stdin=script(way, questions), user="postgres", timeout=60 + 2 * SECONDS)
    found = re.search(r"tps = ([\d.]+)", said)
    assert found, said
    return float(found[1])


def leaf(way: Way) -> str:
    """Return SQL for the only partition of a way."""
    return f"(SELECT relid FROM pg_partition_tree('{way.schema}.messages') WHERE isleaf)"


def index_bytes(host: str, way: Way) -> float:
    """Return the bytes a message of the index that finds the nearest."""
    wanted = {"bits": "%INCLUDE%", "vector": "%hnsw%", "halfvec": "%hnsw%"}.get(way.shape["embedding_index"])
    if wanted is None:
        return 0.0
    return float(tables.psql(host, f"""
    SELECT sum(pg_relation_size(indexrelid)) / (SELECT count(*) FROM {way.schema}.messages WHERE embedding IS NOT NULL)
    FROM pg_index WHERE indrelid = {leaf(way)} AND pg_get_indexdef(indexrelid) LIKE '{wanted}'"""))  # fmt: skip


def row_bytes(host: str, way: Way) -> float:
    """Return the bytes a message of the table, with what lies out of line."""
    return float(tables.psql(host, f"SELECT pg_table_size({leaf(way)}) / (SELECT count(*) FROM {way.schema}.messages)::double precision"))


def words_bytes(host: str, way: Way) -> float:
    """Return the bytes a message of the index of words."""
    return float(tables.psql(host, f"""
    SELECT sum(pg_relation_size(indexrelid)) / (SELECT count(*) FROM {way.schema}.messages)::double precision
    FROM pg_index WHERE indrelid = {leaf(way)} AND pg_get_indexdef(indexrelid) LIKE '%USING gin%'"""))  # fmt: skip


def written(host: str, ways: list[Way]) -> dict[str, Written]:
    """Write messages of another user into each way, in turn, and return name → what one took: the fastest of the rounds, and their median of WAL."""
    ms: dict[str, list[float]] = {way.name: [] for way in ways}
    wal: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(ROUNDS):
        for way in ways:
            plan = json.loads(tables.psql(host, f"""
            EXPLAIN (ANALYZE, WAL, TIMING OFF, FORMAT JSON)
            INSERT INTO {way.schema}.messages (user_id, role, content, client, seq, embedding)
            SELECT md5('writer {number}')::uuid, 'user', p.content, 'bench', p.n, p.v::{way.shape["storage"]}
            FROM (SELECT * FROM {SCHEMA}.pool WHERE n < {WRITTEN} ORDER BY n) AS p"""))[0]  # fmt: skip
            ms[way.name].append(plan["Execution Time"] / WRITTEN)
            wal[way.name].append(plan["Plan"]["WAL Bytes"] / WRITTEN)
    return {way.name: Written(min(ms[way.name]), statistics.median(wal[way.name])) for way in ways}


#: Out of PostgreSQL's buffers, then out of the kernel's: asked of the files themselves, so that nobody else's cache suffers. The plans are made before,
#: for a user whom nobody knows.
COLD_START = """
SET track_io_timing = on;
SELECT count(*) FROM {questions} AS q, LATERAL {schema}.search_messages(gen_random_uuid(), q.v, q.words, 10) WHERE q.n = {n} \\g /dev/null
CHECKPOINT;
CREATE TEMPORARY TABLE parts AS SELECT {leaf} AS part;
INSERT INTO parts SELECT reltoastrelid FROM pg_class WHERE oid = (SELECT part FROM parts) AND reltoastrelid <> 0;
INSERT INTO parts SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT part FROM parts);
DO $$ BEGIN
    PERFORM {bench}.pg_buffercache_evict(bufferid) FROM {bench}.pg_buffercache
    WHERE relfilenode IN (SELECT pg_relation_filenode(part) FROM parts) AND reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database());
END $$;
SELECT string_agg(current_setting('data_directory') || '/' || pg_relation_filepath(part) || '*', ' ') AS files FROM parts \\gset
\\setenv FILES :files
\\! for file in $FILES; do dd if=$file iflag=nocache count=0 status=none; done
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT s.* FROM {questions} AS q, LATERAL {schema}.search_messages(q.user_id, q.v, q.words, 10) AS s WHERE q.n = {n};
"""


def cold(host: str, way: Way) -> Cold:
    """Search when nothing of the way is in memory."""
    tables.psql(host, f"CREATE EXTENSION IF NOT EXISTS pg_buffercache SCHEMA {SCHEMA}")
    plans = []
    for number in range(COLD):
        asked = COLD_START.format(questions=f"{SCHEMA}.questions", schema=way.schema, n=number, leaf=leaf(way), bench=SCHEMA)
        plans.append(json.loads(tables.psql(host, f"SET unde.embedding_search = '{way.search}'; {asked}"))[0])
    reads, read_ms, total_ms = zip(*((p["Plan"]["Shared Read Blocks"], p["Plan"]["Shared I/O Read Time"], p["Execution Time"]) for p in plans), strict=True)
    return Cold(round(statistics.median(reads)), statistics.median(read_ms), statistics.median(total_ms))


def password() -> str:
    """Return the application's password in the lab."""
    view = ["ansible-vault", "view", "--vault-password-file", str(lab.ROOT / ".lab/vault-password"), str(lab.ROOT / ".lab/vault.yml")]
    said = subprocess.run(view, text=True, capture_output=True, check=True).stdout
    found = re.search(r"^vault_postgres_shard_app_password: *(\S+)", said, re.MULTILINE)
    assert found, "the lab's vault has no vault_postgres_shard_app_password"
    return found[1].strip("'\"")


def pooler(host: str, query: str) -> list[dict[str, str]]:
    """Return what the pooler's console says."""
    psql = "$(ls -d /usr/lib/postgresql/*/bin/psql | tail -n 1)"
    said = lab.run(host, f"{psql} -XqA --csv -h /run/postgresql -p 6432 -U pgbouncer pgbouncer -c {query!r}", user="postgres").splitlines()
    names = said[0].split(",")
    return [dict(zip(names, line.split(","), strict=False)) for line in said[1:]]


def crowd(host: str, way: Way, questions: int) -> Crowd:
    """Let many clients search at once through the pooler: as many as it lets in beside those that it has."""
    limit = next(int(row["value"]) for row in pooler(host, "SHOW CONFIG") if row["key"] == "max_client_conn")
    clients = min(CROWD, limit - len(pooler(host, "SHOW CLIENTS")) - 5)
    address = next(each["address"] for each in lab.plan("hosts") if each["name"] == host)
    command = (
        "read -r PGPASSWORD; export PGPASSWORD PGSSLMODE=require; ulimit -n 8192; folder=$(mktemp -d); cd $folder; "
        f"cat >search.sql; {PGBENCH} -n -c {clients} -j 2 -t {SEARCHES} -l -f search.sql -h {address} -p 6432 -U unde_app unde >said 2>&1 || true; "
        "cat pgbench_log.* | awk '{print $3}'; rm -r $folder"
    )
    said = lab.run(host, command, stdin=f"{password()}\n{script(way, questions)}", user="postgres", timeout=300).split()
    ms = sorted(int(each) / 1000 for each in said)
    share = statistics.quantiles(ms, n=100) if len(ms) > 1 else [float("inf")] * 99
    return Crowd(clients, clients * SEARCHES, len(ms), share[49], share[94], share[98], max(ms, default=float("inf")))


def load() -> float:
    """Return how many processes have wanted this machine's processors in the last minute."""
    with open("/proc/loadavg", encoding="ascii") as said:
        return float(said.read().split()[0])


def figures(result: Any) -> str:
    """Return times for a table."""
    return f"{result.p50_ms:.1f} / {result.p95_ms:.1f}"
