-- The catalogue's place. Its tables are the application's business and come with the application; who may do what with them
-- is settled here, before the first one is made.
-- Makes: schema catalog

-- Whoever changes tables says so first (SET LOCAL ROLE catalog_own): they have one owner, and so these rights from the moment they are made.
CREATE SCHEMA catalog AUTHORIZATION catalog_own;
GRANT USAGE ON SCHEMA catalog TO catalog_read, catalog_write;

ALTER DEFAULT PRIVILEGES FOR ROLE catalog_own IN SCHEMA catalog GRANT SELECT ON TABLES TO catalog_read;
ALTER DEFAULT PRIVILEGES FOR ROLE catalog_own IN SCHEMA catalog GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO catalog_write;
ALTER DEFAULT PRIVILEGES FOR ROLE catalog_own IN SCHEMA catalog GRANT USAGE, SELECT ON SEQUENCES TO catalog_write;
