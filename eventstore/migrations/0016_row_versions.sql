-- What queries of lists look at besides their tables, empty until a build that has it becomes live.

SET LOCAL ROLE ledgerdesk_worker;

CREATE VIEW ops.facet_counts AS
SELECT NULL::uuid AS workspace_id, NULL::text AS facet, NULL::text AS value, NULL::bigint AS row_version WHERE false;
COMMENT ON VIEW ops.facet_counts IS 'Kept counts with the version of their rows, each a new one when the set of its value changed.';

CREATE VIEW ops.place_spans AS
SELECT NULL::uuid AS workspace_id, NULL::int AS chunk, NULL::timestamptz AS opened_from, NULL::timestamptz AS opened_to,
    NULL::text AS number_from, NULL::text AS number_to WHERE false;
COMMENT ON VIEW ops.place_spans IS 'Between what the tickets of a chunk of places lie.';
GRANT SELECT ON ops.facet_counts, ops.place_spans TO ledgerdesk_reader;
RESET ROLE;
