-- Webhooks are told of what happens to others than tickets too.

SET LOCAL ROLE ledgerdesk_owner;

ALTER TABLE processes.deliveries ALTER COLUMN ticket_id DROP NOT NULL;
ALTER TABLE processes.deliveries ADD COLUMN subject_id uuid;
ALTER TABLE processes.deliveries ADD CONSTRAINT deliveries_about_one CHECK (num_nonnulls(ticket_id, subject_id) = 1);
COMMENT ON COLUMN processes.deliveries.ticket_id IS 'The ticket that it is about; NULL where it is about none.';
COMMENT ON COLUMN processes.deliveries.subject_id IS 'What it is about where that is no ticket: a requester, an organisation, the workspace, a notification.';
COMMENT ON COLUMN processes.deliveries.detail IS 'Which events of the ticket or other subject it is about, and why it is sent.';
COMMENT ON COLUMN processes.delivery_attempts.exchange IS 'Headers both ways and the beginning of the answer, encrypted under the key of what the delivery is about, or of the workspace where that has none: gone with it.';
RESET ROLE;
