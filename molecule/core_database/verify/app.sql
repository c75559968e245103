-- Run as app.
BEGIN;
SET LOCAL ROLE catalog_own;
DROP TABLE IF EXISTS catalog.products;
CREATE TABLE catalog.products (sku text PRIMARY KEY);
COMMIT;
INSERT INTO products VALUES ('sku-1');

DO $$
DECLARE
    one uuid := '00000000-0000-4000-8000-000000000001';
    two uuid := '00000000-0000-4000-8000-000000000002';
    noted timestamptz;
BEGIN
    -- What is erased stays erased: the first run of this has left the tombstone.
    IF NOT EXISTS (SELECT FROM tombstone_registry WHERE user_id = one) THEN
        INSERT INTO routing_table (user_id, shard, reason) VALUES (one, 0, 'created');
        INSERT INTO tombstone_registry (user_id, reason) VALUES (one, 'request');
    END IF;
    ASSERT NOT EXISTS (SELECT FROM routing_table WHERE user_id = one), 'an erased user is routed';

    DELETE FROM routing_table WHERE user_id = two;
    INSERT INTO routing_table (user_id, shard, reason, changed_at) VALUES (two, 0, 'created', '2000-01-01') RETURNING changed_at INTO noted;
    ASSERT noted > now() - interval '1 hour', 'the caller dates a change';
    BEGIN
        UPDATE routing_table SET user_id = one WHERE user_id = two;
        ASSERT false, 'an erased user came back by UPDATE';
    EXCEPTION WHEN check_violation THEN NULL;
    END;
    BEGIN
        INSERT INTO routing_table (user_id, shard, reason) VALUES (gen_random_uuid(), -1, 'created');
        ASSERT false, 'a negative shard was taken';
    EXCEPTION WHEN check_violation THEN NULL;
    END;
END
$$;
SELECT 'app is content';
