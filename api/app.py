"""The FastAPI application, with every router and middleware."""

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import psycopg
from anyio import to_thread
from fastapi import FastAPI

from api.clock import read_clock
from api.guest import booking_pages, lost_links, manage_pages, time_zones
from api.http import api_docs_page, problem_details
from api.http.client_address import ForwardedClientMiddleware, TrustedProxies
from api.http.cors import CorsMiddleware
from api.http.host_cookies import HostCookieMiddleware
from api.http.middleware import RequestMiddleware
from api.http.openapi.document import install_openapi
from api.http.read_capacity import ReadCapacityMiddleware
from api.http.shutdown_signal import PARENT_ENDED, notify_on_shutdown, watch_parent
from api.http.trailing_slash import redirect_within_site
from api.logging_setup import configure_logging
from api.pages import routers
from api.pages.rendering import page_route
from api.services import Services
from api.settings import Settings, read_settings
from api.startup import open_services
from api.v1 import (
    as_of,
    booking_notifications,
    bookings,
    calendar_feed,
    calendars,
    checkpoints,
    erasures,
    guest_booking,
    guest_manage,
    health,
    history,
    links,
    managed_links,
    meeting_log,
    people,
    read_models,
    single_use_links,
    unsent_mail,
    usage,
    verification,
)
from api.v1.access_log import routes as access_log_routes
from api.v1.credentials import api_keys, sessions
from api.v1.explanations import routes as explanations
from api.v1.limit_trials import routes as limit_trials
from api.v1.meeting_types import routes as meeting_types
from api.v1.organisation import routes as organisation
from api.v1.teams import recounts as team_recounts
from api.v1.teams import routes as teams
from api.v1.webhooks import routes as webhooks
from integrations.clock import Clock
from store.database import DatabaseAway

DATABASE_WAIT_SECONDS = 120.0  # seconds; a worker that starts while the database is away waits that long for it
THREAD_SWITCH_SECONDS = 0.001  # Python's own 0.005 s would be waited at each round trip while other threads are busy
RETRY_SECONDS = 0.2

ROUTERS = (
    guest_booking.router,  # first, because routes are tried one by one
    guest_manage.router,
    lost_links.router,
    booking_pages.router,
    manage_pages.router,
    people.router,
    calendars.router,
    meeting_types.router,
    teams.router,
    team_recounts.router,
    organisation.router,
    links.router,
    explanations.router,
    limit_trials.router,
    managed_links.router,
    single_use_links.router,
    bookings.router,
    booking_notifications.router,
    unsent_mail.router,
    meeting_log.router,
    history.router,
    as_of.router,
    access_log_routes.router,
    erasures.router,
    usage.router,
    checkpoints.router,
    verification.router,
    api_keys.router,
    sessions.router,
    calendar_feed.router,
    calendar_feed.file_router,
    webhooks.router,
    read_models.router,
    health.router,
    api_docs_page.router,
    time_zones.router,
    *routers.ROUTERS,
)
DESCRIPTION = """Booking links, and single-use links that book exactly one meeting, ever.

Times are RFC 3339 in UTC, errors are `application/problem+json` (RFC 9457) with a stable `code`. Every POST that
creates takes an `Idempotency-Key`, which must be unguessable; a write answers `Oncelink-Position`, and a list with
`Oncelink-Min-Position` waits until it has that write.

Unknown fields and unknown query parameters are refused (422 `invalid`), and so are a field or parameter that stands
twice: a misspelled filter never answers with everything."""


def create_app() -> FastAPI:
    """Create the application from the environment's settings; the factory that uvicorn calls in each worker."""
    watch_parent()
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    settings = read_settings()
    configure_logging(settings.log_format)
    return build_app(settings, database_wait_seconds=DATABASE_WAIT_SECONDS)


def build_app(settings: Settings, database_wait_seconds: float = 0.0, clock: Clock = read_clock) -> FastAPI:
    """Build the application. At startup it opens the database and waits up to `database_wait_seconds` for it."""
    app = FastAPI(
        title="Oncelink",
        version="1",
        description=DESCRIPTION,
        lifespan=build_lifespan(settings, database_wait_seconds, clock),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # no exporter is configured; looking for one several times a request is a tenth of a booking's processor time
        telemetry={"tracing": False, "metrics": False, "logs": False},
        # taken as they are: including a router would rebuild each of its routes at the first request
        routes=[route for router in ROUTERS for route in router.routes],
    )
    problem_details.install_exception_handlers(app)
    page_route.install_error_handler(app)
    install_openapi(app)
    redirect_within_site(app)
    app.add_middleware(CorsMiddleware, origins=settings.extensions)
    app.add_middleware(ReadCapacityMiddleware, size=settings.pool_size)
    if settings.is_https:
        app.add_middleware(HostCookieMiddleware)
    app.add_middleware(RequestMiddleware, secure=settings.is_https)
    app.add_middleware(ForwardedClientMiddleware, proxies=TrustedProxies(settings.proxies))
    return app


def build_lifespan(
    settings: Settings, database_wait_seconds: float, clock: Clock
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Build the lifespan: open the services, start what runs in the background, close both at shutdown."""

    @asynccontextmanager
    async def run_services(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = settings.pool_size
        services = await to_thread.run_sync(open_services_when_ready, settings, database_wait_seconds, clock)
        app.state.services = services
        try:
            services.start()
            with notify_on_shutdown(services.read_model_watcher.stop):
                yield
        finally:
            await to_thread.run_sync(services.close)

    return run_services


def open_services_when_ready(settings: Settings, database_wait_seconds: float, clock: Clock) -> Services:
    """Open the services; retry while the database is away, because a worker that fails to start stops its server.

    Raises what `open_services` raises; for a database that is away, only after `database_wait_seconds`, or when the
    process that started this worker has ended.
    """
    deadline = time.monotonic() + database_wait_seconds
    while True:
        try:
            return open_services(settings, clock=clock, role="web")
        except (DatabaseAway, psycopg.OperationalError):
            if time.monotonic() > deadline or PARENT_ENDED.wait(RETRY_SECONDS):
                raise
