-- Jobs that whoever asks for them does at once: rows like the others, so that they are seen and undone like the others.

SET LOCAL ROLE ledgerdesk_owner;

-- Takes a job on and begins it for its asker. Answers as jobs.ask. Should the asker die, a worker goes on after the lease.
CREATE FUNCTION jobs.begin(
    job uuid, workspace uuid, kind_ text, by_ jsonb, wanted jsonb, most int, asker uuid, lease interval
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    verdict text := jobs.ask(job, workspace, kind_, by_, wanted, most);
BEGIN
    IF verdict = 'new' THEN
        UPDATE jobs.jobs j SET state = 'running', owner = asker, locked_until = clock_timestamp() + lease, attempts = 1,
            started_at = clock_timestamp()
        WHERE j.job_id = job;
    END IF;
    RETURN verdict;
END $$;

-- Ends a job that its asker did at once, with what came of each ticket. Answers whether it was still the asker's.
CREATE FUNCTION jobs.finish(
    job uuid, workspace uuid, asker uuid, item_ text[], state_ text[], code_ text[], detail_ jsonb[]
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    UPDATE jobs.jobs j SET state = 'done', checkpoint = '{"over": true}', total = cardinality(item_),
        done = (SELECT count(*) FROM unnest(state_) s WHERE s = 'done'),
        failed = (SELECT count(*) FROM unnest(state_) s WHERE s = 'failed'),
        finished_at = clock_timestamp(), owner = NULL, locked_until = NULL
    WHERE j.job_id = job AND j.workspace_id = workspace AND j.owner = asker AND j.state = 'running';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO jobs.items (job_id, workspace_id, place, item, state, code, detail)
    SELECT job, workspace, n.place, n.item, n.state, n.code, n.detail
    FROM unnest(item_, state_, code_, detail_) WITH ORDINALITY AS n (item, state, code, detail, place);
    PERFORM pg_notify('jobs', '');
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION jobs.begin, jobs.finish FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.begin, jobs.finish TO ledgerdesk_writer;
RESET ROLE;
