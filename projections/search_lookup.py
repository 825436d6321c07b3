"""How the database looks for terms: the functions of TicketSearch's schema, `hits` the one that others call."""

# The planner knows only the commonest terms: of all others it takes a thousand times too many for there, and would walk
# through every ticket to find ten. We know how many tickets have each. Terms of one text go together: the rarest counts in
# full, the next by its root, and so on. Walking to the last hit costs `most * every / expected` tickets that lie side by
# side, the index of words `expected` that lie anywhere. Common words that never meet, or no longer, are not expected: so
# nobody walks further than to where both ways cost the same.
#
# Of few tickets, as of a rare word, each is looked at, by a statement that is planned once: to plan one that is put together
# for a question takes longer.
WAYS = """
    CREATE OR REPLACE FUNCTION few() RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 100 $$;
    CREATE OR REPLACE FUNCTION furthest(every float8, most int) RETURNS int
    LANGUAGE sql IMMUTABLE AS $$ SELECT ceil(2 * sqrt(most * every))::int $$;
    CREATE OR REPLACE FUNCTION walks(shares float8[], every float8, most int) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path FROM CURRENT AS $$
        SELECT every > 0 AND most * every < expected * furthest(every, most)
        FROM (SELECT every * coalesce(exp(sum(ln(greatest(share, 1e-12)) / 2 ^ (place - 1))), 0) AS expected
            FROM (SELECT share, row_number() OVER (ORDER BY share) AS place FROM unnest(shares) share) ordered) estimated
    $$;
    -- `IS TRUE` and `+ interval` keep the planner from the other way.
    CREATE OR REPLACE FUNCTION walking(here uuid, titled boolean, wanted text) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
        SELECT format('SELECT d.ticket_id, %L::boolean, d.said_at FROM ticket_search d WHERE d.workspace_id = %L '
            'AND (true%s) IS TRUE AND (d.said_at, d.ticket_id) < ($2, $3) AND (d.said_at, d.ticket_id) >= ($4, $5) '
            'ORDER BY d.said_at DESC, d.ticket_id DESC LIMIT $1', titled, here, wanted)
    $$;
    CREATE OR REPLACE FUNCTION looking_up(here uuid, titled boolean, wanted text) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
        SELECT format('SELECT d.ticket_id, %L::boolean, d.said_at FROM ticket_search d WHERE d.workspace_id = %L%s '
            'AND (d.said_at, d.ticket_id) < ($2, $3) ORDER BY d.said_at + interval ''0'' DESC, d.ticket_id DESC LIMIT $1',
            titled, here, wanted)
    $$;
"""

