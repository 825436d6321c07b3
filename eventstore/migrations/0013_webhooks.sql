-- Webhooks go out by the delivery table too: what each attempt came to, how each endpoint is, and sending again.

SET LOCAL ROLE ledgerdesk_owner;

ALTER TABLE processes.deliveries ADD COLUMN begun_at timestamptz;
COMMENT ON COLUMN processes.deliveries.begun_at IS 'Since when it is tried again by somebody''s wish; NULL where only since asked_at.';
COMMENT ON COLUMN processes.deliveries.channel IS 'By which way: mail or webhook.';
COMMENT ON COLUMN processes.deliveries.recipient IS 'Whom, as person:, requester: or webhook: and an id; the address is looked up when it is sent.';
COMMENT ON COLUMN processes.deliveries.delivery_id IS 'The same however often it is sent; a mail''s Message-ID and a webhook-id follow from it.';

-- Each endpoint's own queue, so that a long one is never read through to find another's.
CREATE INDEX deliveries_webhook_due_idx ON processes.deliveries (recipient, due_at)
    WHERE channel = 'webhook' AND state IN ('waiting', 'sending');
CREATE INDEX deliveries_webhook_log_idx ON processes.deliveries (recipient, asked_at DESC, delivery_id DESC) WHERE channel = 'webhook';

ALTER TABLE processes.delivery_attempts ADD COLUMN status int, ADD COLUMN duration_ms int, ADD COLUMN exchange bytea;
COMMENT ON COLUMN processes.delivery_attempts.status IS 'HTTP status of the answer; NULL where none came, or it was no webhook.';
COMMENT ON COLUMN processes.delivery_attempts.duration_ms IS 'How long it took.';
COMMENT ON COLUMN processes.delivery_attempts.exchange IS 'Headers both ways and the beginning of the answer, encrypted under the ticket''s key: gone with it.';

CREATE TABLE processes.endpoints (
    recipient text PRIMARY KEY,
    workspace_id uuid NOT NULL,
    failing_since timestamptz,
    failures int NOT NULL DEFAULT 0,
    tried_at timestamptz NOT NULL,
    outcome text NOT NULL
);
COMMENT ON TABLE processes.endpoints IS 'How the endpoint of each webhook is.';
COMMENT ON COLUMN processes.endpoints.recipient IS 'The webhook, as deliveries name it.';
COMMENT ON COLUMN processes.endpoints.failing_since IS 'Since when it has taken nothing; NULL where it took the last.';
COMMENT ON COLUMN processes.endpoints.failures IS 'How many attempts failed since.';
COMMENT ON COLUMN processes.endpoints.tried_at IS 'When it was tried last.';
COMMENT ON COLUMN processes.endpoints.outcome IS 'What that came to.';
ALTER TABLE processes.endpoints ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON processes.endpoints FOR SELECT TO ledgerdesk_reader USING (workspace_id = (SELECT log.bound_workspace()));
CREATE POLICY all_workspaces ON processes.endpoints TO ledgerdesk_worker USING (true) WITH CHECK (true);
GRANT SELECT ON processes.endpoints TO ledgerdesk_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON processes.endpoints TO ledgerdesk_worker;

-- Of the whole installation, without anybody's content: what operators watch.
CREATE FUNCTION processes.webhook_figures(OUT pending bigint, OUT failing bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT count(*) FROM processes.deliveries d WHERE d.channel = 'webhook' AND d.state IN ('waiting', 'sending')),
        (SELECT count(*) FROM processes.endpoints e WHERE e.failing_since IS NOT NULL);
$$;

-- Sends again to one webhook: one delivery, or all that were asked for since a time. Answers how many.
CREATE FUNCTION processes.redeliver(workspace uuid, whom text, delivery uuid, since timestamptz, only_failed boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    UPDATE processes.deliveries d SET state = 'waiting', due_at = clock_timestamp(), begun_at = clock_timestamp(), ended_at = NULL
    WHERE d.workspace_id = workspace AND d.channel = 'webhook' AND d.recipient = whom AND d.state <> 'sending'
        AND CASE WHEN delivery IS NULL THEN d.asked_at >= since ELSE d.delivery_id = delivery END
        AND (NOT only_failed OR d.state <> 'sent');
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;

-- As before, and what is tried again begins anew.
CREATE OR REPLACE FUNCTION processes.deliver_again(workspace uuid, delivery uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    UPDATE processes.deliveries d SET state = 'waiting', due_at = clock_timestamp(), ended_at = NULL, begun_at = clock_timestamp(),
        asked_at = CASE WHEN d.state = 'dead' AND d.channel <> 'webhook' THEN clock_timestamp() ELSE d.asked_at END
    WHERE d.workspace_id = workspace AND CASE WHEN delivery IS NULL THEN d.state = 'dead'
        ELSE d.delivery_id = delivery AND d.state IN ('dead', 'waiting') END;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;

REVOKE ALL ON FUNCTION processes.webhook_figures(), processes.redeliver(uuid, text, uuid, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION processes.webhook_figures() TO ledgerdesk_reader, ledgerdesk_worker;
GRANT EXECUTE ON FUNCTION processes.redeliver(uuid, text, uuid, timestamptz, boolean) TO ledgerdesk_writer;
RESET ROLE;
