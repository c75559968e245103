-- Schemas, extensions, and the rights that everything else starts from: nobody has any.

CREATE SCHEMA unde_private;
CREATE SCHEMA extensions;

CREATE EXTENSION vector SCHEMA extensions;
CREATE EXTENSION pgcrypto SCHEMA extensions;
CREATE EXTENSION pg_stat_statements SCHEMA extensions;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON DATABASE unde FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
-- A function is executable by everyone unless this is said; from here on each one is granted by name.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

GRANT CONNECT ON DATABASE unde TO unde_app, pgbouncer, unde_monitor;
-- pg_rewind and the monitor work in the maintenance database.
GRANT CONNECT ON DATABASE postgres TO rewind, unde_monitor;
GRANT USAGE ON SCHEMA unde TO unde_app, unde_monitor;
GRANT USAGE ON SCHEMA extensions TO unde_app, unde_monitor;

ALTER DATABASE unde SET search_path = unde, extensions;
