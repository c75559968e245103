-- What a drill's clients write, beside everybody's data; gone with the drill. The services' user may do what it may do elsewhere.
DROP SCHEMA IF EXISTS unde_drill CASCADE;
CREATE SCHEMA unde_drill;
CREATE TABLE unde_drill.writes (
    usr bigint NOT NULL, number bigint NOT NULL, position bigint GENERATED ALWAYS AS IDENTITY, body text NOT NULL, place extensions.vector(8) NOT NULL,
    PRIMARY KEY (usr, number)
);
CREATE TABLE unde_drill.kept (id uuid PRIMARY KEY, client text NOT NULL, seq bigint NOT NULL);
GRANT USAGE ON SCHEMA unde_drill TO unde_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA unde_drill TO unde_app;
