-- From one shape of the messages to another on a living shard, in a second table, unde_other.messages. A trigger writes to it whatever is written to the
-- first, in the same transaction; what was there before is copied in small batches; when both hold the same, they change places in one short transaction,
-- and the trigger goes on the other way round, so that the way back is as short. The other table is dropped last, when somebody says so. All that a run
-- must know after an interruption, or on a member that was promoted meanwhile, is in this table.
CREATE TABLE unde_private.change_of_shape (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- filling: the other table is being filled; full: all that was there is in it; exchanged: it is the former one.
    state      text        NOT NULL DEFAULT 'filling' CHECK (state IN ('filling', 'full', 'exchanged')),
    -- Of the other table.
    shape      jsonb       NOT NULL,
    -- The partition that is being copied, and the last of its rows that was.
    partition  integer     NOT NULL DEFAULT 0,
    user_id    uuid,
    created_at timestamptz,
    id         uuid,
    copied     bigint      NOT NULL DEFAULT 0,
    -- Rows when the change began, as the planner estimates them.
    expected   bigint      NOT NULL,
    began_at   timestamptz NOT NULL DEFAULT now()
);

-- What was deleted while a batch that had still seen it may have been under way: the next batch takes it out of the other table, too.
CREATE TABLE unde_private.deleted_messages (user_id uuid NOT NULL, id uuid NOT NULL);

-- What is taken off a vector before its signs are: of the mean of vectors of length one, so much that what is left of it is 0.45 of what they differ by.
-- All of it, and the angle forgets how near to everything a vector is; none, and all the signs are the same (measured on two models: bench/search).
-- Over a sample of the messages; null when they are too few to tell.
CREATE FUNCTION unde_private.sample_centre(p_most integer DEFAULT 20000, OUT centre extensions.vector, OUT sampled integer)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, extensions, pg_temp
AS $function$
DECLARE
    part   regclass;
    total  vector;
    of_one vector;
    n      integer;
    share  real;
    pages  bigint := (
        SELECT sum(pg_relation_size(inhrelid)) / current_setting('block_size')::integer FROM pg_inherits WHERE inhparent = 'unde.messages'::regclass
    );
BEGIN
    sampled := 0;
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'unde.messages'::regclass ORDER BY 1 LOOP
        -- A page holds two messages and more.
        EXECUTE format(
            'SELECT sum(l2_normalize(s.embedding::vector)), count(*) FROM %s AS s TABLESAMPLE SYSTEM (%s) REPEATABLE (1) '
            'WHERE s.embedding IS NOT NULL AND vector_norm(s.embedding::vector) > 0',
            part, least(100, 50.0 * p_most / greatest(pages, 1))
        ) INTO of_one, n;
        IF n > 0 THEN
            sampled := sampled + n;
            total := coalesce(total + of_one, of_one);
        END IF;
    END LOOP;
    IF sampled >= 1000 THEN
        centre := total * array_fill((1.0 / sampled)::real, ARRAY[vector_dims(total)])::vector;
        share := greatest(0, 1 - 0.45 * sqrt(greatest(0, 1 / vector_norm(centre) ^ 2 - 1)));
        centre := centre * array_fill(share, ARRAY[vector_dims(total)])::vector;
    END IF;
END
$function$;

