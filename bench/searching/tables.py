"""What is searched: messages of some users of one partition in each shape that is compared, in schemas of the bench's own, made by the shard's own schema."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab

#: Of the bench's own: where its messages and questions are, and what the schemas of its ways begin with.
SCHEMA = "bench_search"
#: Partitions of the tables that are made here bear these numbers in their names, far from any that a shard has had.
GENERATION = 9000
#: A run of neighbouring texts goes to one user: histories have their topics.
RUN = 134
#: One process for each statement: a container's shared memory holds no index that two build, and a search has a processor of its own at best.
SETTINGS = """
SET client_min_messages = warning; SET jit = off; SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0;
SET maintenance_work_mem = '256MB';
"""


@dataclass(frozen=True)
class Way:
    """A shape of the table, and which of its two ways the search goes."""

    name: str
    shape: dict[str, Any]
    search: str = "exact"

    @property
    def schema(self) -> str:
        """Return the name of its schema."""
        return f"{SCHEMA}_{self.name.replace(' ', '_')}"


def ways(candidates: int) -> dict[str, Way]:
    """Return name → way: what is today's default, what the document has, and what lies between."""
    halfvec = {"storage": "halfvec", "in_line": True}
    vector = {"storage": "vector", "in_line": False}
    return {
        way.name: way
        for way in (
            Way("today", {**vector, "embedding_index": "none", "words": "column"}),
            Way("exact halfvec", {**halfvec, "embedding_index": "none"}),
            Way("bits", {**halfvec, "embedding_index": "bits", "candidates": candidates}, "index"),
            Way("hnsw vector", {**vector, "embedding_index": "vector"}, "index"),
            Way("hnsw halfvec", {**halfvec, "embedding_index": "halfvec"}, "index"),
        )
    }


def psql(host: str, script: str, timeout: float = 1800) -> str:
    """Run a script on the shard, as its superuser."""
    return lab.run(host, lab.PSQL + " -XqAt -v ON_ERROR_STOP=1 -d unde -f -", stdin=SETTINGS + script, user="postgres", timeout=timeout)


