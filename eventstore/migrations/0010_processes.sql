-- What process managers keep: what is due, what they remember, and what they could not take in.

CREATE SCHEMA processes AUTHORIZATION ledgerdesk_owner;
SET LOCAL ROLE ledgerdesk_owner;
COMMENT ON SCHEMA processes IS 'What process managers keep beside the log: timers, memories, dead letters.';

CREATE TABLE processes.timers (
    ticket_id uuid NOT NULL,
    process text NOT NULL,
    key text NOT NULL,
    workspace_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    wake_at timestamptz NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    cause uuid,
    correlation uuid,
    -- A ticket's timers are found by it alone: they fire one after the other.
    PRIMARY KEY (ticket_id, process, key)
);
CREATE INDEX timers_wake_idx ON processes.timers (wake_at);
CREATE INDEX timers_workspace_idx ON processes.timers (workspace_id, process);
COMMENT ON TABLE processes.timers IS 'What is due for a ticket and when; a row goes when its timer fires.';
COMMENT ON COLUMN processes.timers.key IS 'The process''s own name for it: one timer a ticket and key.';
COMMENT ON COLUMN processes.timers.wake_at IS 'When it is looked at: when it is due, or sooner where what it rests on has changed.';
COMMENT ON COLUMN processes.timers.cause IS 'The event that set it.';
COMMENT ON COLUMN processes.timers.correlation IS 'The correlation id of that event.';

CREATE TABLE processes.memories (
    process text NOT NULL,
    workspace_id uuid NOT NULL,
    state jsonb NOT NULL,
    PRIMARY KEY (process, workspace_id)
);
COMMENT ON TABLE processes.memories IS 'What a process remembers of a workspace, as of its checkpoint.';

CREATE TABLE processes.dead_letters (
    letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    process text NOT NULL,
    workspace_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    number text,
    position bigint,
    timer jsonb,
    topics text[] NOT NULL DEFAULT '{}',
    error text,
    attempts int NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'retry', 'skipped', 'done')),
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_at timestamptz,
    resolved_by jsonb,
    CHECK ((position IS NULL) <> (timer IS NULL)),
    UNIQUE (process, position)
);
CREATE INDEX dead_letters_open_idx ON processes.dead_letters (process, stream_id, position) WHERE state IN ('waiting', 'retry');
CREATE INDEX dead_letters_workspace_idx ON processes.dead_letters (workspace_id, letter_id);
COMMENT ON TABLE processes.dead_letters IS 'What a process failed at, and what came for the same ticket since: in order, until somebody decides.';
COMMENT ON COLUMN processes.dead_letters.stream_id IS 'The ticket, or whatever else the event was of.';
COMMENT ON COLUMN processes.dead_letters.number IS 'The ticket''s number, where it is one and the process knew it.';
COMMENT ON COLUMN processes.dead_letters.position IS 'Place in the log of the first event that it is about; NULL for a timer.';
COMMENT ON COLUMN processes.dead_letters.timer IS 'The timer that failed.';
COMMENT ON COLUMN processes.dead_letters.topics IS 'Names of the events.';
COMMENT ON COLUMN processes.dead_letters.error IS 'Kind of the failure; NULL where it only waits behind an earlier one.';
COMMENT ON COLUMN processes.dead_letters.attempts IS 'How often it was tried.';
COMMENT ON COLUMN processes.dead_letters.state IS 'waiting for somebody to decide; retry as soon as the process comes to it; skipped or done by whoever resolved it.';

-- Of the whole installation, without anybody's content: what operators watch.
CREATE VIEW processes.progress AS
SELECT t.application_name AS process, t.notification_id AS position, head.position AS head,
    head.position - t.notification_id AS lag_events,
    (SELECT count(*) FROM processes.dead_letters d WHERE d.process = t.application_name AND d.state IN ('waiting', 'retry')) AS parked
FROM log.notification_tracking t, LATERAL (SELECT coalesce(max(e.notification_id), 0) AS position FROM log.stored_events e) head;
COMMENT ON VIEW processes.progress IS 'How far each process manager has followed the log.';
COMMENT ON COLUMN processes.progress.position IS 'Everything up to this position of the log has been reacted to, or is parked.';
COMMENT ON COLUMN processes.progress.head IS 'Position of the newest event of the log.';
COMMENT ON COLUMN processes.progress.lag_events IS 'How many events it is behind.';
COMMENT ON COLUMN processes.progress.parked IS 'Dead letters that nobody has resolved.';

CREATE FUNCTION processes.overdue_seconds() RETURNS float8
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT greatest(0, extract(epoch FROM clock_timestamp() - min(t.wake_at)))::float8 FROM processes.timers t;
$$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['processes.timers', 'processes.memories', 'processes.dead_letters'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_workspace ON %s FOR SELECT TO ledgerdesk_reader USING (workspace_id = (SELECT log.bound_workspace()))', name);
        EXECUTE format('CREATE POLICY all_workspaces ON %s TO ledgerdesk_worker USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;

-- Decides on a letter: `retry` begins again with the first that waits for the same ticket, `skipped` passes over this one.
-- Answers whether it waited.
CREATE FUNCTION processes.resolve(workspace uuid, letter bigint, decided text, who jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen processes.dead_letters;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    SELECT * INTO chosen FROM processes.dead_letters d
    WHERE d.letter_id = letter AND d.workspace_id = workspace AND d.state = 'waiting' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF chosen.timer IS NOT NULL AND decided = 'retry' THEN
        INSERT INTO processes.timers SELECT t.* FROM jsonb_populate_record(NULL::processes.timers, chosen.timer) t
        ON CONFLICT DO NOTHING;
        decided := 'done';
    END IF;
    UPDATE processes.dead_letters d SET state = decided, resolved_by = who,
        resolved_at = CASE WHEN decided <> 'retry' THEN clock_timestamp() END
    WHERE d.letter_id = letter;
    -- Those before and behind it: a retry is of all, and where the one that failed is passed over the others go on.
    IF chosen.position IS NOT NULL AND (decided = 'retry' OR chosen.error IS NOT NULL) THEN
        UPDATE processes.dead_letters d SET state = 'retry', resolved_by = who
        WHERE d.process = chosen.process AND d.stream_id = chosen.stream_id AND d.state = 'waiting' AND d.position IS NOT NULL;
    END IF;
    PERFORM pg_notify('processes', chosen.process);
    RETURN true;
END $$;

-- Moves a process on from where its owner believes it to be; anywhere else somebody was faster, a unique violation.
CREATE FUNCTION processes.advance(process text, from_ bigint, to_ bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO log.notification_tracking AS t VALUES (process, to_)
    ON CONFLICT (application_name) DO UPDATE SET notification_id = to_ WHERE t.notification_id = from_;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'process % is not at %', process, from_ USING ERRCODE = 'unique_violation';
    END IF;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA processes FROM PUBLIC;
GRANT USAGE ON SCHEMA processes TO ledgerdesk_reader, ledgerdesk_writer, ledgerdesk_worker;
GRANT EXECUTE ON FUNCTION processes.resolve TO ledgerdesk_writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA processes TO ledgerdesk_worker;
GRANT SELECT ON ALL TABLES IN SCHEMA processes TO ledgerdesk_reader;
GRANT EXECUTE ON FUNCTION processes.overdue_seconds TO ledgerdesk_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA processes TO ledgerdesk_worker;
-- What a process decides is appended in the transaction that moves its checkpoint.
GRANT EXECUTE ON FUNCTION log.append TO ledgerdesk_worker;
RESET ROLE;