-- Let one table follow the other: what is written to p_from is written to p_to. Vectors of another model are not; put_embedding brings those.
CREATE PROCEDURE unde_private.follow(p_from text, p_to text, p_same_model boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $procedure$
DECLARE
    columns text := 'user_id, id, created_at, role, content, client, seq' || CASE WHEN p_same_model THEN ', embedding' ELSE '' END;
BEGIN
    EXECUTE format(
        $function$
        CREATE OR REPLACE FUNCTION unde_private.follow_messages() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, extensions, pg_temp
        AS $body$
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                TRUNCATE %1$I.messages;
                RETURN NULL;
            END IF;
            IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND (OLD.user_id, OLD.id) IS DISTINCT FROM (NEW.user_id, NEW.id)) THEN
                DELETE FROM %1$I.messages WHERE user_id = OLD.user_id AND id = OLD.id;
                IF EXISTS (SELECT FROM unde_private.change_of_shape WHERE state = 'filling') THEN
                    INSERT INTO unde_private.deleted_messages VALUES (OLD.user_id, OLD.id);
                END IF;
            END IF;
            IF TG_OP <> 'DELETE' THEN
                INSERT INTO %1$I.messages (%2$s) VALUES (%3$s)
                ON CONFLICT (user_id, id) DO UPDATE SET (%2$s) = ROW (%4$s);
            END IF;
            RETURN NULL;
        END
        $body$
        $function$,
        p_to, columns, regexp_replace(columns, '(\w+)', 'NEW.\1', 'g'), regexp_replace(columns, '(\w+)', 'EXCLUDED.\1', 'g')
    );
    EXECUTE format(
        'CREATE TRIGGER follow_messages AFTER INSERT OR UPDATE OR DELETE ON %I.messages FOR EACH ROW EXECUTE FUNCTION unde_private.follow_messages()', p_from
    );
    EXECUTE format(
        'CREATE TRIGGER follow_messages_truncated AFTER TRUNCATE ON %I.messages FOR EACH STATEMENT EXECUTE FUNCTION unde_private.follow_messages()', p_from
    );
END
$procedure$;

-- Begin, or find that the same change has begun. The centre of bits is that of a sample of what is there; `p_anew`: although the shape is the wanted one.
CREATE PROCEDURE unde_private.begin_change(p_wish jsonb, p_anew boolean DEFAULT false)
LANGUAGE plpgsql
SET search_path = pg_catalog, extensions, pg_temp
AS $procedure$
DECLARE
    now_is  jsonb := unde_private.shape();
    wanted  jsonb := now_is || p_wish;
    other   jsonb := (SELECT shape FROM unde_private.change_of_shape);
    sample  record;
    same    boolean;
BEGIN
    IF other IS NOT NULL THEN
        IF NOT other @> p_wish THEN
            RAISE EXCEPTION 'another change has begun, to %: finish it, or drop its table first', other - 'centre'
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        RETURN;
    END IF;
    IF NOT p_anew AND wanted - 'candidates' = now_is - 'candidates' THEN
        CALL unde_private.want_shape(p_wish);
        RETURN;
    END IF;
    same := wanted ->> 'model' = now_is ->> 'model' AND wanted ->> 'dimensions' = now_is ->> 'dimensions';
    IF wanted ->> 'embedding_index' = 'bits' AND same THEN
        SELECT * INTO sample FROM unde_private.sample_centre();
        wanted := wanted || jsonb_build_object('centre', sample.centre::text, 'sampled', sample.sampled);
    ELSE
        wanted := wanted || '{"centre": null, "sampled": 0}';
    END IF;
    wanted := wanted || jsonb_build_object('words', 'expression', 'generation', (now_is ->> 'generation')::integer + 1);
    CREATE SCHEMA unde_other;
    CALL unde_private.make_messages('unde_other', wanted);
    INSERT INTO unde_private.change_of_shape (shape, expected)
    SELECT wanted, coalesce(sum(greatest(c.reltuples, 0)), 0)
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'unde.messages'::regclass;
    -- Last: from here on writers wait.
    CALL unde_private.follow('unde', 'unde_other', same);
END
$procedure$;

-- Copy for so many seconds, in batches of so many rows, each a transaction; p_done: nothing is left to copy. Waits while a standby is behind.
CREATE PROCEDURE unde_private.copy_messages(p_seconds double precision, p_batch integer, p_lag_bytes bigint, INOUT p_done boolean DEFAULT false)
LANGUAGE plpgsql
AS $procedure$
DECLARE
    until   timestamptz := clock_timestamp() + make_interval(secs => p_seconds);
    at      unde_private.change_of_shape;
    part    regclass;
    last    record;
    n       integer;
    same    boolean;
