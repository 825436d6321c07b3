-- The only ways to write: each one function, one round trip.

SET LOCAL ROLE ledgerdesk_owner;

-- An advisory lock would do, but anybody who may sign in, an analyst too, could take it and hold the log up.
CREATE TABLE log.turn ();
COMMENT ON TABLE log.turn IS 'Holds nothing: whoever appends has it locked until commit, one after the other.';

-- Appends a batch of calls, each with its own verdict: done, repeat (a known command id: the first answer) or
-- conflict (the stream is not where the caller thought). One call is one command on one stream; a caller puts at most
-- one call for a stream and for a command id into a batch. Positions are handed out under a lock that is held until
-- commit, so nobody who has read position n will ever see anything appear below it.
CREATE FUNCTION log.append(
    call_workspace uuid[], call_command uuid[], call_fingerprint bytea[], call_stream uuid[], call_after bigint[],
    event_call int[], event_topic text[], event_id uuid[], event_state bytea[],
    key_call int[], key_subject uuid[], key_master text[], key_wrapped bytea[]
) RETURNS TABLE (call int, verdict text, stream uuid, version bigint, events int, "position" bigint, fingerprint bytea)
LANGUAGE plpgsql SECURITY DEFINER
-- A plan made while the table was small must not scan it when it is large; planning afresh costs more than running.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    head bigint;
    now_ timestamptz;
BEGIN
    PERFORM log.check_bound(call_workspace);
    LOCK TABLE log.turn IN EXCLUSIVE MODE;
    head := coalesce((SELECT max(e.notification_id) FROM log.stored_events e), 0);
    now_ := clock_timestamp();
    RETURN QUERY
    WITH calls AS MATERIALIZED (
        -- Scalar look-ups, not EXISTS: the planner may turn that into a hash of the whole table.
        SELECT c.*,
            (SELECT 1 FROM log.commands k WHERE k.workspace_id = c.workspace AND k.command_id = c.command LIMIT 1) IS NOT NULL AS known,
            (SELECT 1 FROM log.stored_events e WHERE e.originator_id = c.stream AND e.originator_version = c.after + 1 LIMIT 1) IS NULL
            AND (c.after = 0 OR (SELECT e.workspace_id FROM log.stored_events e WHERE e.originator_id = c.stream
                 AND e.originator_version = c.after LIMIT 1) IS NOT DISTINCT FROM c.workspace) AS current
        FROM unnest(call_workspace, call_command, call_fingerprint, call_stream, call_after)
            WITH ORDINALITY AS c (workspace, command, fingerprint, stream, after, ord)
    ), numbered AS MATERIALIZED (
        SELECT e.call, e.topic, e.id, e.state, c.workspace, c.command, c.stream,
            c.after + row_number() OVER (PARTITION BY e.call ORDER BY e.ord) AS version,
            head + row_number() OVER (ORDER BY e.ord) AS place
        FROM unnest(event_call, event_topic, event_id, event_state) WITH ORDINALITY AS e (call, topic, id, state, ord)
        JOIN calls c ON c.ord = e.call
        WHERE c.current AND NOT c.known
    ), stored AS (
        INSERT INTO log.stored_events
            (originator_id, originator_version, topic, state, notification_id, workspace_id, event_id, command_id, recorded_at)
        SELECT n.stream, n.version, n.topic, n.state, n.place, n.workspace, n.id, n.command, now_ FROM numbered n ORDER BY n.place
    ), results AS MATERIALIZED (
        SELECT c.ord, c.workspace, c.command, c.fingerprint, c.stream,
            coalesce(max(n.version), c.after) AS version, count(n.place)::int AS events, coalesce(max(n.place), head) AS place
        FROM calls c LEFT JOIN numbered n ON n.call = c.ord
        WHERE c.current AND NOT c.known
        GROUP BY c.ord, c.workspace, c.command, c.fingerprint, c.stream, c.after
    ), answered AS (
        INSERT INTO log.commands (workspace_id, command_id, fingerprint, originator_id, version, events, position, recorded_at)
        SELECT r.workspace, r.command, r.fingerprint, r.stream, r.version, r.events, r.place, now_ FROM results r
    ), kept AS (
        INSERT INTO vault.keys (subject_id, workspace_id, master_id, wrapped)
        SELECT k.subject, c.workspace, k.master, k.wrapped
        FROM unnest(key_call, key_subject, key_master, key_wrapped) AS k (call, subject, master, wrapped)
        JOIN calls c ON c.ord = k.call
        WHERE c.current AND NOT c.known
    )
    SELECT r.ord::int, 'done', r.stream, r.version, r.events, r.place, r.fingerprint FROM results r
    UNION ALL
    SELECT c.ord::int, 'repeat', k.originator_id, k.version, k.events, k.position, k.fingerprint
    FROM calls c CROSS JOIN LATERAL (
        SELECT k.* FROM log.commands k WHERE k.workspace_id = c.workspace AND k.command_id = c.command LIMIT 1
    ) k WHERE c.known
    UNION ALL
    SELECT c.ord::int, 'conflict', c.stream, NULL, NULL, NULL, NULL FROM calls c WHERE NOT c.known AND NOT c.current;
    -- One wake-up a batch, without content: the log is the truth, the notification only saves waiting for the poll.
    PERFORM pg_notify('stored_events', '');
