-- The shape of the messages: how exactly a vector is kept, where, and what finds the nearest ones. One procedure makes the table in any shape, in any
-- schema; another the functions that search it. A table with rows keeps its shape here: 010 has the way from one shape to another.

CREATE EXTENSION btree_gin SCHEMA extensions;

ALTER TABLE unde.schema_parameter
    ADD COLUMN storage    text    NOT NULL DEFAULT 'vector' CHECK (storage IN ('vector', 'halfvec')),
    ADD COLUMN in_line    boolean NOT NULL DEFAULT false,
    ADD COLUMN candidates integer NOT NULL DEFAULT 400,
    -- Counts the tables that there have been: partitions of the second and later ones bear it in their names.
    ADD COLUMN generation integer NOT NULL DEFAULT 1,
    -- What is taken off a vector before its components' signs become bits; null: nobody has computed it, and the exact way is taken.
    ADD COLUMN centre     extensions.vector,
    ADD COLUMN sampled    integer NOT NULL DEFAULT 0,
    -- Which model the vectors are of: those of another one are never compared with them.
    ADD COLUMN model      text    NOT NULL DEFAULT '',
    -- How the words of a message are found: `expression`, or `column`, as tables from before this file have them.
    ADD COLUMN words      text    NOT NULL DEFAULT 'column' CHECK (words IN ('column', 'expression'));

-- How many blocks of bits a vector gives: about a thousand bits tell a year of one user's messages apart (measured: bench/search).
CREATE FUNCTION unde_private.blocks(p_dimensions integer) RETURNS integer
LANGUAGE sql IMMUTABLE
RETURN greatest(1, round(1024.0 / p_dimensions))::integer;

-- One of two signs for each dimension, the same wherever and whenever it is asked.
CREATE FUNCTION unde_private.signs(p_dimensions integer, p_block integer, p_term integer) RETURNS extensions.vector
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, extensions, pg_temp
RETURN (
    SELECT array_agg(1 - 2 * (get_byte(decode(md5(format('%s %s %s', p_block, p_term, i)), 'hex'), 0) & 1) ORDER BY i)::real[]::vector
    FROM generate_series(1, p_dimensions) AS i
);

-- The SQL of the bits of a vector: the signs of its components once the centre is off. Fewer dimensions than a thousand give more blocks: each component
-- of a further block is the sum of three of them, with random signs, which is as good as a random direction and costs a few operations for all.
CREATE FUNCTION unde_private.bits_sql(p_dimensions integer, p_centre extensions.vector) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, extensions, pg_temp
AS $function$
DECLARE
    blocks integer := unde_private.blocks(p_dimensions);
    parts  text[] := ARRAY['{x}'];
    away   integer;
    term   text;
BEGIN
    FOR block IN 1 .. blocks - 1 LOOP
        term := format('{x} OPERATOR(extensions.*) %L::extensions.vector', unde_private.signs(p_dimensions, block, 0));
        FOR n IN 1 .. CASE WHEN p_dimensions > 2 THEN 2 ELSE 0 END LOOP
            away := 1 + (block * 37 + n * 101) % (p_dimensions - 1);
            term := format(
                '%s OPERATOR(extensions.+) (extensions.subvector({x}, %s, %s) OPERATOR(extensions.||) extensions.subvector({x}, 1, %s))'
                ' OPERATOR(extensions.*) %L::extensions.vector',
                term, away + 1, p_dimensions - away, away, unde_private.signs(p_dimensions, block, n)
            );
        END LOOP;
        parts := parts || format('(%s)', term);
    END LOOP;
    RETURN format(
        'extensions.binary_quantize(%s)::bit(%s)',
        replace(
            array_to_string(parts, ' OPERATOR(extensions.||) '), '{x}',
            CASE WHEN p_centre IS NULL THEN 'extensions.l2_normalize(v)'
                 ELSE format('(extensions.l2_normalize(v) OPERATOR(extensions.-) %L::extensions.vector)', p_centre) END
        ),
        blocks * p_dimensions
    );
END
$function$;