BEGIN
    p_done := false;
    WHILE clock_timestamp() < until LOOP
        SELECT * INTO STRICT at FROM unde_private.change_of_shape;
        IF at.state <> 'filling' THEN
            p_done := true;
            RETURN;
        END IF;
        IF (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)) FROM pg_stat_replication AS r) > p_lag_bytes THEN
            COMMIT;
            PERFORM pg_sleep(0.2);
            CONTINUE;
        END IF;
        SELECT i.inhrelid::regclass INTO part FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'unde.messages'::regclass ORDER BY c.relname OFFSET at.partition LIMIT 1;
        same := at.shape ->> 'model' = (SELECT model FROM unde.schema_parameter) AND (at.shape ->> 'dimensions')::integer = (SELECT dimensions FROM unde.schema_parameter);
        BEGIN
            -- Whoever is in the way goes first, and at once: a batch is made again.
            PERFORM set_config('lock_timeout', '50ms', true);
            WITH gone AS (DELETE FROM unde_private.deleted_messages RETURNING deleted_messages.user_id, deleted_messages.id)
            DELETE FROM unde_other.messages AS o USING gone AS g
            WHERE o.user_id = g.user_id AND o.id = g.id AND NOT EXISTS (SELECT FROM unde.messages AS m WHERE m.user_id = g.user_id AND m.id = g.id);
            IF part IS NULL THEN
                UPDATE unde_private.change_of_shape SET state = 'full';
            ELSE
                EXECUTE format(
                    $batch$
                    WITH batch AS (
                        SELECT * FROM ONLY %1$s AS m
                        WHERE $1 IS NULL OR (m.user_id, m.created_at, m.id) > ($1, $2, $3)
                        ORDER BY m.user_id, m.created_at, m.id LIMIT %2$s
                    ),
                    put AS (
                        INSERT INTO unde_other.messages (user_id, id, created_at, role, content, client, seq %3$s)
                        SELECT s.user_id, s.id, s.created_at, s.role, s.content, s.client, s.seq %4$s FROM batch AS s
                        ON CONFLICT DO NOTHING
                    )
                    SELECT s.user_id, s.created_at, s.id, count(*) OVER () AS n FROM batch AS s ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT 1
                    $batch$,
                    part, p_batch, CASE WHEN same THEN ', embedding' ELSE '' END, CASE WHEN same THEN ', s.embedding' ELSE '' END
                ) INTO last USING at.user_id, at.created_at, at.id;
                IF last.n IS NULL THEN
                    UPDATE unde_private.change_of_shape AS c SET partition = c.partition + 1, user_id = NULL, created_at = NULL, id = NULL;
                ELSE
                    UPDATE unde_private.change_of_shape AS c
                    SET user_id = last.user_id, created_at = last.created_at, id = last.id, copied = c.copied + last.n;
                END IF;
            END IF;
            n := 1;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            n := 0;
        END;
        COMMIT;
        IF n = 0 THEN
            PERFORM pg_sleep(0.05);
        END IF;
    END LOOP;
END
$procedure$;

-- Whether the two tables hold the same, seen at one moment: how many messages, a sum over all that is in them, and how many vectors. Empty: they do.
CREATE FUNCTION unde_private.differences() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    held  text := $$SELECT concat(count(*), ' messages, sum ',
        sum(hashtextextended(concat_ws('|', m.user_id, m.id, m.created_at, m.role, m.content, m.client, m.seq), 0)::numeric)) AS messages,
        count(m.embedding) AS vectors FROM %I.messages AS m$$;
    same  boolean := (
        SELECT c.shape @> jsonb_build_object('model', p.model, 'dimensions', p.dimensions) FROM unde.schema_parameter AS p, unde_private.change_of_shape AS c
    );
    found text;
