-- Another master key: as long as the former one lies beside it (/run/unde/master.key-former, tmpfs too), what either sealed is opened; what is written is
-- sealed with the new one. CALL unde_private.reseal() seals everything anew; then the former one can go.

GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text, boolean) TO unde_keyholder;
GRANT UPDATE ON unde_private.key_check TO unde_keyholder;

-- Null where there is none.
CREATE FUNCTION unde_private.former_master_key() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN pg_catalog.rtrim(pg_catalog.pg_read_file('/run/unde/master.key-former', true), E'\n');

CREATE OR REPLACE FUNCTION unde_private.unseal(p_sealed bytea) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN extensions.pgp_sym_decrypt(p_sealed, unde_private.master_key());
EXCEPTION
    WHEN external_routine_invocation_exception THEN
        IF unde_private.former_master_key() IS NULL THEN
            RAISE;
        END IF;
        RETURN extensions.pgp_sym_decrypt(p_sealed, unde_private.former_master_key());
END
$$;

-- In pieces, each its own transaction, so that nobody waits long for a row; from the beginning where it was interrupted. For the superuser: only functions
-- without settings of their own may commit, so that every name is written out.
CREATE PROCEDURE unde_private.reseal(p_rows integer DEFAULT 1000)
LANGUAGE plpgsql
AS $$
DECLARE
    v_user uuid := '00000000-0000-0000-0000-000000000000';
    v_key  text := '';
BEGIN
    LOOP
        WITH piece AS MATERIALIZED (
            SELECT k.user_id, k.key FROM unde_private.user_knowledge AS k
            WHERE (k.user_id, k.key) OPERATOR(pg_catalog.>) (v_user, v_key) ORDER BY k.user_id, k.key LIMIT p_rows
        ), sealed AS (
            UPDATE unde_private.user_knowledge AS k SET value = unde_private.seal(unde_private.unseal(k.value))
            FROM piece WHERE k.user_id OPERATOR(pg_catalog.=) piece.user_id AND k.key OPERATOR(pg_catalog.=) piece.key
        )
        SELECT piece.user_id, piece.key INTO v_user, v_key FROM piece ORDER BY piece.user_id DESC, piece.key DESC LIMIT 1;
        EXIT WHEN NOT FOUND;
        COMMIT;
    END LOOP;
    UPDATE unde_private.key_check SET sealed = unde_private.seal('unde');
END
$$;

-- How many values nobody could read if the former key were gone.
CREATE FUNCTION unde_private.sealed_with_former() RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sealed bytea;
    v_count  bigint := 0;
BEGIN
    FOR v_sealed IN SELECT value FROM unde_private.user_knowledge UNION ALL SELECT sealed FROM unde_private.key_check LOOP
        BEGIN
            PERFORM extensions.pgp_sym_decrypt(v_sealed, unde_private.master_key());
        EXCEPTION
            WHEN external_routine_invocation_exception THEN
                v_count := v_count + 1;
        END;
    END LOOP;
    RETURN v_count;
END
$$;

GRANT CREATE ON SCHEMA unde_private TO unde_keyholder;
ALTER FUNCTION unde_private.former_master_key() OWNER TO unde_keyholder;
REVOKE CREATE ON SCHEMA unde_private FROM unde_keyholder;
