-- Which shard holds a user's data, and who was erased. The two are one migration since neither may contradict the other.
-- Makes: table routing_table
-- Makes: table tombstone_registry

CREATE TABLE unde.tombstone_registry (
    -- Nothing but the number, which leads to nobody once the data are gone.
    user_id    uuid PRIMARY KEY,
    reason     text NOT NULL CHECK (reason IN ('request', 'inactive', 'legal')),
    deleted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE unde.tombstone_registry IS
    'Users erased for good (GDPR, article 17). A shard that was restored from a backup holds them again: before it serves, all of these are erased there.';
CREATE INDEX tombstone_registry_deleted_at ON unde.tombstone_registry (deleted_at);

CREATE TABLE unde.routing_table (
    user_id    uuid PRIMARY KEY,
    -- The shard's number in the layout; who is its writable member, the site's Redis tells.
    shard      integer NOT NULL CHECK (shard >= 0),
    reason     text NOT NULL CHECK (reason IN ('created', 'moved', 'restored')),
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE unde.routing_table IS 'User → shard. A change is found by changed_at, so that caches can follow.';
CREATE INDEX routing_table_shard ON unde.routing_table (shard);
CREATE INDEX routing_table_changed_at ON unde.routing_table (changed_at);

-- An erased user gets no shard again, whoever asks: neither a restored backup nor a late message brings anyone back.
-- The lock makes the two tables' transactions on one user wait for each other; after it each sees what the other has done.
CREATE FUNCTION unde.route_only_the_living() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.user_id::text, 0));
    IF EXISTS (SELECT FROM unde.tombstone_registry WHERE user_id = NEW.user_id) THEN
        RAISE EXCEPTION 'user % was erased', NEW.user_id USING ERRCODE = 'check_violation';
    END IF;
    NEW.changed_at := now();
    RETURN NEW;
END
$function$;

CREATE FUNCTION unde.unroute_the_erased() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.user_id::text, 0));
    DELETE FROM unde.routing_table WHERE user_id = NEW.user_id;
    RETURN NEW;
END
$function$;

-- Also against its owner: a tombstone that is taken back by mistake would bring a person back.
CREATE FUNCTION unde.tombstones_stay() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    RAISE EXCEPTION 'a tombstone stays' USING ERRCODE = 'insufficient_privilege';
END
$function$;

CREATE TRIGGER route_only_the_living BEFORE INSERT OR UPDATE ON unde.routing_table
    FOR EACH ROW EXECUTE FUNCTION unde.route_only_the_living();
CREATE TRIGGER unroute_the_erased BEFORE INSERT ON unde.tombstone_registry
    FOR EACH ROW EXECUTE FUNCTION unde.unroute_the_erased();
CREATE TRIGGER tombstones_stay BEFORE UPDATE OR DELETE ON unde.tombstone_registry
    FOR EACH ROW EXECUTE FUNCTION unde.tombstones_stay();
CREATE TRIGGER tombstones_stay_together BEFORE TRUNCATE ON unde.tombstone_registry
    FOR EACH STATEMENT EXECUTE FUNCTION unde.tombstones_stay();

-- The two functions that act for others own no more than they need.
GRANT USAGE ON SCHEMA unde TO unde_registrar;
GRANT SELECT ON unde.tombstone_registry TO unde_registrar;
GRANT SELECT, DELETE ON unde.routing_table TO unde_registrar;
GRANT CREATE ON SCHEMA unde TO unde_registrar;
ALTER FUNCTION unde.route_only_the_living() OWNER TO unde_registrar;
ALTER FUNCTION unde.unroute_the_erased() OWNER TO unde_registrar;
REVOKE CREATE ON SCHEMA unde FROM unde_registrar;
REVOKE EXECUTE ON FUNCTION unde.route_only_the_living(), unde.unroute_the_erased(), unde.tombstones_stay() FROM PUBLIC;

GRANT SELECT ON unde.routing_table TO routing_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON unde.routing_table TO routing_write;
GRANT SELECT ON unde.tombstone_registry TO tombstones_read;
GRANT SELECT, INSERT ON unde.tombstone_registry TO tombstones_write;
