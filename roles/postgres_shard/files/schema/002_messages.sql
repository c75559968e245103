-- Chat history: one table, hashed by user, so that one user's messages lie in one partition.

CREATE TABLE unde.schema_parameter (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    dimensions      integer NOT NULL,
    embedding_index text    NOT NULL,
    partitions      integer NOT NULL
);
INSERT INTO unde.schema_parameter (dimensions, embedding_index, partitions)
VALUES (:dimensions, :'embedding_index', :partitions);

CREATE TABLE unde.messages (
    user_id     uuid        NOT NULL,
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    role        text        NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    content     text        NOT NULL,
    -- Who wrote, and its own running number: after a failover the writer reads back what arrived and sends the
    -- rest again with ON CONFLICT DO NOTHING.
    client      text        NOT NULL,
    seq         bigint      NOT NULL,
    embedding   extensions.vector(:dimensions),
    -- `simple`: the language of a message is not known, and no stemmer is better than the wrong one.
    content_tsv tsvector    GENERATED ALWAYS AS (to_tsvector('pg_catalog.simple', content)) STORED,
    PRIMARY KEY (user_id, id),
    CONSTRAINT messages_once UNIQUE (user_id, client, seq)
) PARTITION BY HASH (user_id);

SELECT format(
    'CREATE TABLE unde.messages_p%s PARTITION OF unde.messages FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
    lpad(n::text, 3, '0'), :partitions, n
)
FROM generate_series(0, :partitions - 1) AS n
\gexec

CREATE INDEX idx_messages_user_created ON unde.messages (user_id, created_at);
CREATE INDEX idx_messages_content ON unde.messages USING gin (content_tsv);

GRANT SELECT, INSERT, UPDATE, DELETE ON unde.messages TO unde_app;
