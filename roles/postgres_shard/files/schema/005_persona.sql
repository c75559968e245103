-- What the persona agent keeps of each user.

-- IMMUTABLE, so that a CHECK may call it.
CREATE FUNCTION unde.field_count(p_object jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
RETURN (SELECT count(*)::integer FROM jsonb_object_keys(p_object));

CREATE TABLE unde.persona_profiles (
    user_id            uuid        PRIMARY KEY,
    relationship_stage text        NOT NULL DEFAULT 'new' CHECK (relationship_stage ~ '^[a-z][a-z0-9_]{0,39}$'),
    -- The 22 communication fields. Their names belong to the persona agent; that there are never more is kept here.
    communication      jsonb       NOT NULL DEFAULT '{}'
        CHECK (CASE WHEN jsonb_typeof(communication) = 'object' THEN unde.field_count(communication) <= 22 ELSE false END),
    voice_preset       text,
    avatar_state       jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(avatar_state) = 'object'),
    render_hints       jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(render_hints) = 'object'),
    updated_at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE unde.persona_tone_modes (
    user_id    uuid        NOT NULL REFERENCES unde.persona_profiles ON DELETE CASCADE,
    situation  text        NOT NULL,
    tone       text        NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, situation)
);

CREATE TABLE unde.persona_stage_history (
    user_id    uuid        NOT NULL REFERENCES unde.persona_profiles ON DELETE CASCADE,
    entered_at timestamptz NOT NULL DEFAULT now(),
    stage      text        NOT NULL,
    reason     text,
    PRIMARY KEY (user_id, entered_at)
);

GRANT SELECT, INSERT, UPDATE, DELETE
ON unde.persona_profiles, unde.persona_tone_modes, unde.persona_stage_history TO unde_app;
GRANT EXECUTE ON FUNCTION unde.field_count(jsonb) TO unde_app;
