-- Who may come in: sign-ins, sessions and API keys. Secrets are kept as hashes only; nothing here is history.

CREATE SCHEMA access AUTHORIZATION ledgerdesk_owner;
SET LOCAL ROLE ledgerdesk_owner;

CREATE TABLE access.credentials (
    workspace_id uuid NOT NULL,
    person_id uuid NOT NULL,
    login text NOT NULL,
    password_hash text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, person_id),
    UNIQUE (workspace_id, login)
);
COMMENT ON TABLE access.credentials IS 'How a person signs in.';
COMMENT ON COLUMN access.credentials.login IS 'In lower case.';
COMMENT ON COLUMN access.credentials.password_hash IS 'Argon2id, with its parameters.';

CREATE TABLE access.sessions (
    token_hash bytea PRIMARY KEY,
    workspace_id uuid NOT NULL,
    person_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_person_idx ON access.sessions (workspace_id, person_id);
COMMENT ON TABLE access.sessions IS 'Signed-in browsers.';
COMMENT ON COLUMN access.sessions.token_hash IS 'SHA-256 of the cookie, which only the browser keeps.';
COMMENT ON COLUMN access.sessions.seen_at IS 'Last use, exact to a minute.';

CREATE TABLE access.api_keys (
    key_id uuid PRIMARY KEY,
    secret_hash bytea NOT NULL UNIQUE,
    workspace_id uuid NOT NULL,
    person_id uuid NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_person_idx ON access.api_keys (workspace_id, person_id);
COMMENT ON TABLE access.api_keys IS 'Keys of programs; each acts for a person, within its scopes.';
COMMENT ON COLUMN access.api_keys.secret_hash IS 'SHA-256 of the key, which is shown once.';
COMMENT ON COLUMN access.api_keys.used_at IS 'Last use, exact to a minute.';

CREATE TABLE access.guesses (
    subject bytea PRIMARY KEY,
    failures int NOT NULL,
    last_at timestamptz NOT NULL,
    locked_until timestamptz NOT NULL
);
CREATE INDEX guesses_last_idx ON access.guesses (last_at);
COMMENT ON TABLE access.guesses IS 'Wrong passwords in a row, by login and by network address.';
COMMENT ON COLUMN access.guesses.subject IS 'SHA-256 of the login (whether it exists or not) or of the address.';

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['access.credentials', 'access.sessions', 'access.api_keys'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_workspace ON %s TO ledgerdesk_reader USING (workspace_id = (SELECT log.bound_workspace()))', name);
    END LOOP;
    ALTER TABLE access.guesses ENABLE ROW LEVEL SECURITY;
END $$;

-- Whether this session may touch rows of the workspace: bound to it, or to none.
CREATE FUNCTION access.open_to(workspace uuid) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS
    $$ SELECT coalesce(log.bound_workspace(), workspace) = workspace $$;

-- Seconds until the next password may be tried: 0 at first, then doubling from the fifth wrong one to 15 minutes.
CREATE FUNCTION access.locked_for(subjects bytea[]) RETURNS float8
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(max(greatest(0, extract(epoch FROM g.locked_until - clock_timestamp()))), 0)::float8
    FROM access.guesses g WHERE g.subject = ANY (subjects);
$$;

-- `allowed` is how many wrong ones each subject has before it is locked: an address may be a whole company's.
CREATE FUNCTION access.count_guess(subjects bytea[], allowed int[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO access.guesses AS g (subject, failures, last_at, locked_until)
    SELECT s.subject, 1, clock_timestamp(), clock_timestamp() FROM unnest(subjects) s (subject) ORDER BY 1
    ON CONFLICT (subject) DO UPDATE SET last_at = clock_timestamp(),
        failures = CASE WHEN g.last_at < clock_timestamp() - interval '1 day' THEN 1 ELSE g.failures + 1 END;
    UPDATE access.guesses g SET locked_until = clock_timestamp()
        + least(900, power(2, least(20, g.failures - a.allowed))) * interval '1 second'
    FROM unnest(subjects, allowed) a (subject, allowed)
    WHERE g.subject = a.subject AND g.failures >= a.allowed;
    -- A row that another session holds is left to it: two that wait for each other's rows would never end.
    DELETE FROM access.guesses g WHERE g.subject IN (
        SELECT o.subject FROM access.guesses o WHERE o.last_at < clock_timestamp() - interval '2 days'
        ORDER BY o.last_at LIMIT 1000 FOR UPDATE SKIP LOCKED);
$$;

-- The right password came: nothing was wrong with this login, and one less with its address.
CREATE FUNCTION access.forgive(login_ bytea, address bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    -- Held in the order in which guesses are counted.
    SELECT FROM access.guesses g WHERE g.subject IN (login_, address) ORDER BY g.subject FOR UPDATE;
    DELETE FROM access.guesses g WHERE g.subject = login_;
    UPDATE access.guesses g SET failures = greatest(0, g.failures - 1), locked_until = clock_timestamp() WHERE g.subject = address;
$$;

CREATE FUNCTION access.credential(workspace uuid, login_ text) RETURNS TABLE (person_id uuid, password_hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.person_id, c.password_hash FROM access.credentials c
    WHERE c.workspace_id = workspace AND c.login = login_ AND access.open_to(workspace);
$$;

-- A new password ends every session that the old one began.
CREATE FUNCTION access.set_credential(workspace uuid, person uuid, login_ text, hash text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    INSERT INTO access.credentials AS c VALUES (workspace, person, login_, hash)
    ON CONFLICT (workspace_id, person_id) DO UPDATE SET login = login_, password_hash = hash, changed_at = now();
    DELETE FROM access.sessions s WHERE s.workspace_id = workspace AND s.person_id = person;
END $$;

CREATE FUNCTION access.open_session(workspace uuid, person uuid, hash bytea, lasts interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    DELETE FROM access.sessions s WHERE s.workspace_id = workspace AND s.person_id = person AND s.expires_at < now();
    INSERT INTO access.sessions (token_hash, workspace_id, person_id, expires_at) VALUES (hash, workspace, person, now() + lasts);
END $$;

CREATE FUNCTION access.session(hash bytea) RETURNS TABLE (workspace_id uuid, person_id uuid)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE access.sessions s SET seen_at = now() WHERE s.token_hash = hash AND s.seen_at < now() - interval '1 minute';
    SELECT s.workspace_id, s.person_id FROM access.sessions s
    WHERE s.token_hash = hash AND s.expires_at > now() AND access.open_to(s.workspace_id);
$$;

CREATE FUNCTION access.close_session(hash bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
    $$ DELETE FROM access.sessions s WHERE s.token_hash = hash AND access.open_to(s.workspace_id) $$;

CREATE FUNCTION access.close_sessions(workspace uuid, person uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM access.sessions s WHERE s.workspace_id = workspace AND s.person_id = person AND access.open_to(workspace);
$$;

CREATE FUNCTION access.add_api_key(workspace uuid, person uuid, id uuid, hash bytea, name_ text, scopes_ text[], until timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    INSERT INTO access.api_keys (key_id, secret_hash, workspace_id, person_id, name, scopes, expires_at)
    VALUES (id, hash, workspace, person, name_, scopes_, until);
END $$;

CREATE FUNCTION access.api_key(hash bytea) RETURNS TABLE (workspace_id uuid, person_id uuid, key_id uuid, scopes text[])
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE access.api_keys k SET used_at = now()
    WHERE k.secret_hash = hash AND (k.used_at IS NULL OR k.used_at < now() - interval '1 minute');
    SELECT k.workspace_id, k.person_id, k.key_id, k.scopes FROM access.api_keys k
    WHERE k.secret_hash = hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
        AND access.open_to(k.workspace_id);
$$;

-- Answers whether there was such a key.
CREATE FUNCTION access.revoke_api_key(workspace uuid, id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    UPDATE access.api_keys k SET revoked_at = coalesce(k.revoked_at, now()) WHERE k.key_id = id AND k.workspace_id = workspace;
    RETURN FOUND;
END $$;

CREATE FUNCTION access.revoke_person(workspace uuid, person uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM log.check_bound(ARRAY[workspace]);
    DELETE FROM access.sessions s WHERE s.workspace_id = workspace AND s.person_id = person;
    UPDATE access.api_keys k SET revoked_at = now()
    WHERE k.workspace_id = workspace AND k.person_id = person AND k.revoked_at IS NULL;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
GRANT USAGE ON SCHEMA access TO ledgerdesk_reader, ledgerdesk_writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA access TO ledgerdesk_writer;
GRANT SELECT (workspace_id, person_id, login, changed_at) ON access.credentials TO ledgerdesk_reader;
GRANT SELECT (workspace_id, person_id, created_at, seen_at, expires_at) ON access.sessions TO ledgerdesk_reader;
GRANT SELECT (key_id, workspace_id, person_id, name, scopes, created_at, expires_at, used_at, revoked_at)
    ON access.api_keys TO ledgerdesk_reader;
RESET ROLE;
