#!/usr/bin/env python3
"""How long the search in one user's history takes, and what it finds, with each kind of index; on the running lab's first shard.

One hash partition of a shard as the layout foresees it after a year: its share of the users, each with a year of messages, in an
unlogged table of its own that is dropped in the end. Each kind is asked for the ten messages nearest to one of the user's own;
recall is the share of what the exact search finds. Milliseconds within the server, bytes of the index for each message.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "molecule/estate/tests"))
import lab  # noqa: E402

from unde.model import expand, read  # noqa: E402
from unde.plan import storage  # noqa: E402

SCHEMA = "bench_search"
NEAREST = 10
PREPARE = f"""
CREATE SCHEMA {SCHEMA};
CREATE UNLOGGED TABLE {SCHEMA}.messages (user_id integer NOT NULL, id integer NOT NULL, embedding vector({{dimensions}}) NOT NULL);
INSERT INTO {SCHEMA}.messages
SELECT i % {{users}}, i, (SELECT array_agg(random() + 0 * (i + d)) FROM generate_series(1, {{dimensions}}) AS d)::vector({{dimensions}})
FROM generate_series(1, {{rows}}) AS i;
CREATE UNIQUE INDEX ON {SCHEMA}.messages (user_id, id);
CREATE UNLOGGED TABLE {SCHEMA}.questions AS SELECT id, user_id, embedding FROM {SCHEMA}.messages ORDER BY random() LIMIT {{questions}};
CREATE UNLOGGED TABLE {SCHEMA}.answers (kind text, question integer, found integer[], ms double precision);
ANALYZE {SCHEMA}.messages;
CREATE FUNCTION {SCHEMA}.ask(p_kind text, p_cast text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    each record;
    began timestamptz;
    ids integer[];
BEGIN
    FOR each IN SELECT * FROM {SCHEMA}.questions LOOP
        began := clock_timestamp();
        EXECUTE format(
            'SELECT array_agg(id) FROM (SELECT id FROM {SCHEMA}.messages WHERE user_id = $1 ORDER BY (embedding%1$s) <=> ($2%1$s) LIMIT {NEAREST}) AS n',
            p_cast
        ) INTO ids USING each.user_id, each.embedding;
        INSERT INTO {SCHEMA}.answers VALUES (p_kind, each.id, ids, extract(epoch FROM clock_timestamp() - began) * 1000);
    END LOOP;
END $$;
"""
#: The first round fills the caches and is thrown away.
ASK = f"""
SET jit = off; SET hnsw.iterative_scan = 'relaxed_order'; SET enable_sort = {{sort}};
SELECT {SCHEMA}.ask('{{kind}}', '{{cast}}');
DELETE FROM {SCHEMA}.answers WHERE kind = '{{kind}}';
SELECT {SCHEMA}.ask('{{kind}}', '{{cast}}');
"""
TELL = f"""
SELECT json_build_object('p50_ms', percentile_cont(0.5) WITHIN GROUP (ORDER BY a.ms), 'p95_ms', percentile_cont(0.95) WITHIN GROUP (ORDER BY a.ms),
  'recall', avg((SELECT count(*) FROM unnest(a.found) AS f WHERE f = ANY (e.found)) / {NEAREST}.0))
FROM {SCHEMA}.answers AS a JOIN {SCHEMA}.answers AS e ON e.question = a.question AND e.kind = 'none' WHERE a.kind = '{{kind}}'
"""


@dataclass(frozen=True)
class Result:
    """What one kind of index gives."""

    kind: str
    bytes_per_message: float
    build_s: float
    p50_ms: float
    p95_ms: float
    recall: float


def measure(host: str, kind: storage.IndexKind, dimensions: int, rows: int) -> Result:
    """Build the index, ask, and drop it."""
    began = time.monotonic()
    if kind != "none":
        index = f"USING hnsw ((embedding::{kind}({dimensions})) {kind}_cosine_ops) WITH (m = 16, ef_construction = 64)"
        lab.run(host, f"{lab.PSQL} -XqAt -d unde -c \"CREATE INDEX by_{kind} ON {SCHEMA}.messages {index}\"", user="postgres", timeout=900)
    build_s = time.monotonic() - began
    size = int(lab.sql(host, f"SELECT pg_relation_size('{SCHEMA}.by_{kind}')")) if kind != "none" else 0
    cast, sort = ("", "on") if kind == "none" else (f"::{kind}({dimensions})", "off")
    ask = ASK.format(kind=kind, cast=cast, sort=sort)
    lab.run(host, lab.PSQL + " -XqAt -v ON_ERROR_STOP=1 -d unde -f -", stdin=ask, user="postgres", timeout=900)
    told = json.loads(lab.sql(host, TELL.format(kind=kind)))
    if kind != "none":
        lab.sql(host, f"DROP INDEX {SCHEMA}.by_{kind}")
    return Result(kind, size / rows, build_s, told["p50_ms"], told["p95_ms"], told["recall"])


def main() -> int:
    """Fill, measure each kind, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200, help="searches for each kind (default %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    shards = expand(*read(lab.ROOT / "inventory/layout.yml")).layout.shards  # without the lab's overlay, which makes it small
    users = round(shards.users_per_shard.comfortable / shards.partitions)
    rows = users * shards.embedding.messages_per_user_year
    host = lab.leader(lab.shards()[0])
    if host is None:
        sys.exit("the lab's first shard has no leader: make lab")
    drop = f"SET client_min_messages = warning; DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"
    fill = PREPARE.format(dimensions=shards.embedding.dimensions, users=users, rows=rows, questions=arguments.questions)
    try:
        lab.sql(host, drop)
        lab.run(host, lab.PSQL + " -XqAt -v ON_ERROR_STOP=1 -d unde -f -", stdin=fill, user="postgres", timeout=900)
        results = [measure(host, kind, shards.embedding.dimensions, rows) for kind in reversed(storage.INDEX_KINDS)]
    finally:
        lab.sql(host, drop)
    table = Table(box=None, header_style="bold", title=f"{rows} messages of {users} users, {shards.embedding.dimensions} dimensions", title_justify="left")
    for title in ("index", "bytes each", "build", "p50", "p95", "recall"):
        table.add_column(title, justify="left" if title == "index" else "right")
    for result in results:
        times = [f"{result.build_s:.0f} s", f"{result.p50_ms:.1f} ms", f"{result.p95_ms:.1f} ms"]
        table.add_row(result.kind, f"{result.bytes_per_message:.0f}", *times, f"{result.recall:.3f}")
    Console(soft_wrap=True).print(table)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
