-- Endpoints for which nothing waits are not failing: their webhooks are retired, paused or quiet.

SET LOCAL ROLE ledgerdesk_owner;
CREATE OR REPLACE FUNCTION processes.webhook_figures(OUT pending bigint, OUT failing bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT count(*) FROM processes.deliveries d WHERE d.channel = 'webhook' AND d.state IN ('waiting', 'sending')),
        (SELECT count(*) FROM processes.endpoints e WHERE e.failing_since IS NOT NULL AND EXISTS (
            SELECT FROM processes.deliveries d WHERE d.channel = 'webhook' AND d.recipient = e.recipient AND d.state IN ('waiting', 'sending')));
$$;
RESET ROLE;
