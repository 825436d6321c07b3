-- Where read models live, how far they have come, and which company's rows an analyst's sign-in may read.

CREATE SCHEMA ops AUTHORIZATION ledgerdesk_worker;
CREATE SCHEMA desk AUTHORIZATION ledgerdesk_worker;
SET LOCAL ROLE ledgerdesk_worker;
COMMENT ON SCHEMA desk IS 'Read models: what people and reports read. Every view follows the log; see desk.freshness.';

CREATE TABLE ops.builds (
    build bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version int NOT NULL,
    state text NOT NULL CHECK (state IN ('building', 'live')),
    position bigint NOT NULL DEFAULT 0,
    applied_time timestamptz,
    error text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_build_of_a_state ON ops.builds (name, state);
COMMENT ON TABLE ops.builds IS 'Each read model''s tables: the live ones, and those being built beside them. Tables are in the schema NAME_b<build>.';
COMMENT ON COLUMN ops.builds.position IS 'Everything up to this position of the log is in the tables.';
COMMENT ON COLUMN ops.builds.applied_time IS 'When the newest event in the tables was recorded.';
COMMENT ON COLUMN ops.builds.error IS 'Kind of the error that stopped it; NULL while it runs.';

CREATE TABLE ops.analyst_workspaces (
    login text NOT NULL,
    workspace_id uuid NOT NULL,
    PRIMARY KEY (login, workspace_id)
);
COMMENT ON TABLE ops.analyst_workspaces IS 'Which workspaces an analyst''s database sign-in may read.';

CREATE FUNCTION ops.readable_workspaces() RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(array_agg(workspace_id), '{}') FROM ops.analyst_workspaces WHERE login = session_user $$;

GRANT USAGE ON SCHEMA desk TO ledgerdesk_reader, analyst;
GRANT USAGE ON SCHEMA ops TO ledgerdesk_reader, analyst;
GRANT SELECT ON ops.builds TO ledgerdesk_reader;

CREATE VIEW desk.freshness AS
SELECT b.name AS read_model, b.version, b.build, b.state, b.error, b.position, head.position AS head,
    head.position - b.position AS lag_events, b.applied_time, b.updated_at
FROM ops.builds b, LATERAL (SELECT coalesce(max(e.notification_id), 0) AS position FROM log.stored_events e) head;
COMMENT ON VIEW desk.freshness IS 'How far each read model has followed the log.';
COMMENT ON COLUMN desk.freshness.read_model IS 'Name of the read model; its views in this schema are listed in the analysts'' page of the docs.';
COMMENT ON COLUMN desk.freshness.version IS 'Version of its definition.';
COMMENT ON COLUMN desk.freshness.build IS 'Which build of its tables.';
COMMENT ON COLUMN desk.freshness.state IS 'live: what the views show. building: being filled beside it.';
COMMENT ON COLUMN desk.freshness.error IS 'Kind of the error that stopped it, or NULL. A stopped read model is out of date, never wrong.';
COMMENT ON COLUMN desk.freshness.position IS 'Everything up to this position of the log is in it.';
COMMENT ON COLUMN desk.freshness.head IS 'Position of the newest event of the log.';
COMMENT ON COLUMN desk.freshness.lag_events IS 'How many events it is behind.';
COMMENT ON COLUMN desk.freshness.applied_time IS 'When the newest event in it was recorded.';
COMMENT ON COLUMN desk.freshness.updated_at IS 'When it last moved.';
GRANT SELECT ON desk.freshness TO ledgerdesk_reader, analyst;
RESET ROLE;