#: As a shard had it before it knew shapes: its words in a column, whose index knows no users.
TODAY = """
CREATE TABLE {schema}.messages (
    user_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL DEFAULT now(),
    role text NOT NULL CHECK (role IN ('user', 'assistant', 'system')), content text NOT NULL, client text NOT NULL, seq bigint NOT NULL,
    embedding extensions.vector({dimensions}),
    content_tsv tsvector GENERATED ALWAYS AS (to_tsvector('pg_catalog.simple', content)) STORED,
    PRIMARY KEY (user_id, id), CONSTRAINT messages_once UNIQUE (user_id, client, seq)
) PARTITION BY HASH (user_id);
CREATE TABLE {schema}.messages_p000 PARTITION OF {schema}.messages FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE INDEX idx_messages_user_created ON {schema}.messages (user_id, created_at);
CREATE INDEX idx_messages_content ON {schema}.messages USING gin (content_tsv);
"""
POOL = f"""
CREATE SCHEMA {SCHEMA};
GRANT USAGE ON SCHEMA {SCHEMA} TO unde_app;
-- In line, so that reading it costs every way the same little.
CREATE TABLE {SCHEMA}.pool (n integer NOT NULL, content text NOT NULL, v vector({{dimensions}}) NOT NULL);
ALTER TABLE {SCHEMA}.pool ALTER v SET STORAGE PLAIN;
"""
#: Gaussian components; the seed only keeps the planner from computing them once. Two hundred topics: a message is its topic and as much noise again.
SYNTHETIC = f"""
CREATE FUNCTION {SCHEMA}.gauss(n integer, seed double precision) RETURNS real[] LANGUAGE sql VOLATILE
RETURN (SELECT array_agg((sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::real) FROM generate_series(1, n) WHERE seed IS NOT NULL);
CREATE TABLE {SCHEMA}.topics AS SELECT t, {SCHEMA}.gauss({{dimensions}}, t)::vector({{dimensions}}) AS v FROM generate_series(0, 199) AS t;
INSERT INTO {SCHEMA}.pool
SELECT i, (SELECT string_agg('word' || (random() * 40 + 40 * (i / {RUN} % 200))::integer, ' ') FROM generate_series(1, 25) WHERE i IS NOT NULL),
    l2_normalize((SELECT v FROM {SCHEMA}.topics WHERE t = i / {RUN} % 200) + {SCHEMA}.gauss({{dimensions}}, i)::vector({{dimensions}}))
FROM generate_series(0, {{messages}} - 1) AS i;
"""
#: Questions are messages that nobody has, and, every other one, a message of the user's own, turned away from it by half its length.
DIVIDE = f"""
CREATE UNIQUE INDEX ON {SCHEMA}.pool (n);
CREATE TABLE {SCHEMA}.held AS SELECT n, row_number() OVER (ORDER BY md5('held' || n)) - 1 AS q FROM {SCHEMA}.pool ORDER BY 2 LIMIT {{questions}};
-- Who wrote what, and when: all in turn, so that one user's messages lie among the others'.
CREATE TABLE {SCHEMA}.written AS
SELECT n, place, md5('user ' || place / {{each}})::uuid AS user_id, md5('message ' || n)::uuid AS id, place % {{each}} AS turn
FROM (SELECT n, row_number() OVER (ORDER BY md5('run' || n / {RUN}), n) - 1 AS place FROM {SCHEMA}.pool WHERE n NOT IN (SELECT n FROM {SCHEMA}.held)) AS s;
CREATE UNIQUE INDEX ON {SCHEMA}.written (place);
CREATE FUNCTION {SCHEMA}.noise(n integer, seed double precision) RETURNS vector LANGUAGE sql VOLATILE
RETURN l2_normalize((SELECT array_agg((random() + random() + random() - 1.5)::real) FROM generate_series(1, n) WHERE seed IS NOT NULL)::vector);
CREATE TABLE {SCHEMA}.questions AS
SELECT q::integer AS n, w.user_id,
    CASE q % 2 WHEN 0 THEN p.v
    ELSE l2_normalize(o.v + {SCHEMA}.noise({{dimensions}}, q) * array_fill(0.5::real, ARRAY[{{dimensions}}])::vector) END AS v,
    coalesce(substring(CASE q % 2 WHEN 0 THEN p.content ELSE o.content END FROM '\\w{{{{5,}}}}'), 'word') AS words
FROM {SCHEMA}.held AS h JOIN {SCHEMA}.pool AS p USING (n)
JOIN {SCHEMA}.written AS w ON w.place = (q * 7919) % ({{users}} * {{each}}) JOIN {SCHEMA}.pool AS o ON o.n = w.n;
ALTER TABLE {SCHEMA}.questions ADD PRIMARY KEY (n);
CREATE UNLOGGED TABLE {SCHEMA}.answers (way text, asked text, round integer, question integer, found uuid[], ms double precision);
-- All questions, so many rounds; an earlier one fills the caches and is not kept.
CREATE FUNCTION {SCHEMA}.ask(p_way text, p_schema text, p_asked text, p_user uuid, p_first integer, p_last integer, p_rounds integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    each  record;
    began timestamptz;
    ids   uuid[];
BEGIN
    DELETE FROM {SCHEMA}.answers WHERE way = p_way AND asked = p_asked AND question BETWEEN p_first AND p_last;
    FOR each IN SELECT * FROM generate_series(0, p_rounds) AS round, {SCHEMA}.questions WHERE n BETWEEN p_first AND p_last ORDER BY round, n LOOP
        began := clock_timestamp();
        EXECUTE format('SELECT array_agg(id) FROM %I.search_messages($1, $2, $3, {{nearest}})', p_schema)
        INTO ids USING coalesce(p_user, each.user_id), CASE WHEN p_asked <> 'words' THEN each.v END, CASE WHEN p_asked <> 'meaning' THEN each.words END;
        IF each.round > 0 THEN
            INSERT INTO {SCHEMA}.answers VALUES (p_way, p_asked, each.round, each.n, ids, extract(epoch FROM clock_timestamp() - began) * 1000);
        END IF;
    END LOOP;
END $$;
GRANT SELECT ON {SCHEMA}.questions TO unde_app;
"""
#: What is taken off before a component's sign becomes a bit: so much of the mean that what is left of it is 0.45 of the spread around it. All of it
#: would lose what is near to everything; none of it, the differences of a model whose vectors all point one way.
CENTRE = f"""
SELECT m * array_fill(greatest(0, 1 - 0.45 * sqrt(1 / vector_norm(m) ^ 2 - 1))::real, ARRAY[vector_dims(m)])::vector
FROM (SELECT avg(l2_normalize(v)) AS m FROM {SCHEMA}.pool WHERE n % 4 = 0) AS s
"""
#: HNSW is built when the messages are there, which takes a tenth of the time; its definition is the shard's own.
FILL = """
SELECT coalesce(string_agg(replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON '), '; '), '') AS built,
    coalesce(string_agg('DROP INDEX ' || indexrelid::regclass, '; '), '') AS dropped
FROM pg_index WHERE indrelid = '{schema}.messages'::regclass AND pg_get_indexdef(indexrelid) LIKE '%USING hnsw%' \\gset
:dropped ;
INSERT INTO {schema}.messages (user_id, id, created_at, role, content, client, seq, embedding)
SELECT {user}, w.id, timestamptz '2026-01-01' + {turn} * interval '3 hours', 'user', p.content, 'bench', w.place, p.v::{storage}
FROM {bench}.written AS w JOIN {bench}.pool AS p USING (n) WHERE {which} ORDER BY {turn}, w.place;
:built ;
VACUUM (ANALYZE) {schema}.messages;
CHECKPOINT;
"""