HITS = """
    CREATE OR REPLACE FUNCTION hits(exact text[], prefixes text[], phrases text[], without text[], requesters uuid[],
        after_title boolean, after_said timestamptz, after_ticket uuid, most int)
    RETURNS TABLE (ticket_id uuid, in_title boolean, said_at timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50 SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan
    AS $$
    DECLARE
        here uuid := log.bound_workspace();
        every float8;
        -- How many tickets have each of the words, in a text and in the title; the words that the beginnings stand for.
        shares float8[] := '{}';
        title_shares float8[] := '{}';
        beginnings text[] := '{}';
        fewest float8 := 'infinity';
        rarest text[];
        -- What is asked of the texts and of the title, and of what an index of words cannot say.
        texts text := '';
        titles text := '';
        rest text := '';
        wanted text;
        known record;
        -- Looked for are tickets older than the top; those down to the edge by walking, beyond it by the index of words.
        titled boolean;
        top_said timestamptz;
        top_ticket uuid;
        edge record;
        got int;
    BEGIN
        IF here IS NULL THEN RETURN; END IF;
        FOREACH wanted IN ARRAY exact LOOP
            SELECT coalesce(max(w.tickets), 0) AS tickets, coalesce(max(w.titles), 0) AS titles INTO known
            FROM ticket_search_terms w WHERE w.workspace_id = here AND w.term = wanted;
            IF known.tickets = 0 THEN RETURN; END IF;
            shares := shares || known.tickets::float8;
            title_shares := title_shares || known.titles::float8;
            IF known.tickets < fewest THEN fewest := known.tickets; rarest := ARRAY[wanted]; END IF;
        END LOOP;
        FOREACH wanted IN ARRAY prefixes LOOP
            -- The most used of the words that begin so; a beginning with more of them asks for another letter anyway.
            SELECT array_agg(w.term) AS terms, sum(w.tickets) AS tickets, sum(w.titles) AS titles INTO known FROM (
                SELECT * FROM ticket_search_terms t
                WHERE t.workspace_id = here AND t.term >= wanted AND t.term < wanted || chr(1114111)
                ORDER BY t.tickets DESC, t.term LIMIT 64) w;
            IF known.terms IS NULL THEN RETURN; END IF;
            shares := shares || known.tickets::float8;
            title_shares := title_shares || known.titles::float8;
            beginnings := beginnings || known.terms::text;
            IF known.tickets < fewest THEN fewest := known.tickets; rarest := known.terms; END IF;
        END LOOP;
        IF fewest <= few() AND cardinality(shares) = 1 AND requesters IS NULL AND after_title IS NULL AND without = '{}' AND phrases = '{}' THEN
            -- Most searches: one word, asked by somebody of the desk. Whoever has it is found, and a short plan begins sooner.
            RETURN QUERY SELECT t.ticket_id, t.title_terms && rarest, t.said_at FROM ticket_search t
            WHERE t.workspace_id = here AND t.terms && rarest ORDER BY 2 DESC, t.said_at DESC, t.ticket_id DESC LIMIT most;
            RETURN;
        END IF;
        IF fewest <= few() THEN
            RETURN QUERY SELECT d.ticket_id, d.titled, d.said_at FROM (
                SELECT t.*, t.title_terms @> exact AND NOT EXISTS
                    (SELECT FROM unnest(beginnings) w WHERE NOT t.title_terms && w::text[]) AS titled
                FROM ticket_search t WHERE t.workspace_id = here AND t.terms && rarest) d
            WHERE (d.terms @> exact) IS TRUE AND NOT d.terms && without
                AND NOT EXISTS (SELECT FROM unnest(beginnings) w WHERE NOT d.terms && w::text[])
                AND (requesters IS NULL OR d.requester_id = ANY (requesters) AND NOT d.internal_terms && exact
                    AND NOT EXISTS (SELECT FROM unnest(beginnings) w WHERE NOT EXISTS
                        (SELECT FROM unnest(w::text[]) one WHERE one = ANY (d.terms) AND one <> ALL (d.internal_terms))))
                AND NOT EXISTS (SELECT FROM unnest(phrases) w WHERE NOT EXISTS
                    (SELECT FROM ticket_search_parts p WHERE p.ticket_id = d.ticket_id AND (requesters IS NULL OR NOT p.internal)
                        AND position(w IN casefold(normalize(p.body, NFKC) COLLATE pg_catalog.pg_unicode_fast)) > 0))
                AND (after_title IS NULL OR (d.titled, d.said_at, d.ticket_id) < (after_title, after_said, after_ticket))
            ORDER BY d.titled DESC, d.said_at DESC, d.ticket_id DESC LIMIT most;
            RETURN;
        END IF;
        every := coalesce((SELECT w.tickets FROM ticket_search_terms w WHERE w.workspace_id = here AND w.term = ''), 0);
        shares := ARRAY(SELECT least(1, share / every) FROM unnest(shares) share);
        title_shares := ARRAY(SELECT least(1, share / every) FROM unnest(title_shares) share);
        IF exact <> '{}' THEN
            texts := format(' AND d.terms @> %L::text[]', exact);
            titles := format(' AND d.title_terms @> %L::text[]', exact);
        END IF;
        FOREACH wanted IN ARRAY beginnings LOOP
            texts := texts || format(' AND d.terms && %L::text[]', wanted);
            titles := titles || format(' AND d.title_terms && %L::text[]', wanted);
            IF requesters IS NOT NULL THEN
                rest := rest || format(' AND EXISTS (SELECT FROM unnest(%L::text[]) w WHERE w = ANY (d.terms) AND w <> ALL (d.internal_terms))', wanted);
            END IF;
        END LOOP;
        IF requesters IS NOT NULL THEN
            rest := rest || format(' AND d.requester_id = ANY (%L::uuid[]) AND NOT d.internal_terms && %L::text[]', requesters, exact);
        END IF;
        IF without <> '{}' THEN
            rest := rest || format(' AND NOT d.terms && %L::text[]', without);
        END IF;
        FOREACH wanted IN ARRAY phrases LOOP
            -- Words that follow each other are rarer than words that are both there.
            shares := shares || 0.01::float8;
            title_shares := title_shares || 0.01::float8;
            rest := rest || format(' AND EXISTS (SELECT FROM ticket_search_parts p WHERE p.ticket_id = d.ticket_id '
                'AND (%L OR NOT p.internal) AND position(%L IN casefold(normalize(p.body, NFKC) COLLATE pg_catalog.pg_unicode_fast)) > 0)',
                requesters IS NULL, wanted);
        END LOOP;
        FOREACH titled IN ARRAY ARRAY[true, false] LOOP
            CONTINUE WHEN titled AND (after_title IS FALSE OR 0 = ANY (title_shares));
            IF after_title = titled THEN
                top_said := after_said;
                top_ticket := after_ticket;
            ELSE
                top_said := 'infinity';
                top_ticket := here;
            END IF;
            IF titled THEN
                wanted := titles || rest;
            ELSIF 0 = ANY (title_shares) THEN
                wanted := texts || rest;
            ELSE
                wanted := texts || rest || format(' AND NOT (true%s)', titles);
            END IF;
            -- A requester's own tickets are few, and have an index.
            IF requesters IS NULL AND walks(CASE WHEN titled THEN title_shares ELSE shares END, every, most) THEN
                SELECT d.said_at, d.ticket_id INTO edge FROM ticket_search d
                WHERE d.workspace_id = here AND (d.said_at, d.ticket_id) < (top_said, top_ticket)
                ORDER BY d.said_at DESC, d.ticket_id DESC OFFSET furthest(every, most) LIMIT 1;
                RETURN QUERY EXECUTE walking(here, titled, wanted)
                    USING most, top_said, top_ticket, coalesce(edge.said_at, '-infinity'), coalesce(edge.ticket_id, here);
                GET DIAGNOSTICS got = ROW_COUNT;
                most := most - got;
                CONTINUE WHEN edge.ticket_id IS NULL;
                EXIT WHEN most = 0;
                top_said := edge.said_at;
                top_ticket := edge.ticket_id;
            END IF;
            RETURN QUERY EXECUTE looking_up(here, titled, wanted) USING most, top_said, top_ticket;
            GET DIAGNOSTICS got = ROW_COUNT;
            most := most - got;
            EXIT WHEN most = 0;
        END LOOP;
    END $$;
    REVOKE ALL ON FUNCTION hits FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION hits TO ledgerdesk_reader;
"""
