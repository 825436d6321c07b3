-- Read models that several workers keep, each the partitions of Kafka that it was given.

SET LOCAL ROLE ledgerdesk_worker;

CREATE TABLE ops.partitions (
    build bigint NOT NULL REFERENCES ops.builds ON DELETE CASCADE,
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (build, topic, partition)
);
COMMENT ON TABLE ops.partitions IS 'How far builds are that are fed from Kafka, moved in the transaction that writes their tables. The position of the build is the least of them.';
COMMENT ON COLUMN ops.partitions.build IS 'Of which tables; ops.builds.';
COMMENT ON COLUMN ops.partitions.next_offset IS 'Where in the partition to go on.';
COMMENT ON COLUMN ops.partitions.position IS 'Every event of the partition up to this position of the log is in the tables.';
RESET ROLE;
