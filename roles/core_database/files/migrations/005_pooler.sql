-- PgBouncer looks up the verifier of the user who is logging in: one function, and only for those who come through it.
-- Makes: schema pgbouncer

CREATE SCHEMA pgbouncer;
GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer;

CREATE FUNCTION pgbouncer.get_auth(p_usename text) RETURNS TABLE (username text, password text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT known.rolname::text, known.rolpassword FROM pg_catalog.pg_authid AS known
    WHERE known.rolname = p_usename AND known.rolcanlogin AND NOT known.rolsuper
      AND (known.rolname = 'unde_monitor'
           OR EXISTS (SELECT FROM pg_catalog.pg_auth_members JOIN pg_catalog.pg_roles AS callers ON callers.oid = roleid
                      WHERE member = known.oid AND callers.rolname = 'unde_callers'));
END;

REVOKE EXECUTE ON FUNCTION pgbouncer.get_auth(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO pgbouncer;
