-- Run as recognition.
DO $$
DECLARE
    asked vector := format('[%s,%s,0,0,0,0,0,0]', cos(1201 * pi() / 3000), sin(1201 * pi() / 3000));
    plan text := '';
    line text;
BEGIN
    ASSERT (SELECT count(*) FROM sku_image_embeddings) = 3030, 'rows: ' || (SELECT count(*) FROM sku_image_embeddings);
    FOR line IN EXECUTE format('EXPLAIN SELECT sku FROM sku_image_embeddings WHERE model = %L ORDER BY embedding <=> %L LIMIT 5', 'clip-1', asked) LOOP
        plan := plan || line || E'\n';
    END LOOP;
    ASSERT plan ~ 'Index Scan using sku_image_embeddings_hnsw', plan;
    ASSERT (SELECT sku FROM sku_image_embeddings WHERE model = 'clip-1' ORDER BY embedding <=> asked LIMIT 1) = 'sku-1201', 'the nearest image';
    -- One row in a hundred is the other model's: a search that gave up after its first candidates would come home with nothing.
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_bitmapscan = off;
    ASSERT (SELECT count(*) FROM (SELECT sku FROM sku_image_embeddings WHERE model = 'clip-2' ORDER BY embedding <=> asked LIMIT 5) AS found) = 5, 'the rare model';
END
$$;
SELECT 'recognition is content';
