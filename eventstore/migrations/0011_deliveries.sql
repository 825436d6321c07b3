-- What goes out of the desk: mails now, other channels later. Rows have ids, never content: that is put in when it is sent.

SET LOCAL ROLE ledgerdesk_owner;

CREATE TABLE processes.deliveries (
    delivery_id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    channel text NOT NULL,
    recipient text NOT NULL,
    ticket_id uuid NOT NULL,
    detail jsonb NOT NULL,
    gathered boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'dropped', 'dead')),
    due_at timestamptz NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    outcome text,
    asked_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX deliveries_due_idx ON processes.deliveries (channel, due_at, recipient) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_workspace_idx ON processes.deliveries (workspace_id, asked_at DESC, delivery_id);
CREATE INDEX deliveries_ended_idx ON processes.deliveries (ended_at) WHERE ended_at IS NOT NULL;
COMMENT ON TABLE processes.deliveries IS 'What is sent to somebody outside of Ledgerdesk, and what became of it.';
COMMENT ON COLUMN processes.deliveries.delivery_id IS 'The same however often it is sent; a mail''s Message-ID follows from it.';
COMMENT ON COLUMN processes.deliveries.channel IS 'By which way: mail.';
COMMENT ON COLUMN processes.deliveries.recipient IS 'Whom, as person: or requester: and an id; the address is looked up when it is sent.';
COMMENT ON COLUMN processes.deliveries.detail IS 'Which events of the ticket it is about, and why it is sent.';
COMMENT ON COLUMN processes.deliveries.gathered IS 'Whether it goes out in one message with the recipient''s others of that time.';
COMMENT ON COLUMN processes.deliveries.state IS 'waiting until it is due; sending, until due_at, by somebody; sent; dropped where there is no reason any more; dead after too many attempts.';
COMMENT ON COLUMN processes.deliveries.due_at IS 'When it is tried, or tried again.';
COMMENT ON COLUMN processes.deliveries.attempts IS 'How often it was tried.';
COMMENT ON COLUMN processes.deliveries.outcome IS 'What the last attempt came to, as a code; never what a server said.';
COMMENT ON COLUMN processes.deliveries.asked_at IS 'When it was decided that it is sent.';

CREATE TABLE processes.delivery_attempts (
    delivery_id uuid NOT NULL REFERENCES processes.deliveries ON DELETE CASCADE,
    attempt int NOT NULL,
    workspace_id uuid NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL,
    PRIMARY KEY (delivery_id, attempt)
);
COMMENT ON TABLE processes.delivery_attempts IS 'Each attempt of each delivery, and what it came to.';

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['processes.deliveries', 'processes.delivery_attempts'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_workspace ON %s FOR SELECT TO ledgerdesk_reader USING (workspace_id = (SELECT log.bound_workspace()))', name);
        EXECUTE format('CREATE POLICY all_workspaces ON %s TO ledgerdesk_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT ON %s TO ledgerdesk_reader', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO ledgerdesk_worker', name);
    END LOOP;
END $$;

-- Tries dead deliveries again, or those that wait, now: one, or with NULL all dead ones. Answers how many.
CREATE FUNCTION processes.deliver_again(workspace uuid, delivery uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    UPDATE processes.deliveries d SET state = 'waiting', due_at = clock_timestamp(), ended_at = NULL,
        asked_at = CASE WHEN d.state = 'dead' THEN clock_timestamp() ELSE d.asked_at END
    WHERE d.workspace_id = workspace AND CASE WHEN delivery IS NULL THEN d.state = 'dead'
        ELSE d.delivery_id = delivery AND d.state IN ('dead', 'waiting') END;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;

REVOKE ALL ON FUNCTION processes.deliver_again(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION processes.deliver_again(uuid, uuid) TO ledgerdesk_writer, ledgerdesk_worker;
RESET ROLE;
