-- A boot takes the master key from memory. Whether a member has one that opens what is stored is asked everywhere, on standbys too, and by monitoring.

CREATE OR REPLACE FUNCTION unde_private.master_key_matches() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce((SELECT unde_private.unseal(c.sealed) = 'unde' FROM unde_private.key_check AS c), false);
EXCEPTION
    WHEN external_routine_invocation_exception OR undefined_file THEN
        RETURN false;
END
$$;

CREATE FUNCTION unde.user_knowledge_opens() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN unde_private.master_key_matches();

GRANT CREATE ON SCHEMA unde TO unde_keyholder;
ALTER FUNCTION unde.user_knowledge_opens() OWNER TO unde_keyholder;
REVOKE CREATE ON SCHEMA unde FROM unde_keyholder;

GRANT EXECUTE ON FUNCTION unde.user_knowledge_opens() TO unde_app, unde_monitor;
