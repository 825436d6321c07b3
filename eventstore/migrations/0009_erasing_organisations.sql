-- An organisation is erased as a requester is: its key goes once the log has the request, and the exports that may name it.

SET LOCAL ROLE ledgerdesk_owner;

CREATE OR REPLACE FUNCTION vault.destroy_key(workspace uuid, subject uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    destroyed boolean;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    IF NOT EXISTS (SELECT FROM log.stored_events e WHERE e.originator_id = subject AND e.workspace_id = workspace
                   AND e.topic IN ('ticket.erasure_requested', 'requester.erasure_requested', 'organisation.erasure_requested')) THEN
        RAISE EXCEPTION 'the log has no request to erase this' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE vault.keys k SET wrapped = NULL, destroyed_at = clock_timestamp()
    WHERE k.subject_id = subject AND k.workspace_id = workspace AND k.destroyed_at IS NULL;
    destroyed := FOUND;
    DELETE FROM log.snapshots s WHERE s.originator_id = subject;
    RETURN destroyed;
END $$;

CREATE OR REPLACE FUNCTION jobs.forget_exports(workspace uuid, subject uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    -- A draft that was thrown away is in no export.
    IF EXISTS (SELECT FROM log.stored_events e WHERE e.originator_id = subject AND e.workspace_id = workspace
            AND e.topic IN ('ticket.opened', 'requester.registered', 'organisation.added')) THEN
        DELETE FROM jobs.files f USING jobs.jobs j
        WHERE j.job_id = f.file_id AND j.workspace_id = workspace AND f.workspace_id = workspace AND j.kind = 'export';
    END IF;
END $$;
RESET ROLE;