END $$;

-- The eventsourcing library's way in: all or nothing, a taken version is a unique violation.
CREATE FUNCTION log.insert_events(
    workspace uuid, event_stream uuid[], event_version bigint[], event_topic text[], event_state bytea[], event_id uuid[],
    tracked text DEFAULT NULL, tracked_id bigint DEFAULT NULL
) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    head bigint;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    IF tracked IS NOT NULL THEN
        PERFORM log.insert_tracking(tracked, tracked_id);
    END IF;
    IF cardinality(event_stream) = 0 THEN
        RETURN;
    END IF;
    LOCK TABLE log.turn IN EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM unnest(event_stream) s WHERE EXISTS (
        SELECT FROM log.stored_events e WHERE e.originator_id = s AND e.workspace_id <> workspace LIMIT 1)) THEN
        RAISE EXCEPTION 'a stream belongs to another workspace' USING ERRCODE = 'insufficient_privilege';
    END IF;
    head := coalesce((SELECT max(e.notification_id) FROM log.stored_events e), 0);
    INSERT INTO log.stored_events
        (originator_id, originator_version, topic, state, notification_id, workspace_id, event_id, recorded_at)
    SELECT n.stream, n.version, n.topic, n.state, head + n.ord, workspace, n.id, clock_timestamp()
    FROM unnest(event_stream, event_version, event_topic, event_state, event_id)
        WITH ORDINALITY AS n (stream, version, topic, state, id, ord)
    ORDER BY n.ord;
    PERFORM pg_notify('stored_events', '');
    RETURN QUERY SELECT head + i FROM generate_series(1, cardinality(event_stream)) i;
END $$;

-- Moves a process forward; a position that is not further is a unique violation, as the library's recorders have it.
CREATE FUNCTION log.insert_tracking(tracked text, tracked_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO log.notification_tracking AS t VALUES (tracked, tracked_id)
    ON CONFLICT (application_name) DO UPDATE SET notification_id = tracked_id WHERE t.notification_id < tracked_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'tracking of % is at % or further already', tracked, tracked_id USING ERRCODE = 'unique_violation';
    END IF;
END $$;

CREATE FUNCTION log.put_snapshot(workspace uuid, stream uuid, at_version bigint, shape text, folded bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    -- Waits for an erasure under way: a snapshot that comes late must not outlive its key.
    PERFORM FROM vault.keys k WHERE k.workspace_id = workspace AND k.subject_id = stream AND k.wrapped IS NOT NULL FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO log.snapshots AS s VALUES (stream, workspace, at_version, shape, folded)
    ON CONFLICT (originator_id) DO UPDATE SET version = at_version, format = shape, state = folded
    WHERE s.workspace_id = workspace AND (s.version < at_version OR s.format <> shape);
END $$;

-- Reserves `count` numbers and returns the first.
CREATE FUNCTION log.reserve_numbers(workspace uuid, count int, first bigint DEFAULT 1001) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reserved bigint;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    INSERT INTO log.ticket_numbers AS t VALUES (workspace, first + count)
    ON CONFLICT (workspace_id) DO UPDATE SET next = t.next + count
    RETURNING t.next - count INTO reserved;
    RETURN reserved;
END $$;

-- Destroys a key, only after the log says that it was asked for. Answers whether a key was there to destroy.
CREATE FUNCTION vault.destroy_key(workspace uuid, subject uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    destroyed boolean;
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    IF NOT EXISTS (SELECT FROM log.stored_events e WHERE e.originator_id = subject AND e.workspace_id = workspace
                   AND e.topic IN ('ticket.erasure_requested', 'requester.erasure_requested')) THEN
        RAISE EXCEPTION 'the log has no request to erase this' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE vault.keys k SET wrapped = NULL, destroyed_at = clock_timestamp()
    WHERE k.subject_id = subject AND k.workspace_id = workspace AND k.destroyed_at IS NULL;
    destroyed := FOUND;
    DELETE FROM log.snapshots s WHERE s.originator_id = subject;
    RETURN destroyed;
END $$;

-- Puts a page of keys under another master key.
CREATE FUNCTION vault.rewrap(workspaces uuid[], subjects uuid[], old_master text, new_master text, rewrapped bytea[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH changed AS (
        UPDATE vault.keys k SET wrapped = n.wrapped, master_id = new_master
        FROM unnest(workspaces, subjects, rewrapped) AS n (workspace, subject, wrapped)
        WHERE k.workspace_id = n.workspace AND k.subject_id = n.subject AND k.master_id = old_master AND k.destroyed_at IS NULL
        RETURNING 1
    ) SELECT count(*) FROM changed;
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log, vault FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA log, vault TO ledgerdesk_writer;
REVOKE EXECUTE ON FUNCTION vault.rewrap FROM ledgerdesk_writer;
GRANT EXECUTE ON FUNCTION vault.rewrap, log.insert_tracking TO ledgerdesk_worker;
GRANT SELECT ON log.notification_tracking TO ledgerdesk_worker;
RESET ROLE;
