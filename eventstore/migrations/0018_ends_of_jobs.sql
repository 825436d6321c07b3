-- A job that has ended says where the log was then: who reads from there on sees all that it did.

SET LOCAL ROLE ledgerdesk_owner;

ALTER TABLE jobs.jobs ADD COLUMN position bigint;
COMMENT ON COLUMN jobs.jobs.position IS 'Place in the log at its end, behind all that it did; NULL while it is unfinished, and where it ended before this was kept.';

-- Whoever ends it: a worker, its asker, or whoever cancels it.
CREATE FUNCTION jobs.mark_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.position := (SELECT coalesce(max(e.notification_id), 0) FROM log.stored_events e);
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION jobs.mark_end FROM PUBLIC;

CREATE TRIGGER mark_end BEFORE UPDATE ON jobs.jobs
FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION jobs.mark_end();
RESET ROLE;
