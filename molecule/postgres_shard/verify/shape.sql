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
END
$$;
SELECT 'found';
