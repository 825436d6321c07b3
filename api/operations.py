"""What those who run the service ask: health and metrics."""

import ipaddress
from collections.abc import Iterable
from typing import Literal

import psycopg
import structlog
from fastapi import Depends, Request, Response
from prometheus_client.metrics_core import GaugeMetricFamily
from psycopg_pool import PoolTimeout
from pydantic import BaseModel

from api import metrics, routing
from api.answers import text
from api.auth import address, caller_of
from api.errors import NotSignedIn
from api.problems import problems
from api.scopes import METRICS
from api.services import Services, services
from domain.errors import LedgerdeskError, ScopeMissing
from eventstore.database import DatabaseUnavailable, explaining
from eventstore.migrate import pending
from eventstore.reading import bind
from processors import status
from processors.webhooks import rows as webhooks
from projections import freshness
from projections.models import READ_MODELS

log = structlog.get_logger()
router = routing.router("operations")


class Health(BaseModel):
    """The service is well."""

    status: Literal["ok"] = "ok"


class NotReady(LedgerdeskError):
    """The service cannot serve yet, or no more."""

    code = "not_ready"
    status = 503
    sentence = "Not ready: {reason}."


@router.get("/health/live")
async def live() -> Health:
    """Whether the process answers at all; asks nothing of the database."""
    return Health()


@router.get("/health/ready", responses=problems(NotReady, DatabaseUnavailable))
def ready(here: Services = Depends(services)) -> Health:
    """Whether the database answers, has this version's schema, and every read model is built and has not stopped."""
    if pending(here.url):
        raise NotReady(reason="migrations are missing; run `ledgerdesk migrate`")
    with explaining(here.url), here.readers.connection() as db, db.cursor() as cursor:
        bind(cursor, None)
        builds = freshness.all_of(cursor)
    if stopped := sorted({build.read_model for build in builds if build.error}):
        raise NotReady(reason=f"these read models have stopped, see the worker's log: {', '.join(stopped)}")
    served = {build.read_model for build in builds if build.state == "live"}
    if missing := sorted({model.NAME for model in READ_MODELS} - served):
        raise NotReady(reason=f"no worker has built these read models yet: {', '.join(missing)}")
    return Health()


def _may_scrape(request: Request) -> bool:
    try:
        return ipaddress.ip_address(address(request)).is_loopback
    except ValueError:
        return False


async def scraper(request: Request) -> None:
    """Let this machine pass, and API keys with the scope metrics."""
    if _may_scrape(request):
        return
    caller = await caller_of(request)
    scopes = caller.found.scopes
    if scopes is None:
        raise NotSignedIn()
    if METRICS not in scopes:
        raise ScopeMissing(permission=METRICS)


@router.get(
    "/metrics",
    response_class=Response,
    dependencies=[Depends(scraper)],
    responses=text("text/plain", "Prometheus text.") | problems(NotSignedIn, ScopeMissing),
)
def read_metrics(here: Services = Depends(services)) -> Response:
    """Prometheus metrics; open to this machine, otherwise for API keys with the scope metrics."""
    return Response(metrics.exposition(_gauges(here)), media_type=metrics.MEDIA_TYPE)


def _gauges(here: Services) -> Iterable[GaugeMetricFamily]:
    up = GaugeMetricFamily("ledgerdesk_database_up", "Whether the database answers.")
    lag = GaugeMetricFamily(
        "ledgerdesk_read_model_lag_events", "Events not yet applied.", labels=["read_model", "state"]
    )
    failed = GaugeMetricFamily(
        "ledgerdesk_read_model_failed", "Whether it has stopped.", labels=["read_model", "state"]
    )
    behind = GaugeMetricFamily("ledgerdesk_process_lag_events", "Events not yet reacted to.", labels=["process"])
    parked = GaugeMetricFamily("ledgerdesk_process_parked", "Dead letters that wait for somebody.", labels=["process"])
    overdue = GaugeMetricFamily("ledgerdesk_timers_overdue_seconds", "How late the most overdue timer is.")
    pending_webhooks = GaugeMetricFamily("ledgerdesk_webhooks_pending", "Deliveries to webhooks that wait.")
    failing = GaugeMetricFamily(
        "ledgerdesk_webhooks_failing", "Endpoints that took nothing the last time and for which something waits."
    )
    try:
        with here.readers.connection(timeout=2) as db, db.cursor() as cursor:
            bind(cursor, None)
            for model in freshness.all_of(cursor):
                lag.add_metric([model.read_model, model.state], model.lag_events)
                failed.add_metric([model.read_model, model.state], bool(model.error))
            for process in status.progress(cursor):
                behind.add_metric([process.process], process.lag_events)
                parked.add_metric([process.process], process.parked)
            overdue.add_metric([], status.overdue_seconds(cursor))
            waiting, broken = webhooks.figures(cursor)
            pending_webhooks.add_metric([], waiting)
            failing.add_metric([], broken)
        up.add_metric([], 1)
    except (psycopg.Error, PoolTimeout) as error:
        log.warning("metrics.database_away", error=type(error).__name__)
        up.add_metric([], 0)
    return [up, lag, failed, behind, parked, overdue, pending_webhooks, failing]