-- Make an empty table of messages in a schema of that name, with its partitions in `unde`, its indexes, and `embedding_bits`, which the table's bits come from.
-- A shape is a JSON object: dimensions, embedding_index, storage, in_line, candidates, partitions, generation, centre.
CREATE PROCEDURE unde_private.make_messages(p_schema text, p_shape jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, extensions, pg_temp
AS $procedure$
DECLARE
    d          integer := p_shape ->> 'dimensions';
    kind       text    := p_shape ->> 'embedding_index';
    storage    text    := p_shape ->> 'storage';
    in_line    boolean := p_shape ->> 'in_line';
    partitions integer := p_shape ->> 'partitions';
    generation integer := p_shape ->> 'generation';
    bits       boolean := kind = 'bits';
    bytes      integer := CASE storage WHEN 'vector' THEN 4 ELSE 2 END * d + 8;
BEGIN
    EXECUTE format(
        'CREATE FUNCTION %I.embedding_bits(v extensions.vector) RETURNS bit(%s) LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN %s',
        p_schema, unde_private.blocks(d) * d, unde_private.bits_sql(d, (p_shape ->> 'centre')::vector)
    );
    EXECUTE format(
        $table$
        CREATE TABLE %1$I.messages (
            user_id     uuid        NOT NULL,
            id          uuid        NOT NULL DEFAULT gen_random_uuid(),
            created_at  timestamptz NOT NULL DEFAULT now(),
            role        text        NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
            content     text        NOT NULL,
            client      text        NOT NULL,
            seq         bigint      NOT NULL,
            embedding   extensions.%2$s(%3$s) %4$s
            %5$s,
            PRIMARY KEY (user_id, id),
            CONSTRAINT messages_once UNIQUE (user_id, client, seq)
        ) PARTITION BY HASH (user_id)
        $table$,
        p_schema, storage, d, CASE WHEN in_line THEN 'STORAGE PLAIN' ELSE '' END,
        CASE WHEN bits THEN format(', bits bit(%s) GENERATED ALWAYS AS (%I.embedding_bits(embedding%s)) STORED', unde_private.blocks(d) * d, p_schema,
                                   CASE storage WHEN 'halfvec' THEN '::extensions.vector' ELSE '' END) ELSE '' END
    );
    FOR n IN 0 .. partitions - 1 LOOP
        -- Beside a vector in line the text has as much room as it has without, before it is moved out of the page. An index alone answers only for pages
        -- that a vacuum has seen: it comes after one row in fifty.
        EXECUTE format(
            'CREATE TABLE unde.%I PARTITION OF %I.messages FOR VALUES WITH (MODULUS %s, REMAINDER %s) '
            'WITH (toast_tuple_target = %s, autovacuum_vacuum_insert_scale_factor = 0.02)',
            format('messages_%sp%s', CASE WHEN generation > 1 THEN format('%s_', generation) ELSE '' END, lpad(n::text, 3, '0')), p_schema, partitions, n,
            CASE WHEN in_line THEN least(8160, 2040 + bytes) ELSE 2040 END
        );
    END LOOP;
    EXECUTE format('CREATE INDEX idx_messages_user_created ON %I.messages (user_id, created_at)', p_schema);
    IF bits THEN
        -- One user's messages are ranked without a look at the table. By user alone: pages that one key fills are full (96 %), others half.
        EXECUTE format('CREATE INDEX idx_messages_bits ON %I.messages (user_id) INCLUDE (id, bits)', p_schema);
    END IF;
    -- The user first: a word's entry is that of the whole partition. New entries wait in a list that every search reads: it is kept short.
    EXECUTE format(
        $index$CREATE INDEX idx_messages_content ON %I.messages USING gin (user_id, to_tsvector('pg_catalog.simple', content)) WITH (gin_pending_list_limit = 256)$index$,
        p_schema
    );
    IF kind IN ('vector', 'halfvec') THEN
        EXECUTE format(
            'CREATE INDEX idx_messages_embedding ON %I.messages USING hnsw (%s) WITH (m = 16, ef_construction = 64)', p_schema,
            format(CASE kind WHEN storage THEN 'embedding %s_cosine_ops' ELSE '(embedding::%1$s(%2$s)) %1$s_cosine_ops' END, kind, d)
        );
    END IF;
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.messages TO unde_app', p_schema);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I.embedding_bits(extensions.vector) TO unde_app', p_schema);
END
$procedure$;

