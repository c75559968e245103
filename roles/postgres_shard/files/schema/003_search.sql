-- The vector index, and the one search function that hides which index answers.

-- Which way the nearest messages are found: `exact` (the b-tree by user, then an exact sort: all of one user's messages
-- are looked at, none is missed) unless the database, a user or a session says
--   SET unde.embedding_search = 'index'
CREATE FUNCTION unde.embedding_search() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('unde.embedding_search', true), ''), 'exact');

-- Build the HNSW index in one of its kinds, or have none. It locks out writers while it builds: for a maintenance window.
CREATE PROCEDURE unde.build_embedding_index(p_kind text)
LANGUAGE plpgsql
SET search_path = pg_catalog, extensions, pg_temp
AS $procedure$
DECLARE
    d         integer := (SELECT dimensions FROM unde.schema_parameter);
    indexed   text;
    operators text;
    asked     text;
BEGIN
    CASE p_kind
        WHEN 'vector', 'none' THEN
            indexed := 'embedding';
            operators := 'extensions.vector_cosine_ops';
            asked := 'p_embedding';
        WHEN 'halfvec' THEN
            -- The column keeps its full precision; only the index is halved, so that the exact way loses nothing.
            indexed := format('(embedding::extensions.halfvec(%s))', d);
            operators := 'extensions.halfvec_cosine_ops';
            asked := format('p_embedding::extensions.halfvec(%s)', d);
        ELSE
            RAISE EXCEPTION 'index kind % is none of vector, halfvec, none', p_kind;
    END CASE;
    DROP INDEX IF EXISTS unde.idx_messages_embedding;
    IF p_kind <> 'none' THEN
        EXECUTE format(
            'CREATE INDEX idx_messages_embedding ON unde.messages USING hnsw (%s %s) WITH (m = 16, ef_construction = 64)',
            indexed, operators
        );
    END IF;
    -- Filtered by one user, HNSW finds next to nothing unless it goes on searching: hence iterative_scan. Sorting is
    -- made unattractive because whoever asks for this way wants the index, not the planner's (good) opinion.
    EXECUTE format(
        $function$
        CREATE OR REPLACE FUNCTION unde.nearest_by_index(p_user_id uuid, p_embedding extensions.vector, p_limit integer)
        RETURNS TABLE (id uuid, distance double precision)
        LANGUAGE plpgsql STABLE
        SET search_path = pg_catalog, extensions, pg_temp
        SET hnsw.iterative_scan = 'relaxed_order'
        SET enable_sort = off
        AS $body$
        #variable_conflict use_column
        BEGIN
            RETURN QUERY
            SELECT m.id, m.%1$s <=> %2$s
            FROM unde.messages AS m
            WHERE m.user_id = p_user_id AND m.embedding IS NOT NULL
            ORDER BY m.%1$s <=> %2$s
            LIMIT p_limit;
        END
        $body$
        $function$,
        'embedding' || CASE WHEN p_kind = 'halfvec' THEN format('::extensions.halfvec(%s)', d) ELSE '' END, asked
    );
    UPDATE unde.schema_parameter SET embedding_index = p_kind;
END
$procedure$;

CALL unde.build_embedding_index(:'embedding_index');

-- Hybrid search in one user's history: nearest by meaning and best by words, merged by reciprocal rank.
-- A null embedding or an empty text leaves its half out. The body is plain SQL, so that the planner sees through it.
CREATE FUNCTION unde.search_messages(
    p_user_id         uuid,
    p_query_embedding extensions.vector,
    p_query_text      text,
    p_limit           integer DEFAULT 10
)
RETURNS TABLE (
    id         uuid,
    created_at timestamptz,
    role       text,
    content    text,
    score      double precision,
    distance   double precision
)
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH nearest AS (
        SELECT e.id, e.distance
        FROM (
            SELECT m.id, m.embedding OPERATOR(extensions.<=>) p_query_embedding AS distance
            FROM unde.messages AS m
            WHERE m.user_id = p_user_id AND m.embedding IS NOT NULL AND p_query_embedding IS NOT NULL
            -- "+ 0" is no index's expression: the order is always made by sorting this user's rows, never by HNSW,
            -- which knows no users.
            ORDER BY (m.embedding OPERATOR(extensions.<=>) p_query_embedding) + 0
            LIMIT p_limit * 4
        ) AS e
        WHERE unde.embedding_search() <> 'index'
        UNION ALL
        SELECT i.id, i.distance
        FROM unde.nearest_by_index(p_user_id, p_query_embedding, p_limit * 4) AS i
        WHERE unde.embedding_search() = 'index'
    ),
    by_meaning AS (
        SELECT n.id, n.distance, row_number() OVER (ORDER BY n.distance, n.id) AS place FROM nearest AS n
    ),
    by_words AS (
        SELECT w.id, row_number() OVER (ORDER BY w.weight DESC, w.id) AS place
        FROM (
            SELECT m.id, ts_rank_cd(m.content_tsv, q.query) AS weight
            FROM websearch_to_tsquery('pg_catalog.simple', coalesce(p_query_text, '')) AS q (query), unde.messages AS m
            WHERE m.user_id = p_user_id AND m.content_tsv @@ q.query
            ORDER BY 2 DESC, m.id
            LIMIT p_limit * 4
        ) AS w
    )
    SELECT
        m.id, m.created_at, m.role, m.content,
        (coalesce(1.0 / (60 + s.place), 0) + coalesce(1.0 / (60 + w.place), 0))::double precision AS score,
        s.distance
    FROM by_meaning AS s
    FULL JOIN by_words AS w ON w.id = s.id
    JOIN unde.messages AS m ON m.user_id = p_user_id AND m.id = coalesce(s.id, w.id)
    ORDER BY 5 DESC, s.distance, m.id
    LIMIT p_limit;
END;

-- The size that the growth trigger watches: pg_relation_size of a partitioned index is always 0.
CREATE FUNCTION unde.embedding_index_bytes() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN (
    SELECT coalesce(sum(pg_relation_size(t.relid)), 0)::bigint
    FROM pg_partition_tree(to_regclass('unde.idx_messages_embedding')) AS t
    WHERE t.isleaf
);

GRANT EXECUTE ON FUNCTION unde.embedding_search() TO unde_app;
GRANT EXECUTE ON FUNCTION unde.nearest_by_index(uuid, extensions.vector, integer) TO unde_app;
GRANT EXECUTE ON FUNCTION unde.search_messages(uuid, extensions.vector, text, integer) TO unde_app;
GRANT EXECUTE ON FUNCTION unde.embedding_index_bytes() TO unde_app, unde_monitor;
