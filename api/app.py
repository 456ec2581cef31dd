"""The HTTP service, composed: the only place that knows every part."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from api import (
    api_keys,
    as_of,
    booking,
    bookings,
    docs,
    history,
    links,
    manage,
    managed_links,
    meeting_log,
    meeting_types,
    openapi,
    operations,
    people,
    problems,
    single_use,
)
from api.composition import Oncelink, compose
from api.envelope import Envelope
from api.logs import configure
from api.pages import (
    link_actions,
    link_edit,
    link_page,
    link_wizard,
    managed_edit,
    managed_wizard,
    management,
    page_route,
    sign_in,
    static,
)
from api.pages import links as links_pages
from api.pages import single_use as single_use_pages
from api.settings import Settings, read_settings
from projections import live_tables
from store import safety
from store.database import Database
from store.schema import check_current

log = logging.getLogger("oncelink")

ROUTERS = (
    people.router,
    meeting_types.router,
    links.router,
    managed_links.router,
    single_use.router,
    booking.router,
    manage.router,
    bookings.router,
    meeting_log.router,
    history.router,
    as_of.router,
    api_keys.router,
    operations.router,
    docs.router,
    static.router,
    sign_in.router,
    links_pages.router,
    link_wizard.router,
    link_edit.router,
    single_use_pages.router,
    link_page.router,
    managed_wizard.router,
    management.router,
    managed_edit.router,
    link_actions.router,
)
ABOUT = """Booking links, and single-use links that book exactly one meeting, ever.

Times are RFC 3339 in UTC, errors are `application/problem+json` (RFC 9457) with a stable `code`. Every POST that
creates takes an `Idempotency-Key`; a write answers `Oncelink-Position`, and a list with `Oncelink-Min-Position`
waits until it has that write."""


class UnsafeDatabase(Exception):
    """The database could lose or change bookings; the message says how."""


def create() -> FastAPI:
    """The service by the settings of this process, as a server's worker makes it."""
    settings = read_settings()
    configure(settings.log_format)
    return build(settings)


def build(settings: Settings) -> FastAPI:
    """The service by given settings; it opens its database when it starts."""
    app = FastAPI(
        title="Oncelink", version="1", description=ABOUT, lifespan=living(settings), docs_url=None, redoc_url=None
    )
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    page_route.install(app)
    openapi.install(app, problems.Problem)
    app.add_exception_handler(Exception, failed)
    app.add_middleware(Envelope)
    return app


def living(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """What happens between start and stop."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = settings.pool_size
        oncelink = await to_thread.run_sync(opened, settings)
        app.state.oncelink = oncelink
        oncelink.follower.start()
        oncelink.hint.start()
        try:
            yield
        finally:
            await to_thread.run_sync(oncelink.close)

    return life


def opened(settings: Settings) -> Oncelink:
    """The parts over a database that was found safe and current.

    Raises UnsafeDatabase, SchemaProblem, psycopg.OperationalError saying why there is no connection.
    """
    database = Database(settings.database_url, settings.db_schema, settings.pool_size)
    with database.connect() as connection:
        check_current(connection, settings.db_schema)
        problems_found = safety.problems(connection, settings.db_schema)
    if problems_found and not settings.unsafe:
        raise UnsafeDatabase(" ".join(problems_found))
    for problem in problems_found:
        log.warning("%s", problem)
    live_tables.ensure(database)
    return compose(settings, database.open())


def failed(request: Request, error: Exception) -> JSONResponse:
    """A mistake of ours: loud in the log, quiet towards the client."""
    return problems.problem(500, "internal_error", "Something went wrong on our side; it has been logged.")