-- Make the functions that search the messages of a schema, by the shape that they have.
CREATE PROCEDURE unde_private.define_search(p_schema text, p_shape jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, extensions, pg_temp
AS $procedure$
DECLARE
    d       integer := p_shape ->> 'dimensions';
    kind    text    := p_shape ->> 'embedding_index';
    storage text    := p_shape ->> 'storage';
    hnsw    boolean := kind IN ('vector', 'halfvec');
    -- Bits from which no centre was taken tell nothing.
    bits    boolean := kind = 'bits' AND p_shape ->> 'centre' IS NOT NULL;
    words   text    := CASE p_shape ->> 'words' WHEN 'column' THEN 'm.content_tsv' ELSE $$to_tsvector('pg_catalog.simple', m.content)$$ END;
    -- Taking a message's words apart takes 30 to 60 microseconds, of the few milliseconds that a search has; words in a column are apart already.
    weighed integer := CASE p_shape ->> 'words' WHEN 'column' THEN 1000 ELSE 100 END;
    cast_to text    := CASE WHEN hnsw AND kind <> storage THEN format('::extensions.%s(%s)', kind, d) ELSE '' END;
BEGIN
    -- How the nearest messages are found, unless the caller of the search wants to miss none: `exact` (all of one user's messages are looked at) or
    -- `index`, as the kind has it. The database, a user or a session may say otherwise: SET unde.embedding_search = 'index'
    EXECUTE format(
        $function$
        CREATE OR REPLACE FUNCTION %I.embedding_search() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
        RETURN coalesce(nullif(current_setting('unde.embedding_search', true), ''), %L)
        $function$,
        p_schema, CASE WHEN bits THEN 'index' ELSE 'exact' END
    );
    -- "+ 0" is no index's expression: the order is always made by sorting this user's rows, never by HNSW, which knows no users.
    EXECUTE format(
        $function$
        CREATE OR REPLACE FUNCTION %1$I.nearest_exactly(p_user_id uuid, p_embedding extensions.vector, p_limit integer)
        RETURNS TABLE (id uuid, distance double precision) LANGUAGE sql STABLE
        BEGIN ATOMIC
            SELECT m.id, m.embedding OPERATOR(extensions.<=>) p_embedding::extensions.%2$s
            FROM %1$I.messages AS m
            WHERE m.user_id = p_user_id AND m.embedding IS NOT NULL
            ORDER BY (m.embedding OPERATOR(extensions.<=>) p_embedding::extensions.%2$s) + 0, m.id
            LIMIT p_limit;
        END
        $function$,
        p_schema, storage
    );
    IF bits THEN
        -- What is asked for is bound before it is used: in an ORDER BY it would be computed for each row.
        EXECUTE format(
            $function$
            CREATE OR REPLACE FUNCTION %1$I.nearest_by_index(p_user_id uuid, p_embedding extensions.vector, p_limit integer)
            RETURNS TABLE (id uuid, distance double precision) LANGUAGE plpgsql STABLE
            SET search_path = pg_catalog, extensions, pg_temp
            SET plan_cache_mode = force_custom_plan
            AS $body$
            #variable_conflict use_column
            DECLARE
                asked  %2$s(%5$s) := p_embedding;
                sought bit(%3$s) := %1$I.embedding_bits(p_embedding);
                most   integer := greatest(%4$s, p_limit);
                chosen uuid[];
                n      bigint;
            BEGIN
                -- As many as are needed grow with the root of what they are chosen from; %4$s are right for a year of 2,680, and twice as many for ten years
                -- (measured: bench/search). Counted without the bits, by the smallest index that there is.
                SELECT count(*) INTO n
                FROM (SELECT FROM %1$I.messages AS m WHERE m.user_id = p_user_id LIMIT 4 * 2680) AS a;
                SELECT array_agg(c.id) INTO chosen
                FROM (
                    SELECT m.id FROM %1$I.messages AS m WHERE m.user_id = p_user_id AND m.bits IS NOT NULL
                    ORDER BY m.bits <~> sought LIMIT ceil(most * greatest(1, sqrt(n / 2680.0)))
                ) AS c;
                RETURN QUERY
                SELECT m.id, m.embedding <=> asked
                FROM %1$I.messages AS m
                WHERE m.user_id = p_user_id AND m.id = ANY (chosen)
                ORDER BY 2, m.id
                LIMIT p_limit;
            END
            $body$
            $function$,
            p_schema, storage, unde_private.blocks(d) * d, p_shape ->> 'candidates', d
        );
    ELSIF hnsw THEN
        -- Filtered by one user, HNSW finds next to nothing unless it goes on searching: hence iterative_scan. Sorting is made unattractive because whoever
        -- asks for this way wants the index, not the planner's (good) opinion.
        EXECUTE format(
            $function$
            CREATE OR REPLACE FUNCTION %1$I.nearest_by_index(p_user_id uuid, p_embedding extensions.vector, p_limit integer)
            RETURNS TABLE (id uuid, distance double precision) LANGUAGE plpgsql STABLE
            SET search_path = pg_catalog, extensions, pg_temp
            SET hnsw.iterative_scan = 'relaxed_order'
            SET enable_sort = off
            AS $body$
            #variable_conflict use_column
            BEGIN
                RETURN QUERY
                SELECT m.id, m.embedding%3$s <=> p_embedding%3$s
                FROM %1$I.messages AS m
                WHERE m.user_id = p_user_id AND m.embedding IS NOT NULL
                ORDER BY m.embedding%3$s <=> p_embedding%3$s
                LIMIT p_limit;
            END
            $body$
            $function$,
            p_schema, storage, cast_to
        );
    ELSE
        EXECUTE format(
            $function$
            CREATE OR REPLACE FUNCTION %1$I.nearest_by_index(p_user_id uuid, p_embedding extensions.vector, p_limit integer)
            RETURNS TABLE (id uuid, distance double precision) LANGUAGE sql STABLE
            BEGIN ATOMIC
                SELECT n.id, n.distance FROM %1$I.nearest_exactly(p_user_id, p_embedding, p_limit) AS n;
            END
            $function$,
            p_schema
        );
    END IF;

    -- Hybrid search in one user's history: nearest by meaning and best by words, merged by reciprocal rank (Cormack and others, 2009; k = 60).
    -- A null embedding or an empty text leaves its half out. By words, more than a hundred messages are not weighed: the newest are, unless all are wanted.
    EXECUTE format(
        $function$
        CREATE OR REPLACE FUNCTION %1$I.search_messages(
            p_user_id uuid, p_query_embedding extensions.vector, p_query_text text, p_limit integer DEFAULT 10, p_exact boolean DEFAULT false
        )
        RETURNS TABLE (id uuid, created_at timestamptz, role text, content text, score double precision, distance double precision)
        LANGUAGE plpgsql STABLE
        SET search_path = pg_catalog, extensions, pg_temp
        -- With the user known, the plan is that of one partition.
        SET plan_cache_mode = force_custom_plan
        AS $body$
        #variable_conflict use_column
        DECLARE
            sought  tsquery := websearch_to_tsquery('pg_catalog.simple', coalesce(p_query_text, ''));
            ids     uuid[];
            far     double precision[];
        BEGIN
            IF p_query_embedding IS NULL THEN
                NULL;
            ELSIF p_exact OR %1$I.embedding_search() <> 'index' THEN
                SELECT array_agg(n.id), array_agg(n.distance) INTO ids, far FROM %1$I.nearest_exactly(p_user_id, p_query_embedding, p_limit * 4) AS n;
            ELSE
                SELECT array_agg(n.id), array_agg(n.distance) INTO ids, far FROM %1$I.nearest_by_index(p_user_id, p_query_embedding, p_limit * 4) AS n;
            END IF;
            RETURN QUERY
            WITH by_meaning AS (
                SELECT n.id, n.distance, row_number() OVER (ORDER BY n.distance, n.id) AS place FROM unnest(ids, far) AS n (id, distance)
            ),
            by_words AS (
                SELECT w.id, row_number() OVER (ORDER BY w.weight DESC, w.id) AS place
                FROM (
                    SELECT f.id, ts_rank_cd(f.words, sought) AS weight
                    FROM (
                        SELECT m.id, %2$s AS words
                        FROM %1$I.messages AS m
                        WHERE m.user_id = p_user_id AND %2$s @@ sought AND numnode(sought) > 0
                        -- Not the index's order: it would be walked, and each message read for its words.
                        ORDER BY m.created_at + interval '0' DESC
                        LIMIT CASE WHEN NOT p_exact THEN greatest(%3$s, p_limit * 4) END
                    ) AS f
                    ORDER BY 2 DESC, f.id
                    LIMIT p_limit * 4
                ) AS w
            )
            SELECT
                m.id, m.created_at, m.role, m.content,
                (coalesce(1.0 / (60 + s.place), 0) + coalesce(1.0 / (60 + w.place), 0))::double precision AS score,
                s.distance
            FROM by_meaning AS s
            FULL JOIN by_words AS w ON w.id = s.id
            JOIN %1$I.messages AS m ON m.user_id = p_user_id AND m.id = coalesce(s.id, w.id)
            ORDER BY 5 DESC, s.distance, m.id
            LIMIT p_limit;
        END
        $body$
        $function$,
        p_schema, words, weighed
    );
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I.embedding_search() TO unde_app', p_schema);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I.nearest_exactly(uuid, extensions.vector, integer) TO unde_app', p_schema);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I.nearest_by_index(uuid, extensions.vector, integer) TO unde_app', p_schema);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I.search_messages(uuid, extensions.vector, text, integer, boolean) TO unde_app', p_schema);
END
$procedure$;

