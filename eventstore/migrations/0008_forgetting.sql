-- What is erased is erased everywhere: files of exports that may have it go with its key.

SET LOCAL ROLE ledgerdesk_owner;

CREATE FUNCTION jobs.forget_exports(workspace uuid, subject uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    -- A draft that was thrown away is in no export.
    IF EXISTS (SELECT FROM log.stored_events e WHERE e.originator_id = subject AND e.workspace_id = workspace
            AND e.topic IN ('ticket.opened', 'requester.registered')) THEN
        DELETE FROM jobs.files f USING jobs.jobs j
        WHERE j.job_id = f.file_id AND j.workspace_id = workspace AND f.workspace_id = workspace AND j.kind = 'export';
    END IF;
END $$;

REVOKE ALL ON FUNCTION jobs.forget_exports(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.forget_exports(uuid, uuid) TO ledgerdesk_writer;
RESET ROLE;
