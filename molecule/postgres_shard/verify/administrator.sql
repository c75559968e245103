-- Run as the superuser.
ANALYZE unde.messages;
DO $$
DECLARE
    one uuid := '00000000-0000-4000-8000-000000000001';
    asked extensions.vector := format('[%s,%s,0,0,0,0,0,0]', cos(40 * pi() / 6000), sin(40 * pi() / 6000));
    sealed bytea;
    plan text := '';
    line text;
BEGIN
    ASSERT (SELECT count(*) FROM pg_inherits WHERE inhparent = 'unde.messages'::regclass) = 64, 'partitions';
    ASSERT (SELECT count(*) FROM pg_extension WHERE extname IN ('vector', 'pgcrypto', 'pg_stat_statements')) = 3, 'extensions';
    ASSERT current_setting('data_checksums') = 'on', 'checksums';

    -- With statistics the planner takes the b-tree by itself.
    FOR line IN EXECUTE format('EXPLAIN SELECT * FROM unde.nearest_exactly(%L, %L, 40)', one, asked) LOOP
        plan := plan || line || E'\n';
    END LOOP;
    ASSERT plan !~ 'embedding_idx', plan;

    SELECT value INTO sealed FROM unde_private.user_knowledge WHERE user_id = one AND key = 'shoe size';
    ASSERT position('forty-three'::bytea IN sealed) = 0, 'the stored bytes hold the plain text';
    -- Octet 3 of the first packet names the cipher (RFC 4880, tag 3): 9 is AES-256.
    ASSERT get_byte(sealed, 3) = 9, 'cipher ' || get_byte(sealed, 3);
END
$$;
SELECT 'the administrator is content';
