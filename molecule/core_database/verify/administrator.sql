-- Run as the superuser.
DO $$
BEGIN
    ASSERT (SELECT string_agg(version::text, ',' ORDER BY version) FROM unde.schema_version) = '1,2,3,4,5', 'migrations';
    ASSERT current_setting('data_checksums') = 'on', 'checksums';
    ASSERT (SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL), 'none came through the pooler, or one without TLS';
    ASSERT NOT EXISTS (SELECT FROM pg_authid WHERE rolpassword IS NOT NULL AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'), 'a password that is not SCRAM';
    ASSERT NOT has_database_privilege('recognition', 'unde', 'TEMPORARY'), 'temporary tables';
    BEGIN
        DELETE FROM unde.tombstone_registry;
        ASSERT false, 'tombstones can be deleted';
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    BEGIN
        TRUNCATE unde.tombstone_registry;
        ASSERT false, 'tombstones can be truncated';
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
END
$$;
SELECT 'the administrator is content';
