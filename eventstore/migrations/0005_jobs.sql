-- Work that goes on in the background, and the files that it takes and makes. Nothing here is history: rows go after a week.

CREATE SCHEMA jobs AUTHORIZATION ledgerdesk_owner;
SET LOCAL ROLE ledgerdesk_owner;

CREATE TABLE jobs.jobs (
    job_id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    asked_by jsonb NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    parameters jsonb NOT NULL,
    checkpoint jsonb NOT NULL DEFAULT '{}',
    total bigint,
    done bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    error_code text,
    error text,
    result jsonb,
    started_at timestamptz,
    finished_at timestamptz,
    owner uuid,
    locked_until timestamptz,
    attempts int NOT NULL DEFAULT 0,
    turn_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX jobs_unfinished_idx ON jobs.jobs (turn_at) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_workspace_idx ON jobs.jobs (workspace_id, asked_at, job_id);
CREATE INDEX jobs_finished_idx ON jobs.jobs (finished_at) WHERE finished_at IS NOT NULL;
COMMENT ON TABLE jobs.jobs IS 'Bulk changes, exports and imports: what was asked, how far they are, what came of them. Removed a week after their end.';
COMMENT ON COLUMN jobs.jobs.parameters IS 'What was asked. May be personal content: a filter''s words, a column''s name.';
COMMENT ON COLUMN jobs.jobs.checkpoint IS 'Where to go on: the kind''s own, written with the items of the step that led there.';
COMMENT ON COLUMN jobs.jobs.error_code IS 'Code of the refusal that ended it.';
COMMENT ON COLUMN jobs.jobs.locked_until IS 'Its owner has died unless this is renewed by then; NULL while nobody works on it.';
COMMENT ON COLUMN jobs.jobs.attempts IS 'How often it was taken up since it last came further.';
COMMENT ON COLUMN jobs.jobs.turn_at IS 'When it last had its turn: whoever waits longest is next.';

CREATE TABLE jobs.items (
    job_id uuid NOT NULL REFERENCES jobs.jobs ON DELETE CASCADE,
    place bigint NOT NULL,
    workspace_id uuid NOT NULL,
    item text NOT NULL,
    state text NOT NULL CHECK (state IN ('done', 'failed', 'skipped')),
    code text,
    detail jsonb NOT NULL,
    PRIMARY KEY (job_id, place)
);
CREATE INDEX items_not_done_idx ON jobs.items (job_id, state, place) WHERE state <> 'done';
COMMENT ON TABLE jobs.items IS 'What a job did to each ticket or row, in order.';
COMMENT ON COLUMN jobs.items.item IS 'Number of the ticket, or of the row as a spreadsheet counts.';
COMMENT ON COLUMN jobs.items.code IS 'Code of the refusal; NULL where it was done.';

CREATE TABLE jobs.files (
    file_id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    owner text NOT NULL,
    media_type text NOT NULL,
    name text NOT NULL,
    size bigint,
    sha256 text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX files_created_idx ON jobs.files (created_at);
COMMENT ON TABLE jobs.files IS 'What was sent for an import, and what an export made (file_id is the job''s then). Removed with the job, or after a week.';
COMMENT ON COLUMN jobs.files.size IS 'In bytes; NULL while the file is not whole, and shown to nobody.';

CREATE TABLE jobs.chunks (
    file_id uuid NOT NULL REFERENCES jobs.files ON DELETE CASCADE,
    place int NOT NULL,
    workspace_id uuid NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (file_id, place)
);
COMMENT ON TABLE jobs.chunks IS 'The bytes of files, in order.';

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['jobs.jobs', 'jobs.items', 'jobs.files', 'jobs.chunks'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_workspace ON %s FOR SELECT TO ledgerdesk_reader USING (workspace_id = (SELECT log.bound_workspace()))', name);
        EXECUTE format('CREATE POLICY all_workspaces ON %s TO ledgerdesk_worker USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;

-- Takes a job on. Answers new, same (asked before in the same words), other (that id asked for something else) or full.
CREATE FUNCTION jobs.ask(job uuid, workspace uuid, kind_ text, by_ jsonb, wanted jsonb, most int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jobs.jobs;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    SELECT * INTO known FROM jobs.jobs j WHERE j.job_id = job;
    IF NOT FOUND THEN
        IF (SELECT count(*) FROM jobs.jobs j WHERE j.workspace_id = workspace AND j.state IN ('queued', 'running')) >= most THEN
            RETURN 'full';
        END IF;
        INSERT INTO jobs.jobs (job_id, workspace_id, kind, asked_by, parameters) VALUES (job, workspace, kind_, by_, wanted)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            PERFORM pg_notify('jobs', '');
            RETURN 'new';
        END IF;
        SELECT * INTO known FROM jobs.jobs j WHERE j.job_id = job;
    END IF;
    RETURN CASE WHEN (known.workspace_id, known.kind, known.asked_by, known.parameters) = (workspace, kind_, by_, wanted)
        THEN 'same' ELSE 'other' END;
END $$;

-- Ends a job that nobody works on, or asks its owner to end it. Answers whether it had not ended before.
CREATE FUNCTION jobs.cancel(job uuid, workspace uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    UPDATE jobs.jobs j SET cancel_requested = true,
        state = CASE WHEN coalesce(j.locked_until, '-infinity') < clock_timestamp() THEN 'cancelled' ELSE j.state END,
        finished_at = CASE WHEN coalesce(j.locked_until, '-infinity') < clock_timestamp() THEN clock_timestamp() END
    WHERE j.job_id = job AND j.workspace_id = workspace AND j.state IN ('queued', 'running');
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pg_notify('jobs', '');
    RETURN true;
END $$;

CREATE FUNCTION jobs.begin_file(file uuid, workspace uuid, owner_ text, media_type_ text, name_ text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    INSERT INTO jobs.files (file_id, workspace_id, owner, media_type, name) VALUES (file, workspace, owner_, media_type_, name_);
END $$;

-- A file that is whole takes nothing more.
CREATE FUNCTION jobs.add_chunk(file uuid, workspace uuid, place_ int, bytes_ bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    INSERT INTO jobs.chunks (file_id, place, workspace_id, data) SELECT f.file_id, place_, f.workspace_id, bytes_
    FROM jobs.files f WHERE f.file_id = file AND f.workspace_id = workspace AND f.size IS NULL;
END $$;

CREATE FUNCTION jobs.complete_file(file uuid, workspace uuid, size_ bigint, sha256_ text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    UPDATE jobs.files f SET size = size_, sha256 = sha256_
    WHERE f.file_id = file AND f.workspace_id = workspace AND f.size IS NULL;
END $$;

CREATE FUNCTION jobs.drop_file(file uuid, workspace uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    DELETE FROM jobs.files f WHERE f.file_id = file AND f.workspace_id = workspace
        AND NOT EXISTS (SELECT FROM jobs.jobs j WHERE j.job_id = file);
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT USAGE ON SCHEMA jobs TO ledgerdesk_reader, ledgerdesk_writer, ledgerdesk_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO ledgerdesk_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA jobs TO ledgerdesk_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO ledgerdesk_worker;
RESET ROLE;
