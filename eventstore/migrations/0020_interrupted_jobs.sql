-- A job whose owner died within a step has done some of it: whoever has it next tells what, before the job is cancelled.
SET LOCAL ROLE ledgerdesk_owner;

CREATE OR REPLACE FUNCTION jobs.cancel(job uuid, workspace uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    UPDATE jobs.jobs j SET cancel_requested = true,
        state = CASE WHEN j.owner IS NULL THEN 'cancelled' ELSE j.state END,
        finished_at = CASE WHEN j.owner IS NULL THEN clock_timestamp() END
    WHERE j.job_id = job AND j.workspace_id = workspace AND j.state IN ('queued', 'running');
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pg_notify('jobs', '');
    RETURN true;
END $$;
RESET ROLE;
