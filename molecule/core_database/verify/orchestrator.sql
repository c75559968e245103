-- Run as orchestrator.
DO $$
BEGIN
    ASSERT (SELECT count(*) FROM products) = 1, 'catalogue';
    ASSERT (SELECT shard FROM routing_table WHERE user_id = '00000000-0000-4000-8000-000000000002') = 0, 'routing';
END
$$;
SELECT 'orchestrator is content';
