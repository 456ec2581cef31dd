"""Routes of pages: a refusal becomes a page that says in one sentence what happened and what to do next."""

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
from api.http.dependencies import by_session, parts_of
from api.http.problem_details import STATUS
from api.http.strict_json import is_small
from api.http.validation_messages import message_of
from api.pages.rendering.templates import render
from api.pages.rendering.urls import sign_in_first
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
    """A route that answers in HTML whatever happens. Routes of pages are made with `route_class=PageRoute`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            if request.method == "POST" and not await is_small(request):
                return await refused(request, 413, "What was sent is larger than 64 KiB.")
            try:
                return await handle(request)
            except Refusal as error:
                return await refusal(request, error)
            except RequestValidationError as error:
                sentence = " ".join(message_of(one) for one in error.errors()[:1])
                return await refused(request, 422, sentence)
            except StarletteHTTPException as error:  # a form that cannot be read
                return await refused(request, error.status_code, "What was sent could not be read.")
            except DatabaseAway as error:
                log.error("the database does not answer", exc_info=error)
                return await refusal(request, TryAgain())

        return handle_as_page


async def refusal(request: Request, error: Refusal) -> Response:
    """A refusal as a page; somebody who is not signed in is led to where they can."""
    if isinstance(error, Unauthorized):
        return to_sign_in(request)
    sentence = error.message if isinstance(error, Invalid) else error.sentence
    return await refused(request, STATUS[type(error)], sentence)


def to_sign_in(request: Request) -> Response:
    """The sign-in page, then back; htmx is told to load it as a whole page."""
    path = sign_in_first(request)
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


async def refused(request: Request, status: int, sentence: str) -> Response:
    """A page for a refusal of this status."""
    title = TITLES.get(status, "That did not work")
    answer = await run_in_threadpool(render, request, "errors/refusal.html", status, title=title, sentence=sentence)
    if status in (429, 503):
        answer.headers["Retry-After"] = "1"
    return answer


def recognise(request: Request) -> None:
    """Finds out who looks, where no route did, so that the page has their navigation."""
    with suppress(Refusal, DatabaseAway):
        request.state.viewer = by_session(request, parts_of(request))


def install(app: FastAPI) -> None:
    """Answers unknown addresses in HTML where a browser asked, else as the JSON API does."""

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException | HTTPException)
        wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1")
        if wants_page and error.status_code in (404, 405):
            await run_in_threadpool(recognise, request)
            return await refused(request, error.status_code, "This address leads nowhere. Please check it.")
        return problem_details.http_error(request, error)

    app.add_exception_handler(StarletteHTTPException, http_error)
