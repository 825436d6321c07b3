-- How promises stand, as rows: no event has a moment at which something is due, so whoever keeps promises keeps this too.

-- Who owns the table says by the same function as read models what analysts may see.
SET LOCAL ROLE ledgerdesk_worker;
GRANT USAGE ON SCHEMA ops TO ledgerdesk_owner;
SET LOCAL ROLE ledgerdesk_owner;

CREATE TABLE processes.sla_clocks (
    ticket_id uuid NOT NULL,
    measure text NOT NULL,
    workspace_id uuid NOT NULL,
    number text NOT NULL,
    policy text NOT NULL,
    policy_version int NOT NULL,
    calendar text,
    calendar_version int,
    state text NOT NULL CHECK (state IN ('running', 'paused', 'late', 'kept', 'broken')),
    since timestamptz NOT NULL,
    target_seconds bigint NOT NULL,
    due_at timestamptz,
    met_at timestamptz,
    breached_at timestamptz,
    occasions int NOT NULL,
    breaches int NOT NULL,
    PRIMARY KEY (ticket_id, measure)
);
-- What is due in the next hour.
CREATE INDEX sla_clocks_due_idx ON processes.sla_clocks (workspace_id, due_at) WHERE met_at IS NULL;
COMMENT ON TABLE processes.sla_clocks IS 'How the promises about tickets stand; written by the process sla_clock, read as desk.sla_clocks.';

ALTER TABLE processes.sla_clocks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON processes.sla_clocks FOR SELECT TO ledgerdesk_reader USING (workspace_id = (SELECT log.bound_workspace()));
CREATE POLICY granted_workspaces ON processes.sla_clocks FOR SELECT TO analyst
    USING (workspace_id = ANY ((SELECT ops.readable_workspaces())::uuid[]));
CREATE POLICY all_workspaces ON processes.sla_clocks TO ledgerdesk_worker USING (true) WITH CHECK (true);
GRANT SELECT ON processes.sla_clocks TO ledgerdesk_reader, analyst;
GRANT SELECT, INSERT, UPDATE, DELETE ON processes.sla_clocks TO ledgerdesk_worker;

-- Follows the log once more to fill it; what was done because of it is not done again.
UPDATE log.notification_tracking SET notification_id = 0 WHERE application_name = 'sla_clock';

SET LOCAL ROLE ledgerdesk_worker;
CREATE VIEW desk.sla_clocks WITH (security_invoker = true) AS
SELECT workspace_id, ticket_id, number, measure, policy, policy_version, calendar, calendar_version, state, since,
    target_seconds, due_at, met_at, breached_at, occasions, breaches
FROM processes.sla_clocks;
COMMENT ON VIEW desk.sla_clocks IS 'One row a ticket and measure of its policy: how the newest thing stands that was waited for. Finished work stays as it was promised when it ended.';
COMMENT ON COLUMN desk.sla_clocks.workspace_id IS 'The desk that it belongs to.';
COMMENT ON COLUMN desk.sla_clocks.ticket_id IS 'The ticket''s stream in the log; desk.ticket_list.';
COMMENT ON COLUMN desk.sla_clocks.number IS 'What people call the ticket.';
COMMENT ON COLUMN desk.sla_clocks.measure IS 'What is waited for: accept, first_response, next_response, resolution, follow_up or update.';
COMMENT ON COLUMN desk.sla_clocks.policy IS 'Key of the policy that promises it.';
COMMENT ON COLUMN desk.sla_clocks.policy_version IS 'Its version.';
COMMENT ON COLUMN desk.sla_clocks.calendar IS 'Key of the calendar that days or hours are taken from, or NULL.';
COMMENT ON COLUMN desk.sla_clocks.calendar_version IS 'Its version.';
COMMENT ON COLUMN desk.sla_clocks.state IS 'running; paused; late: not done yet and not in time; kept: done in time; broken: done too late.';
COMMENT ON COLUMN desk.sla_clocks.since IS 'Since when it is, or was, waited for.';
COMMENT ON COLUMN desk.sla_clocks.target_seconds IS 'How much time was promised, of the time that counts.';
COMMENT ON COLUMN desk.sla_clocks.due_at IS 'When it is, or was, due; NULL while it is paused before it was due.';
COMMENT ON COLUMN desk.sla_clocks.met_at IS 'When it was done; NULL while it is not.';
COMMENT ON COLUMN desk.sla_clocks.breached_at IS 'When it became late; NULL if it did not.';
COMMENT ON COLUMN desk.sla_clocks.occasions IS 'How many times this was waited for on the ticket, this one included.';
COMMENT ON COLUMN desk.sla_clocks.breaches IS 'How many of these were late.';
GRANT SELECT ON desk.sla_clocks TO ledgerdesk_reader, analyst;
RESET ROLE;
