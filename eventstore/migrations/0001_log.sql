-- The log, the commands that it has answered, the keys, and who may touch them.

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ledgerdesk_owner', 'ledgerdesk_writer', 'ledgerdesk_reader', 'ledgerdesk_worker', 'analyst'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            END IF;
        -- Roles belong to the whole cluster: another database's migration may have been quicker.
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        IF NOT pg_has_role(current_user, name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
    END LOOP;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO ledgerdesk_owner, ledgerdesk_worker', current_database());
END $$;

CREATE SCHEMA log AUTHORIZATION ledgerdesk_owner;
CREATE SCHEMA vault AUTHORIZATION ledgerdesk_owner;
SET LOCAL ROLE ledgerdesk_owner;

CREATE TABLE log.stored_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint NOT NULL,
    workspace_id uuid NOT NULL,
    event_id uuid NOT NULL,
    command_id uuid,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX stored_events_notification_id_idx ON log.stored_events (notification_id);
CREATE UNIQUE INDEX stored_events_event_id_idx ON log.stored_events (event_id);
CREATE INDEX stored_events_workspace_idx ON log.stored_events (workspace_id, notification_id);
COMMENT ON TABLE log.stored_events IS 'Every action as an immutable event, in commit order. Column names are those of the eventsourcing library.';
COMMENT ON COLUMN log.stored_events.originator_id IS 'The stream: a ticket, a requester or a workspace.';
COMMENT ON COLUMN log.stored_events.originator_version IS 'Place in the stream, from 1, without gaps.';
COMMENT ON COLUMN log.stored_events.topic IS 'Stable name of the event, for example ticket.opened.';
COMMENT ON COLUMN log.stored_events.state IS 'UTF-8 JSON: metadata, data in clear, content encrypted under the subject''s key. Kept exactly as hashed.';
COMMENT ON COLUMN log.stored_events.notification_id IS 'Position in the whole log, from 1, without gaps, in commit order.';
COMMENT ON COLUMN log.stored_events.workspace_id IS 'Whose event it is.';
COMMENT ON COLUMN log.stored_events.event_id IS 'UUIDv7 of the event.';
COMMENT ON COLUMN log.stored_events.command_id IS 'The command that led to it.';
COMMENT ON COLUMN log.stored_events.recorded_at IS 'When the log took it; the time it happened is in the metadata.';

CREATE TABLE log.commands (
    workspace_id uuid NOT NULL,
    command_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    originator_id uuid NOT NULL,
    version bigint NOT NULL,
    events int NOT NULL,
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, command_id)
);
COMMENT ON TABLE log.commands IS 'The answer that each command got, so that a repeat gets the same one.';
COMMENT ON COLUMN log.commands.fingerprint IS 'Keyed hash of what was asked: the same id with another content is refused.';
COMMENT ON COLUMN log.commands.version IS 'The stream''s version afterwards.';
COMMENT ON COLUMN log.commands.events IS 'How many events the command led to; 0 where nothing changed.';
COMMENT ON COLUMN log.commands.position IS 'Position of its last event, or the log''s head where nothing changed.';

CREATE TABLE log.notification_tracking (
    application_name text PRIMARY KEY,
    notification_id bigint NOT NULL
);
COMMENT ON TABLE log.notification_tracking IS 'How far each process has come; the eventsourcing library''s tracking table.';

CREATE TABLE log.snapshots (
    originator_id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    version bigint NOT NULL,
    format text NOT NULL,
    state bytea NOT NULL
);
COMMENT ON TABLE log.snapshots IS 'Folded states of long streams, encrypted; may be emptied at any time.';
COMMENT ON COLUMN log.snapshots.format IS 'Fingerprint of the state''s shape: a snapshot of another shape is not used.';

CREATE TABLE log.ticket_numbers (
    workspace_id uuid PRIMARY KEY,
    next bigint NOT NULL
);
COMMENT ON TABLE log.ticket_numbers IS 'The next ticket number of each workspace. Processes reserve blocks, so numbers may have gaps.';

CREATE TABLE vault.keys (
    workspace_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    master_id text NOT NULL,
    wrapped bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (workspace_id, subject_id),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
-- What was destroyed is to leave the table's files soon, not when a fifth of the table has changed.
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE vault.keys IS 'The content key of each ticket, requester and person, wrapped by a master key. A destroyed key stays as a row without a key.';

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: history is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Record what changed as a new event.';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.commands
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER keys_stay BEFORE DELETE OR TRUNCATE ON vault.keys
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- The workspace that this session or transaction is bound to; NULL where it is bound to none.
CREATE FUNCTION log.bound_workspace() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('ledgerdesk.workspace', true), '')::uuid $$;

CREATE FUNCTION log.check_bound(workspaces uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF log.bound_workspace() <> ANY (workspaces) THEN
        RAISE EXCEPTION 'this session is bound to another workspace' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['log.stored_events', 'log.commands', 'log.snapshots', 'log.ticket_numbers', 'vault.keys'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_workspace ON %s TO ledgerdesk_reader USING (workspace_id = (SELECT log.bound_workspace()))', name);
        EXECUTE format('CREATE POLICY all_workspaces ON %s TO ledgerdesk_worker USING (true)', name);
    END LOOP;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT USAGE ON SCHEMA log, vault TO ledgerdesk_reader, ledgerdesk_worker, ledgerdesk_writer;
GRANT SELECT ON log.stored_events, log.commands, log.snapshots, vault.keys TO ledgerdesk_reader, ledgerdesk_worker;
GRANT EXECUTE ON FUNCTION log.bound_workspace() TO ledgerdesk_reader, ledgerdesk_worker, ledgerdesk_writer;
RESET ROLE;
