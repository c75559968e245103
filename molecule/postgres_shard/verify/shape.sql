-- Run as unde_app: what application.sql wrote is found, whatever the shape.
DO $$
DECLARE
    one   uuid := '00000000-0000-4000-8000-000000000001';
    asked vector := format('[%s,%s,0,0,0,0,0,0]', cos(40 * pi() / 6000), sin(40 * pi() / 6000));
    found text;
BEGIN
    SELECT content INTO found FROM search_messages(one, asked, NULL, 5) LIMIT 1;
    ASSERT found LIKE 'message number 40%', 'first by meaning: ' || coalesce(found, 'none');
    SELECT string_agg(substring(content FROM '\d+'), ',' ORDER BY substring(content FROM '\d+')::int) INTO found FROM search_messages(one, asked, NULL, 5, true);
    ASSERT found = '38,39,40,41,42', 'nearest, exactly: ' || coalesce(found, 'none');
    SELECT string_agg(content, '|') INTO found FROM search_messages(one, NULL, 'purple boots', 5);
    ASSERT found = 'message number 1234 about purple boots', 'by words: ' || coalesce(found, 'none');
    SELECT string_agg(content, '|' ORDER BY score DESC) INTO found FROM search_messages(one, asked, 'purple boots', 2);
    ASSERT found LIKE '%number 1234%' AND found LIKE '%number 40%', 'hybrid: ' || coalesce(found, 'none');
    ASSERT (SELECT count(*) FROM search_messages(gen_random_uuid(), asked, 'purple boots')) = 0, 'a user without messages finds something';
    ASSERT (SELECT count(*) FROM search_messages(one, NULL, '')) = 0, 'nothing was asked, and something is found';
    -- A user with one message.
    SELECT string_agg(content, '|') INTO found FROM search_messages('00000000-0000-4000-8000-000000000004', asked, 'green hats', 5);
    ASSERT found = 'the only one, of green hats', 'the only message: ' || coalesce(found, 'none');
    -- Most of whose messages have no vector: nine of ten that had one are left, and words find the others. Nothing that was deleted is found.
    SELECT string_agg(substring(content FROM '\d+$'), ',' ORDER BY substring(content FROM '\d+$')::int) INTO found
    FROM search_messages('00000000-0000-4000-8000-000000000005', asked, NULL, 20);
    ASSERT found = '50,150,200,250,300,350,400,450,500', 'with a vector: ' || coalesce(found, 'none');
    SELECT count(*) || ' ' || count(*) FILTER (WHERE content ~ ' (100|101|105)$') INTO found
    FROM search_messages('00000000-0000-4000-8000-000000000005', NULL, 'without', 500, true);
    ASSERT found = '488 0', 'by words: ' || found;
END
$$;
SELECT 'found';
