"""The HTTP application: `create_app` is what a server calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import (
    acting,
    approvals,
    attachments,
    availability,
    backtests,
    bulk,
    calendars,
    classification,
    comparisons,
    confidential,
    deliveries,
    downloads,
    drafts,
    events,
    figures,
    forms,
    jobs,
    keys,
    logs,
    macros,
    notifications,
    notifications_live,
    operations,
    organisations,
    people,
    policies,
    processors,
    requesters,
    roles,
    rule_log,
    rules,
    search,
    session,
    streaming,
    tags,
    teams,
    ticket_actions,
    ticket_flow,
    ticket_lists,
    ticket_messages,
    ticket_ties,
    ticket_views,
    tickets,
    views,
    webhooks,
    workflows,
    workspace,
)
from api.application import Application
from api.description_page import serve_page
from api.openapi import describe
from api.routing import PREFIX, Addresses
from api.services import Services
from api.settings import ApiSettings
from eventstore.files.desk import files_of
from eventstore.keyring import Keyring
from eventstore.settings import Settings

VERSION = "1"
ROUTERS = (
    ticket_lists,
    tickets,
    ticket_actions,
    ticket_flow,
    approvals,
    ticket_messages,
    ticket_views,
    views,
    attachments,
    downloads,
    search,
    acting,
    confidential,
    drafts,
    ticket_ties,
    session,
    streaming,
    requesters,
    workspace,
    forms,
    classification,
    workflows,
    calendars,
    policies,
    figures,
    people,
    availability,
    notifications,
    notifications_live,
    deliveries,
    webhooks,
    teams,
    roles,
    tags,
    macros,
    rules,
    rule_log,
    backtests,
    comparisons,
    organisations,
    keys,
    events,
    bulk,
    jobs,
    processors,
    operations,
)
ADDRESSES = Addresses(route for module in ROUTERS for route in module.router.routes)


def create_app(settings: Settings | None = None, limits: ApiSettings | None = None) -> FastAPI:
    """The application over the database that the settings name; without settings, from the environment."""
    settings = settings or Settings.load()
    limits = limits or ApiSettings.load()
    logs.configure(settings.log_level)
    here = Services(str(settings.database_url), Keyring(*settings.master_keys()), limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with here.running():
            yield

    app = Application(
        ADDRESSES,
        limits.body_limit,
        title="Ledgerdesk",
        version=VERSION,
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        # Asked for on every request, for OpenTelemetry that nobody set up; `metrics` has our own.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = here
    app.state.files = files_of(settings, here.keyring)
    describe(app)
    serve_page(app)
    return app
