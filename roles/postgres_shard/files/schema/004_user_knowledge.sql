-- User knowledge: AES-256 under a master key that only memory holds (a file on tmpfs, read at each call).
-- The key is in no table, setting, log or pg_stat_activity. Callers bind their values as parameters, they do not paste them.

-- Owns the functions; the only role, beside the superuser, that may read the key. Nobody can log in as it.
CREATE ROLE unde_keyholder NOLOGIN;
GRANT pg_read_server_files TO unde_keyholder;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO unde_keyholder;

CREATE TABLE unde_private.user_knowledge (
    user_id    uuid        NOT NULL,
    key        text        NOT NULL,
    value      bytea       NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
-- One known text, encrypted when the schema was made: tells a wrong key before anything is written with it.
CREATE TABLE unde_private.key_check (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sealed   bytea   NOT NULL
);

GRANT USAGE ON SCHEMA unde_private, extensions TO unde_keyholder;
GRANT SELECT, INSERT, UPDATE, DELETE ON unde_private.user_knowledge TO unde_keyholder;
GRANT SELECT, INSERT ON unde_private.key_check TO unde_keyholder;

CREATE FUNCTION unde_private.master_key() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN pg_catalog.rtrim(pg_catalog.pg_read_file('/run/unde/master.key'), E'\n');

-- s2k-mode 1 (salted, not stretched): stretching slows down the guessing of a password; this key is 256 random bits.
CREATE FUNCTION unde_private.seal(p_text text) RETURNS bytea
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
RETURN extensions.pgp_sym_encrypt(
    p_text, unde_private.master_key(), 'cipher-algo=aes256, s2k-mode=1, s2k-digest-algo=sha256, compress-algo=0'
);

CREATE FUNCTION unde_private.unseal(p_sealed bytea) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN extensions.pgp_sym_decrypt(p_sealed, unde_private.master_key());

CREATE FUNCTION unde_private.master_key_matches() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce((SELECT unde_private.unseal(c.sealed) = 'unde' FROM unde_private.key_check AS c), false);
EXCEPTION
    WHEN external_routine_invocation_exception THEN
        RETURN false;
END
$$;

CREATE FUNCTION unde.put_user_knowledge(p_user_id uuid, p_key text, p_value text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO unde_private.user_knowledge AS k (user_id, key, value)
    VALUES (p_user_id, p_key, unde_private.seal(p_value))
    ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value, updated_at = now();
END;

CREATE FUNCTION unde.get_user_knowledge(p_user_id uuid, p_key text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT unde_private.unseal(k.value) FROM unde_private.user_knowledge AS k WHERE k.user_id = p_user_id AND k.key = p_key;
END;

CREATE FUNCTION unde.list_user_knowledge(p_user_id uuid) RETURNS TABLE (key text, updated_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT k.key, k.updated_at FROM unde_private.user_knowledge AS k WHERE k.user_id = p_user_id ORDER BY k.key;
END;

-- A null key forgets everything about the user.
CREATE FUNCTION unde.forget_user_knowledge(p_user_id uuid, p_key text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH gone AS (
        DELETE FROM unde_private.user_knowledge AS k
        WHERE k.user_id = p_user_id AND (p_key IS NULL OR k.key = p_key) RETURNING 1
    )
    SELECT count(*) FROM gone;
END;

-- A role needs CREATE on the schema for the moment in which a function becomes its own.
GRANT CREATE ON SCHEMA unde, unde_private TO unde_keyholder;
ALTER FUNCTION unde_private.master_key() OWNER TO unde_keyholder;
ALTER FUNCTION unde_private.seal(text) OWNER TO unde_keyholder;
ALTER FUNCTION unde_private.unseal(bytea) OWNER TO unde_keyholder;
ALTER FUNCTION unde_private.master_key_matches() OWNER TO unde_keyholder;
ALTER FUNCTION unde.put_user_knowledge(uuid, text, text) OWNER TO unde_keyholder;
ALTER FUNCTION unde.get_user_knowledge(uuid, text) OWNER TO unde_keyholder;
ALTER FUNCTION unde.list_user_knowledge(uuid) OWNER TO unde_keyholder;
ALTER FUNCTION unde.forget_user_knowledge(uuid, text) OWNER TO unde_keyholder;
REVOKE CREATE ON SCHEMA unde, unde_private FROM unde_keyholder;

GRANT EXECUTE ON FUNCTION unde.put_user_knowledge(uuid, text, text) TO unde_app;
GRANT EXECUTE ON FUNCTION unde.get_user_knowledge(uuid, text) TO unde_app;
GRANT EXECUTE ON FUNCTION unde.list_user_knowledge(uuid) TO unde_app;
GRANT EXECUTE ON FUNCTION unde.forget_user_knowledge(uuid, text) TO unde_app;

INSERT INTO unde_private.key_check (sealed) VALUES (unde_private.seal('unde'));