BEGIN
    EXECUTE format(
        $$SELECT CASE WHEN h.messages <> o.messages THEN concat(h.messages, ' here, ', o.messages, ' in the other table')
                      WHEN $1 AND h.vectors <> o.vectors THEN concat(h.vectors, ' vectors here, ', o.vectors, ' in the other table') ELSE '' END
        FROM (%s) AS h, (%s) AS o$$,
        format(held, 'unde'), format(held, 'unde_other')
    ) INTO found USING same;
    RETURN found;
END
$function$;

-- Let the two tables change places; the one that was first follows from here on. In one transaction, whose lock everybody waits for.
CREATE PROCEDURE unde_private.exchange()
LANGUAGE plpgsql
SET search_path = pg_catalog, extensions, pg_temp
AS $procedure$
DECLARE
    now_is jsonb := unde_private.shape();
    at     unde_private.change_of_shape;
BEGIN
    SELECT * INTO STRICT at FROM unde_private.change_of_shape;
    IF at.state = 'filling' THEN
        RAISE EXCEPTION 'not everything is copied yet' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    LOCK TABLE unde.messages, unde_other.messages IN ACCESS EXCLUSIVE MODE;
    DROP TRIGGER follow_messages ON unde.messages;
    DROP TRIGGER follow_messages_truncated ON unde.messages;
    CALL unde_private.drop_search('unde');
    CREATE SCHEMA unde_former;
    ALTER TABLE unde.messages SET SCHEMA unde_former;
    IF to_regprocedure('unde.embedding_bits(extensions.vector)') IS NOT NULL THEN
        ALTER FUNCTION unde.embedding_bits(vector) SET SCHEMA unde_former;
    END IF;
    ALTER TABLE unde_other.messages SET SCHEMA unde;
    IF to_regprocedure('unde_other.embedding_bits(extensions.vector)') IS NOT NULL THEN
        ALTER FUNCTION unde_other.embedding_bits(vector) SET SCHEMA unde;
    END IF;
    DROP SCHEMA unde_other;
    ALTER SCHEMA unde_former RENAME TO unde_other;
    CALL unde_private.note_shape(at.shape);
    CALL unde_private.define_search('unde', at.shape);
    UPDATE unde_private.change_of_shape SET shape = now_is, state = CASE state WHEN 'full' THEN 'exchanged' ELSE 'full' END;
    CALL unde_private.follow('unde', 'unde_other', at.shape ->> 'model' = now_is ->> 'model' AND at.shape ->> 'dimensions' = now_is ->> 'dimensions');
END
$procedure$;

-- Give up the other table, whichever of the two it is.
CREATE PROCEDURE unde_private.drop_other()
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $procedure$
BEGIN
    DROP TRIGGER IF EXISTS follow_messages ON unde.messages;
    DROP TRIGGER IF EXISTS follow_messages_truncated ON unde.messages;
    DROP FUNCTION IF EXISTS unde_private.follow_messages();
    DROP SCHEMA IF EXISTS unde_other CASCADE;
    DELETE FROM unde_private.change_of_shape;
    DELETE FROM unde_private.deleted_messages;
END
$procedure$;

-- Give a message its vector, of a model: of the one that is asked now, or of the one that is coming. False: there is no such message.
CREATE FUNCTION unde.put_embedding(p_user_id uuid, p_id uuid, p_model text, p_embedding extensions.vector) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, extensions, pg_temp
AS $function$
BEGIN
    IF p_model = (SELECT model FROM unde.schema_parameter) THEN
        UPDATE unde.messages SET embedding = p_embedding WHERE user_id = p_user_id AND id = p_id;
    ELSIF p_model = (SELECT shape ->> 'model' FROM unde_private.change_of_shape) THEN
        UPDATE unde_other.messages SET embedding = p_embedding WHERE user_id = p_user_id AND id = p_id;
    ELSE
        RAISE EXCEPTION 'vectors of the model "%" are not kept here', p_model USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN FOUND;
END
$function$;
GRANT EXECUTE ON FUNCTION unde.put_embedding(uuid, uuid, text, extensions.vector) TO unde_app;
