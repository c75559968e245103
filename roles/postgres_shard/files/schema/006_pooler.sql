-- PgBouncer looks up the verifier of the user who is logging in: one function, and only for the users who come through it.

CREATE SCHEMA pgbouncer;
GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer;

CREATE FUNCTION pgbouncer.get_auth(p_usename text) RETURNS TABLE (username text, password text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid
    WHERE rolname = p_usename AND rolname IN ('unde_app', 'unde_monitor') AND rolcanlogin AND NOT rolsuper;
END;

GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO pgbouncer;
