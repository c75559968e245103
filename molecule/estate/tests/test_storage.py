"""The bytes that ``unde capacity`` reckons with, on a real PostgreSQL with pgvector: a copy of the schema's own table, filled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import lab
import pytest

import unde
from unde.model.schema import Embedding
from unde.plan import storage, ways

ROWS, USERS, TEXT_BYTES = 4000, 12, 300
#: Sizes are asked of an unlogged copy in a schema of its own: it is neither copied to the standby nor archived.
SCHEMA = "lab_storage"
#: The indexes are there before the rows, and users write in turn, so that pages are filled as they are in use; 2,000 words of six letters,
#: as many in a message as fill its text.
FILL = f"""
CREATE SCHEMA {SCHEMA};
CREATE UNLOGGED TABLE {SCHEMA}.messages (LIKE unde.messages INCLUDING DEFAULTS INCLUDING STORAGE);
ALTER TABLE {SCHEMA}.messages SET (toast_tuple_target = {{target}});
CREATE UNIQUE INDEX ON {SCHEMA}.messages (user_id, id);
CREATE UNIQUE INDEX ON {SCHEMA}.messages (user_id, client, seq);
CREATE INDEX ON {SCHEMA}.messages (user_id, created_at);
{{covering}}
CREATE INDEX ON {SCHEMA}.messages USING gin (user_id, to_tsvector('pg_catalog.simple', content)) WITH (gin_pending_list_limit = 256);
INSERT INTO {SCHEMA}.messages (user_id, created_at, role, content, client, seq, embedding {{bits_column}})
SELECT md5((i % {USERS})::text)::uuid, now() + i * interval '1 minute', CASE i % 2 WHEN 0 THEN 'user' ELSE 'assistant' END,
       (SELECT string_agg(left(md5((random() * 2000 + 0 * (i + d))::int::text), 6), ' ') FROM generate_series(1, {TEXT_BYTES // 7}) AS d),
       left(md5((i % {USERS})::text), 23), i,
       (SELECT array_agg(random() + 0 * (i + d)) FROM generate_series(1, {{dimensions}}) AS d)::vector({{dimensions}})::{{storage}} {{bits}}
FROM generate_series(1, {ROWS}) AS i;
"""
#: A value of as many bits as the plan reckons with; which ones does not matter here.
BITS = ", (SELECT string_agg((random() + 0 * (i + b) > 0.5)::int::text, '') FROM generate_series(1, {count}) AS b)::bit({count})"
COVERING = f"CREATE INDEX ON {SCHEMA}.messages (user_id) INCLUDE (id, bits);"
SIZES = f"""
SELECT json_build_object('table', pg_table_size('{SCHEMA}.messages') - pg_relation_size('{SCHEMA}.messages', 'fsm'), 'indexes',
  (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indrelid = '{SCHEMA}.messages'::regclass
   AND indexrelid NOT IN (SELECT indexrelid FROM pg_stat_user_indexes WHERE indexrelname LIKE 'by_%')))
"""


def embedding() -> Embedding:
    """Return how the layout keeps vectors."""
    estate = unde.estate(unde.load(lab.ROOT / "inventory/layout.yml", os.environ.get("UNDE_OVERLAY"), os.environ.get("UNDE_SET", "")))
    return estate.layout.shards.embedding


def fill() -> str:
    """Return the statements that make the copy, as the layout keeps vectors."""
    wanted = embedding()
    bits = wanted.index == "bits"
    count = storage.bits_of(wanted.dimensions)
    return FILL.format(
        target=storage.LARGEST_ROW if wanted.in_line else storage.TOAST_THRESHOLD, dimensions=wanted.dimensions, storage=wanted.storage,
        covering=COVERING if bits else "", bits_column=", bits" if bits else "", bits=BITS.format(count=count) if bits else "",
    )


@pytest.fixture(scope="module")
def leader() -> Iterator[str]:
    """Return a host with the filled copy; it is taken away in the end."""
    host = lab.leader(lab.shards()[0])
    assert host
    drop = f"SET client_min_messages = warning; DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"
    lab.sql(host, drop)
    lab.sql(host, fill())
    yield host
    lab.sql(host, drop)


def test_a_message_weighs_what_the_plan_reckons_with(leader: str) -> None:
    """Row, vector, b-trees and words, in the layout's way."""
    sizes = json.loads(lab.sql(leader, SIZES))
    expected, hnsw = ways.of_message(embedding()), storage.hnsw_bytes(embedding().dimensions, embedding().index)
    assert sizes["table"] / ROWS == pytest.approx(expected.row + expected.embedding, rel=0.05)
    assert sizes["indexes"] / ROWS == pytest.approx(expected.all - hnsw - expected.row - expected.embedding, rel=0.2)
    assert (sizes["table"] + sizes["indexes"]) / ROWS == pytest.approx(expected.all - hnsw, rel=0.05)


@pytest.mark.parametrize("kind", storage.HNSW_KINDS)
def test_an_index_entry_weighs_what_the_plan_reckons_with(leader: str, kind: storage.IndexKind) -> None:
    """HNSW in whole and in half precision."""
    size = embedding().dimensions
    # Not in parallel: a container has little shared memory.
    index = f"CREATE INDEX by_{kind} ON {SCHEMA}.messages USING hnsw ((embedding::{kind}({size})) {kind}_cosine_ops) WITH (m = 16)"
    lab.sql(leader, f"SET max_parallel_maintenance_workers = 0; {index}")
    measured = int(lab.sql(leader, f"SELECT pg_relation_size('{SCHEMA}.by_{kind}')")) / ROWS
    assert measured == pytest.approx(storage.hnsw_bytes(size, kind), rel=0.02)
