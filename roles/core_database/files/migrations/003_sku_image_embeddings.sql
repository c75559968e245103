-- What the images of the catalogue look like: one vector for each image and model.
-- Makes: table sku_image_embeddings

SET LOCAL search_path = unde_ai, extensions, public;

CREATE TABLE unde_ai.sku_image_embeddings (
    sku         text NOT NULL CHECK (sku <> ''),
    -- The image's key in the object storage: a SKU has several.
    image       text NOT NULL CHECK (image <> ''),
    -- The model with its version. Vectors of two models cannot be compared: every search names one.
    model       text NOT NULL CHECK (model <> ''),
    embedding   vector(:dimensions) NOT NULL,
    embedded_at timestamptz NOT NULL DEFAULT now(),
    -- The model is part of the key, so that a new model is indexed beside the one in use, by INSERT alone, and taken into
    -- use when it is complete. An image that is indexed twice is no error: INSERT … ON CONFLICT DO NOTHING.
    PRIMARY KEY (sku, image, model)
);

-- Cosine distance: the models' vectors say more by direction than by length. m and ef_construction are pgvector's defaults.
CREATE INDEX sku_image_embeddings_hnsw ON unde_ai.sku_image_embeddings USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);

-- Indexing inserts and does nothing else: not even reading, since ON CONFLICT DO NOTHING without a target needs none.
GRANT INSERT ON unde_ai.sku_image_embeddings TO embeddings_insert;
GRANT SELECT ON unde_ai.sku_image_embeddings TO embeddings_read;
-- Whoever takes a model or a SKU out of use.
GRANT SELECT, DELETE ON unde_ai.sku_image_embeddings TO embeddings_retire;

-- The index has to fit into memory: what the monitor watches.
CREATE FUNCTION unde_ai.embedding_index_bytes() RETURNS bigint
LANGUAGE sql STABLE
RETURN pg_relation_size('unde_ai.sku_image_embeddings_hnsw'::regclass);
REVOKE EXECUTE ON FUNCTION unde_ai.embedding_index_bytes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unde_ai.embedding_index_bytes() TO unde_monitor;
