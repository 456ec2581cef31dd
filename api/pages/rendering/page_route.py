"""Routes of pages: a refusal is shown as a page that says what happened and what to do next."""

import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

from api.http import problem_details
from api.http.allowed_methods import answer_options, build_allow_header
from api.http.bounded_body import MAX_BYTES, read_body_within_limit
from api.http.dependencies import authenticate_session, get_services
from api.http.error_codes import REFUSAL_STATUSES
from api.http.form_body import read_form
from api.http.problem_details import record_rate_limit
from api.http.validation_messages import explain_validation_error
from api.pages.rendering.forms import InvalidForm
from api.pages.rendering.templates import render_page
from api.pages.rendering.urls import build_sign_in_url
from domain.refusals import Invalid, Refusal, TryAgain, Unauthorized
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

TITLES = {
    403: "This is not for you",
    404: "There is nothing here",
    405: "There is nothing here",
    413: "That is too much",
    422: "That did not work",
    429: "A little slower, please",
    503: "Please try again",
}


class PageRoute(APIRoute):
    """A route that always responds in HTML. Routers of pages are created with `route_class=PageRoute`."""

    max_body_bytes = MAX_BYTES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            if request.method == "POST":
                receive = await read_body_within_limit(request, self.max_body_bytes)
                if receive is None:
                    size = f"{self.max_body_bytes // 1024} KiB"
                    return await render_refusal(request, 413, f"What was sent is larger than {size}.")
                request = Request(request.scope, receive)
            try:
                return await handle(request)
            except Refusal as error:
                return await respond_to_refusal(request, error)
            except InvalidForm as error:
                return await render_refusal(request, 422, " ".join(list(error.errors.values())[:1]))
            except RequestValidationError as error:
                sentence = " ".join(explain_validation_error(detail) for detail in error.errors()[:1])
                return await render_refusal(request, 422, sentence)
            except StarletteHTTPException as error:  # a form that cannot be read
                return await render_refusal(request, error.status_code, "What was sent could not be read.")
            except DatabaseAway as error:
                log.error("the database does not answer", exc_info=error)
                return await respond_to_refusal(request, TryAgain())

        return handle_as_page


async def respond_to_refusal(request: Request, error: Refusal) -> Response:
    """Render a refusal as a page; redirect somebody who is not signed in to the sign-in page."""
    if isinstance(error, Unauthorized):
        return redirect_to_sign_in(request)
    record_rate_limit(request, error)
    sentence = error.message if isinstance(error, Invalid) else error.sentence
    return await render_refusal(request, REFUSAL_STATUSES[type(error)], sentence)


def redirect_to_sign_in(request: Request) -> Response:
    """Redirect to the sign-in page and back; an htmx request is told to load it as a whole page."""
    path = build_sign_in_url(request)
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


async def render_refusal(request: Request, status: int, sentence: str) -> Response:
    """Render a page for a refusal with this status."""
    title = TITLES.get(status, "That did not work")
    is_temporary = status in (429, 503)
    fields = await read_fields_to_repeat(request) if is_temporary and request.method == "POST" else []
    response = await run_in_threadpool(
        render_page, request, "errors/refusal.html", status, title=title, sentence=sentence, fields=fields
    )
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


async def read_fields_to_repeat(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form that the page may send once more, so that nothing typed is lost; no password."""
    with suppress(StarletteHTTPException):
        form = await read_form(request)
        return [(name, value) for name, value in form.pairs if "password" not in name]
    return []


def identify_viewer(request: Request) -> None:
    """Set the request's viewer if somebody is signed in, so that an error page has their navigation."""
    with suppress(Refusal, DatabaseAway):
        request.state.viewer = authenticate_session(request, get_services(request))


def install_error_handler(app: FastAPI) -> None:
    """Respond to unknown paths in HTML if a browser asked, else as the JSON API does."""

    async def handle_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException | HTTPException)
        if error.status_code == 405 and request.method == "OPTIONS":
            return answer_options(request)
        is_page_request = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1")
        if is_page_request and error.status_code in (404, 405):
            await run_in_threadpool(identify_viewer, request)
            response = await render_refusal(request, error.status_code, "This address leads nowhere. Please check it.")
            if error.status_code == 405:
                response.headers.update(build_allow_header(request))
            return response
        return problem_details.handle_http_error(request, error)

    app.add_exception_handler(StarletteHTTPException, handle_http_error)
