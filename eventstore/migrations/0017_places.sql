-- Processes that several workers share, each the partitions of Kafka that it was given.

SET LOCAL ROLE ledgerdesk_owner;

CREATE TABLE processes.places (
    process text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (process, topic, partition)
);
COMMENT ON TABLE processes.places IS 'How far processes are that are fed from Kafka, moved in the transaction that records what they led to.';
COMMENT ON COLUMN processes.places.process IS 'Its name.';
COMMENT ON COLUMN processes.places.topic IS 'The topic of all events.';
COMMENT ON COLUMN processes.places.next_offset IS 'Where in the partition to go on; -1 while the log fills a gap.';
COMMENT ON COLUMN processes.places.position IS 'Every event of the partition up to this position of the log has been reacted to, or is parked. Whoever follows the log passes over it.';
GRANT SELECT ON processes.places TO ledgerdesk_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON processes.places TO ledgerdesk_worker;

CREATE OR REPLACE VIEW processes.progress AS
SELECT t.process, t.position, head.position AS head, head.position - t.position AS lag_events,
    (SELECT count(*) FROM processes.dead_letters d WHERE d.process = t.process AND d.state IN ('waiting', 'retry')) AS parked
FROM (SELECT coalesce(t.application_name, p.process) AS process, greatest(t.notification_id, p.position) AS position
    FROM log.notification_tracking t
    FULL JOIN (SELECT process, min(position) AS position FROM processes.places GROUP BY process) p
        ON p.process = t.application_name) t,
LATERAL (SELECT coalesce(max(e.notification_id), 0) AS position FROM log.stored_events e) head;

-- Whose action triggers went by is read from the ticket's own events.
DELETE FROM processes.memories WHERE process = 'notifications';
RESET ROLE;