-- Take the functions away before the table goes that they name.
CREATE PROCEDURE unde_private.drop_search(p_schema text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $procedure$
DECLARE
    callers text[] := ARRAY['search_messages', 'nearest_by_index', 'nearest_exactly'];
    each    regprocedure;
BEGIN
    FOR each IN
        SELECT p.oid::regprocedure FROM pg_proc AS p
        WHERE p.pronamespace = p_schema::regnamespace AND p.proname = ANY (callers)
        ORDER BY array_position(callers, p.proname::text)
    LOOP
        EXECUTE format('DROP FUNCTION %s', each);
    END LOOP;
END
$procedure$;

-- The shape that the messages have.
CREATE FUNCTION unde_private.shape() RETURNS jsonb
LANGUAGE sql STABLE
RETURN (
    SELECT jsonb_build_object(
        'dimensions', p.dimensions, 'embedding_index', p.embedding_index, 'storage', p.storage, 'in_line', p.in_line, 'candidates', p.candidates,
        'partitions', p.partitions, 'generation', p.generation, 'centre', p.centre::text, 'sampled', p.sampled, 'model', p.model, 'words', p.words
    )
    FROM unde.schema_parameter AS p
);

-- Write down which shape they have now.
CREATE PROCEDURE unde_private.note_shape(p_shape jsonb)
LANGUAGE sql
BEGIN ATOMIC
    UPDATE unde.schema_parameter
    SET dimensions = (p_shape ->> 'dimensions')::integer, embedding_index = p_shape ->> 'embedding_index', storage = p_shape ->> 'storage',
        in_line = (p_shape ->> 'in_line')::boolean, candidates = (p_shape ->> 'candidates')::integer, partitions = (p_shape ->> 'partitions')::integer,
        generation = (p_shape ->> 'generation')::integer, centre = (p_shape ->> 'centre')::extensions.vector,
        sampled = coalesce((p_shape ->> 'sampled')::integer, 0), model = p_shape ->> 'model', words = coalesce(p_shape ->> 'words', 'expression');
END;

-- What is wanted of the shape, over what there is: a change of the number of candidates alone is one of the functions, anything else is another table,
-- made at once as long as there is no message.
CREATE PROCEDURE unde_private.want_shape(p_wish jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, extensions, pg_temp
AS $procedure$
DECLARE
    now_is jsonb := unde_private.shape();
    wanted jsonb := now_is || p_wish;
BEGIN
    IF wanted = now_is THEN
        RETURN;
    END IF;
    IF wanted - 'candidates' <> now_is - 'candidates' THEN
        LOCK TABLE unde.messages IN ACCESS EXCLUSIVE MODE;
        IF EXISTS (SELECT FROM unde.messages) THEN
            RAISE EXCEPTION 'there are messages: their shape is changed by unde_private.begin_change' USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        wanted := wanted || '{"words": "expression", "centre": null, "sampled": 0, "generation": 1}';
        CALL unde_private.drop_search('unde');
        DROP TABLE unde.messages;
        DROP FUNCTION IF EXISTS unde.embedding_bits(vector);
        CALL unde_private.make_messages('unde', wanted);
    END IF;
    CALL unde_private.note_shape(wanted);
    CALL unde_private.define_search('unde', wanted);
END
$procedure$;

-- The size that the growth trigger watches, of what the kind of index takes: pg_relation_size of a partitioned index is always 0.
-- The monitor reads the size, not the shape.
CREATE OR REPLACE FUNCTION unde.embedding_index_bytes() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN (
    SELECT coalesce(sum(pg_relation_size(t.relid)), 0)::bigint
    FROM unde.schema_parameter AS p,
         pg_partition_tree(to_regclass(CASE p.embedding_index WHEN 'bits' THEN 'unde.idx_messages_bits' ELSE 'unde.idx_messages_embedding' END)) AS t
    WHERE t.isleaf
);

-- How many messages, as the planner estimates them, are searched exactly because their bits have no centre.
CREATE FUNCTION unde.messages_without_centre() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN (
    SELECT coalesce(sum(greatest(c.reltuples, 0)) FILTER (WHERE p.embedding_index = 'bits' AND p.centre IS NULL), 0)::bigint
    FROM unde.schema_parameter AS p, pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('unde.messages')
);
GRANT EXECUTE ON FUNCTION unde.messages_without_centre() TO unde_monitor;

DROP PROCEDURE unde.build_embedding_index(text);
CALL unde_private.drop_search('unde');
CALL unde_private.define_search('unde', unde_private.shape());
