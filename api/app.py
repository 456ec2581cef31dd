"""The HTTP service, composed: the only place that knows every part."""

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import psycopg
from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from api.guest import booking_pages, manage_pages
from api.http import api_docs_page, openapi, problem_details
from api.http.cors import CrossOrigin
from api.http.middleware import Envelope
from api.http.shutdown_signal import noticed
from api.logging_setup import configure
from api.pages import routers
from api.pages.rendering import page_route
from api.services import Oncelink
from api.settings import Settings, read_settings
from api.startup import opened
from api.v1 import (
    api_keys,
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
    meeting_types,
    people,
    read_models,
    single_use_links,
    usage,
    verification,
)
from integrations.outbox_workers import couriers_of
from store.database import DatabaseAway

PATIENCE = 120.0  # seconds that a worker, started while the database is away, waits for it
SWITCH_SECONDS = 0.001  # Python's own 0.005 is waited at each round trip while other threads are busy
LOOK_SECONDS = 0.2

ROUTERS = (
    people.router,
    calendars.router,
    meeting_types.router,
    links.router,
    managed_links.router,
    single_use_links.router,
    guest_booking.router,
    guest_manage.router,
    bookings.router,
    booking_notifications.router,
    meeting_log.router,
    history.router,
    as_of.router,
    erasures.router,
    usage.router,
    checkpoints.router,
    verification.router,
    api_keys.router,
    calendar_feed.router,
    calendar_feed.file_router,
    read_models.router,
    health.router,
    api_docs_page.router,
    booking_pages.router,
    manage_pages.router,
    *routers.ROUTERS,
)
ABOUT = """Booking links, and single-use links that book exactly one meeting, ever.

Times are RFC 3339 in UTC, errors are `application/problem+json` (RFC 9457) with a stable `code`. Every POST that
creates takes an `Idempotency-Key`, which must be unguessable; a write answers `Oncelink-Position`, and a list with
`Oncelink-Min-Position` waits until it has that write."""


def create() -> FastAPI:
    """The service by the settings of this process, as a server's worker makes it."""
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = read_settings()
    configure(settings.log_format)
    return build(settings, patience=PATIENCE)


def build(settings: Settings, patience: float = 0.0) -> FastAPI:
    """The service by given settings; it opens its database when it starts, and waits so long for one that is away."""
    app = FastAPI(
        title="Oncelink",
        version="1",
        description=ABOUT,
        lifespan=living(settings, patience),
        docs_url=None,
        redoc_url=None,
        # as they are: a router that is included builds each of its routes once more, at the first request
        routes=[route for router in ROUTERS for route in router.routes],
    )
    problem_details.install(app)
    page_route.install(app)
    openapi.install(app, problem_details.Problem)
    app.add_exception_handler(Exception, failed)
    app.add_middleware(CrossOrigin, origins=settings.extensions)
    app.add_middleware(Envelope)
    return app


def living(settings: Settings, patience: float) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What happens between start and stop."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = settings.pool_size
        oncelink = await to_thread.run_sync(opened_in_time, settings, patience)
        app.state.oncelink = oncelink
        oncelink.follower.start()
        oncelink.sealer.start()
        oncelink.verifications.start()
        oncelink.hint.start()
        oncelink.rebuilder.start()
        oncelink.fetcher.start()
        couriers = couriers_of(oncelink)
        try:
            with noticed(oncelink.watching.end):
                yield
        finally:
            await to_thread.run_sync(couriers.close)
            await to_thread.run_sync(oncelink.close)

    return life


def opened_in_time(settings: Settings, patience: float) -> Oncelink:
    """The parts, as soon as the database is there: a worker that failed to start would end its server with it.

    Raises what `opened` raises; for a database that is away, only after the patience is over.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return opened(settings)
        except (DatabaseAway, psycopg.OperationalError):
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)


def failed(request: Request, error: Exception) -> JSONResponse:
    """A mistake of ours: loud in the log, quiet towards the client."""
    return problem_details.problem(500, "internal_error", "Something went wrong on our side; it has been logged.")
