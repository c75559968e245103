"""The bytes that ``unde capacity`` reckons with, on a real PostgreSQL with pgvector: a copy of the schema's own table, filled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import lab
import pytest

from unde.model import expand, read
from unde.plan import storage

ROWS, USERS, TEXT_BYTES = 3000, 12, 300
#: Sizes are asked of an unlogged copy in a schema of its own: it is neither copied to the standby nor archived.
SCHEMA = "lab_storage"
#: 2,000 words of six letters, as many in a message as fill its text.
FILL = f"""
CREATE SCHEMA {SCHEMA};
CREATE UNLOGGED TABLE {SCHEMA}.messages (LIKE unde.messages INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE);
INSERT INTO {SCHEMA}.messages (user_id, created_at, role, content, client, seq, embedding)
SELECT md5((i % {USERS})::text)::uuid, now() - i * interval '1 minute', CASE i % 2 WHEN 0 THEN 'user' ELSE 'assistant' END,
       (SELECT string_agg(left(md5((random() * 2000 + 0 * (i + d))::int::text), 6), ' ') FROM generate_series(1, {TEXT_BYTES // 7}) AS d),
       md5((i % {USERS})::text)::uuid::text, i,
       (SELECT array_agg(random() + 0 * (i + d)) FROM generate_series(1, {{dimensions}}) AS d)::vector({{dimensions}})
FROM generate_series(1, {ROWS}) AS i;
CREATE UNIQUE INDEX ON {SCHEMA}.messages (user_id, id);
CREATE UNIQUE INDEX ON {SCHEMA}.messages (user_id, client, seq);
CREATE INDEX ON {SCHEMA}.messages (user_id, created_at);
CREATE INDEX ON {SCHEMA}.messages USING gin (content_tsv);
"""
SIZES = f"""
SELECT json_build_object('table', pg_table_size('{SCHEMA}.messages') - pg_relation_size('{SCHEMA}.messages', 'fsm'), 'lookup',
  (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index WHERE indrelid = '{SCHEMA}.messages'::regclass
   AND indexrelid NOT IN (SELECT indexrelid FROM pg_stat_user_indexes WHERE indexrelname LIKE 'by_%')))
"""


def dimensions() -> int:
    """Return the dimensions of the layout's vectors."""
    estate = expand(*read(lab.ROOT / "inventory/layout.yml", os.environ.get("UNDE_OVERLAY"), os.environ.get("UNDE_SET", "")))
    return estate.layout.shards.embedding.dimensions


@pytest.fixture(scope="module")
def leader() -> Iterator[str]:
    """Return a host with the filled copy; it is taken away in the end."""
    host = lab.leader(lab.shards()[0])
    assert host
    drop = f"SET client_min_messages = warning; DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"
    lab.sql(host, drop)
    lab.sql(host, FILL.format(dimensions=dimensions()))
    yield host
    lab.sql(host, drop)


def test_a_message_weighs_what_the_plan_reckons_with(leader: str) -> None:
    """Row, vector and b-trees; the text is a guess of its own, and a small part."""
    sizes = json.loads(lab.sql(leader, SIZES))
    expected = storage.message_bytes(dimensions(), TEXT_BYTES, "vector")
    assert sizes["table"] / ROWS == pytest.approx(expected.row + expected.embedding, rel=0.05)
    assert sizes["lookup"] / ROWS == pytest.approx(expected.lookup, rel=0.2)
    assert (sizes["table"] + sizes["lookup"]) / ROWS == pytest.approx(expected.table, rel=0.05)


@pytest.mark.parametrize("kind", ["vector", "halfvec"])
def test_an_index_entry_weighs_what_the_plan_reckons_with(leader: str, kind: storage.IndexKind) -> None:
    """The index of the schema, and the one of half precision."""
    size = dimensions()
    lab.sql(leader, f"CREATE INDEX by_{kind} ON {SCHEMA}.messages USING hnsw ((embedding::{kind}({size})) {kind}_cosine_ops) WITH (m = 16)")
    measured = int(lab.sql(leader, f"SELECT pg_relation_size('{SCHEMA}.by_{kind}')")) / ROWS
    assert measured == pytest.approx(storage.hnsw_bytes(size, kind), rel=0.02)