def load(host: str, rows: Path, dimensions: int) -> None:
    """Copy the corpus into the pool.

    Raises:
        CalledProcessError: the shard refused it.

    """
    psql(host, POOL.format(dimensions=dimensions))
    words = ["docker", "exec", "-i", "-u", "postgres", lab.PREFIX + host, "sh", "-c"]
    with rows.open("rb") as stream:
        subprocess.run([*words, f"{lab.PSQL} -Xq -d unde -c 'COPY {SCHEMA}.pool FROM STDIN (FORMAT binary)'"], stdin=stream, check=True)


def synthesize(host: str, messages: int, dimensions: int) -> None:
    """Fill the pool with vectors that have topics, and nothing else of a language."""
    psql(host, (POOL + SYNTHETIC).format(dimensions=dimensions, messages=messages))


def divide(host: str, *, users: int, each: int, questions: int, dimensions: int, nearest: int) -> None:
    """Give the messages to users, and keep the questions apart."""
    psql(host, DIVIDE.format(users=users, each=each, questions=questions, dimensions=dimensions, nearest=nearest) + f"ANALYZE {SCHEMA}.written;")


def centre(host: str) -> str:
    """Return what is taken off the corpus's vectors."""
    return psql(host, CENTRE)


def make(host: str, way: Way, number: int, dimensions: int, centre: str) -> None:
    """Make the empty table of a way, with the functions that search it."""
    common = {"dimensions": dimensions, "candidates": 400, "partitions": 1, "generation": GENERATION + number, "words": "expression", "centre": centre}
    shape = common | way.shape
    table = TODAY.format(schema=way.schema, dimensions=dimensions) if shape["words"] == "column" else ""
    made = "" if table else f"CALL unde_private.make_messages('{way.schema}', '{json.dumps(shape)}');"
    psql(
        host,
        f"CREATE SCHEMA {way.schema}; GRANT USAGE ON SCHEMA {way.schema} TO unde_app; {table} {made}"
        f"CALL unde_private.define_search('{way.schema}', '{json.dumps(shape)}'); GRANT SELECT ON {way.schema}.messages TO unde_app;",
    )


def fill(host: str, way: Way, which: str, user: str = "w.user_id", turn: str = "w.turn") -> None:
    """Write some of the messages into the table of a way, in the order of time."""
    psql(host, FILL.format(schema=way.schema, bench=SCHEMA, storage=way.shape["storage"], which=which, user=user, turn=turn))


def drop(host: str) -> None:
    """Take away all that the bench has made."""
    found = psql(host, f"SELECT nspname FROM pg_namespace WHERE nspname = '{SCHEMA}' OR starts_with(nspname, '{SCHEMA}_')").split()
    for name in sorted(found, reverse=True):
        psql(host, f"DROP SCHEMA {name} CASCADE")


@contextmanager
def cleared(host: str) -> Iterator[None]:
    """Leave nothing behind, whatever happens."""
    drop(host)
    try:
        yield
    finally:
        drop(host)
