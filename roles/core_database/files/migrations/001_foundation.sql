-- Extensions and schemas. Written so that it holds in an adopted database too: what is there already stays as it is.

CREATE SCHEMA IF NOT EXISTS extensions;
CREATE EXTENSION IF NOT EXISTS vector SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA extensions;

CREATE SCHEMA IF NOT EXISTS unde_ai;

GRANT USAGE ON SCHEMA extensions TO unde_callers, unde_monitor;
GRANT USAGE ON SCHEMA unde TO unde_monitor, routing_read, routing_write, tombstones_read, tombstones_write;
GRANT USAGE ON SCHEMA unde_ai TO unde_monitor, embeddings_read, embeddings_insert, embeddings_retire;
