-- Run as unde_app. Two users, one of them with a long history; every statement fails loudly.
DELETE FROM messages;

-- The direction of message n is (cos, sin) of n hundredths of a right angle: the nearest to message 40 are its neighbors in number.
INSERT INTO messages (user_id, created_at, role, content, client, seq, embedding)
SELECT u.id, now() - make_interval(mins => 3000 - n), 'user', 'message number ' || n || CASE WHEN n = 1234 THEN ' about purple boots' ELSE '' END, 'verify', n,
       format('[%s,%s,0,0,0,0,0,%s]', cos(n * pi() / 6000), sin(n * pi() / 6000), 0)::vector
FROM (VALUES ('00000000-0000-4000-8000-000000000001'::uuid, 3000), ('00000000-0000-4000-8000-000000000002'::uuid, 100)) AS u (id, most), generate_series(1, u.most) AS n;
INSERT INTO messages (user_id, role, content, client, seq, embedding)
SELECT gen_random_uuid(), 'user', 'somebody else speaks of purple boots', 'verify', 1, '[1,0.02,0,0,0,0,0,0]' FROM generate_series(1, 200);
-- A user with one message, and one of whose messages most have no vector yet, and some are deleted.
INSERT INTO messages (user_id, role, content, client, seq, embedding)
SELECT '00000000-0000-4000-8000-000000000004', 'user', 'the only one, of green hats', 'verify', 1, '[1,0.02,0,0,0,0,0,0]';
INSERT INTO messages (user_id, role, content, client, seq, embedding)
SELECT '00000000-0000-4000-8000-000000000005', 'user', 'word' || n % 7 || CASE WHEN n % 50 = 0 THEN ' with a vector ' ELSE ' without ' END || n, 'verify', n,
       CASE WHEN n % 50 = 0 THEN format('[1,%s,0,0,0,0,0,0]', n / 1000.0)::vector END
FROM generate_series(1, 500) AS n;
DELETE FROM messages WHERE user_id = '00000000-0000-4000-8000-000000000005' AND seq IN (100, 101, 105);

-- Replay: what arrived already is not written twice.
INSERT INTO messages (user_id, role, content, client, seq) VALUES ('00000000-0000-4000-8000-000000000002', 'user', 'again', 'verify', 7) ON CONFLICT DO NOTHING;

DO $$
DECLARE
    one uuid := '00000000-0000-4000-8000-000000000001';
    found text;
    plan text := '';
    line text;
    asked vector := format('[%s,%s,0,0,0,0,0,0]', cos(40 * pi() / 6000), sin(40 * pi() / 6000));
BEGIN
    SELECT count(*) || ' ' || count(DISTINCT (user_id, seq)) INTO found FROM messages WHERE user_id = '00000000-0000-4000-8000-000000000002';
    ASSERT found = '100 100', 'replay: ' || found;

    SELECT string_agg(substring(content FROM '\d+'), ',' ORDER BY substring(content FROM '\d+')::int) INTO found FROM search_messages(one, asked, NULL, 5);
    ASSERT found = '38,39,40,41,42', 'nearest by meaning: ' || coalesce(found, 'none');
    SELECT content INTO found FROM search_messages(one, asked, NULL, 5) LIMIT 1;
    ASSERT found = 'message number 40', 'first by meaning: ' || found;
    SELECT string_agg(content, '|') INTO found FROM search_messages(one, NULL, 'purple boots', 5);
    ASSERT found = 'message number 1234 about purple boots', 'by words: ' || coalesce(found, 'none');
    SELECT string_agg(content, '|' ORDER BY score DESC) INTO found FROM search_messages(one, asked, 'purple boots', 2);
    ASSERT found LIKE '%number 1234%' AND found LIKE '%number 40%', 'hybrid: ' || coalesce(found, 'none');
    ASSERT (SELECT count(*) FROM search_messages(gen_random_uuid(), asked, 'purple boots')) = 0, 'a user without messages finds something';

    -- The plan reads this user's partition only, through a b-tree that begins with the user, and never through HNSW.
    FOR line IN EXECUTE format('EXPLAIN SELECT * FROM nearest_exactly(%L, %L, 40)', one, asked) LOOP
        plan := plan || line || E'\n';
    END LOOP;
    SELECT string_agg(DISTINCT hit[1], ',') INTO found FROM regexp_matches(plan, 'messages_p(\d+)', 'g') AS hit;
    ASSERT found ~ '^\d+$', 'more than one partition is read: ' || found || E'\n' || plan;
    ASSERT plan ~ 'user_id', plan;
    ASSERT plan !~ 'embedding_idx', 'HNSW is asked for one user: ' || E'\n' || plan;
    ASSERT plan ~ 'Sort Key: .*<=>', 'no exact sort: ' || E'\n' || plan;

    -- User knowledge there and back.
    PERFORM put_user_knowledge(one, 'shoe size', 'forty-three and a half');
    ASSERT get_user_knowledge(one, 'shoe size') = 'forty-three and a half', 'knowledge is lost';
    ASSERT get_user_knowledge('00000000-0000-4000-8000-000000000002', 'shoe size') IS NULL, 'knowledge of another user';
    ASSERT (SELECT string_agg(key, ',') FROM list_user_knowledge(one)) = 'shoe size', 'the list of knowledge';

    DELETE FROM persona_profiles;
    INSERT INTO persona_profiles (user_id, communication) SELECT one, jsonb_object_agg('field_' || n, n) FROM generate_series(1, 22) AS n;
    BEGIN
        INSERT INTO persona_profiles (user_id, communication) SELECT gen_random_uuid(), jsonb_object_agg('field_' || n, n) FROM generate_series(1, 23) AS n;
        ASSERT false, '23 communication fields were taken';
    EXCEPTION WHEN check_violation THEN NULL;
    END;
END
$$;
SELECT 'the application is content';
