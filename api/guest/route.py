"""Routes of the guest's pages: a refusal is a kind page, and a form that met a silent database can be sent again."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.guest.form import SENT_BEFORE, fields_of
from api.http.problem_details import STATUS
from api.http.strict_json import is_small
from api.pages.rendering.templates import render
from domain import refusals
from domain.refusals import Invalid, Refusal
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

BOOKED_IT_YOURSELF = "Did you book it yourself? Your confirmation page and your calendar entry lead to your meeting."
TITLES: dict[type[Refusal], str] = {
    refusals.LinkNotFound: "We cannot find this link",
    refusals.LinkUsed: "This link has been used",
    refusals.LinkExpired: "This link has expired",
    refusals.LinkRevoked: "This link was withdrawn",
    refusals.LinkDisabled: "This link is switched off",
    refusals.LinkUnattended: "This link is no longer in use",
    refusals.LinkDeleted: "This link no longer exists",
    refusals.Erased: "These details were erased",
    refusals.IdempotencyKeyReused: "This form was sent before",
    refusals.TooManyRequests: "A little slower, please",
    refusals.TryAgain: "Please try again",
}
ICONS: dict[type[Refusal], str] = {
    refusals.LinkUsed: "ticket-check",
    refusals.LinkExpired: "clock",
    refusals.LinkNotFound: "search",
}


class GuestRoute(APIRoute):
    """A route whose answers are pages, whatever happens."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_kindly(request: Request) -> Response:
            try:
                if request.method == "POST" and not await is_small(request):
                    return await run_in_threadpool(too_large, request)
                return await handle(request)
            except DatabaseAway as error:
                log.error("the database does not answer", exc_info=error)
                return await later(request)
            except refusals.TryAgain:
                return await later(request)
            except Refusal as refusal:
                return await run_in_threadpool(closed, request, refusal)
            except RequestValidationError:
                return await run_in_threadpool(closed, request, refusals.LinkNotFound())

        return handle_kindly


async def later(request: Request) -> Response:
    """Offers to try again: a form with the same key and the same values, so that nothing is booked twice."""
    fields = await fields_of(request) if request.method == "POST" else {}
    return await run_in_threadpool(retry, request, fields)


def retry(request: Request, fields: dict[str, str]) -> Response:
    """The page that tries again what was asked for."""
    answer = render(request, "guest/retry.html", 503, fields=fields, again=request.url.path)
    answer.headers["Retry-After"] = "1"
    return answer


def closed(request: Request, refusal: Refusal) -> Response:
    """Says in one sentence why this cannot be done, and what to do next."""
    kind = type(refusal)
    answer = render(
        request,
        "guest/closed.html",
        STATUS[kind],
        title=TITLES.get(kind, "That did not work"),
        sentence=sentence_of(refusal),
        hint=BOOKED_IT_YOURSELF if kind is refusals.LinkUsed else None,
        picture=ICONS.get(kind, "link"),
    )
    if STATUS[kind] == 429:
        answer.headers["Retry-After"] = "1"
    return answer


def sentence_of(refusal: Refusal) -> str:
    """What a refusal says to a guest, who knows of no keys."""
    if isinstance(refusal, refusals.IdempotencyKeyReused):
        return SENT_BEFORE
    return refusal.message if isinstance(refusal, Invalid) else refusal.sentence


def too_large(request: Request) -> Response:
    """A form that nobody has read."""
    sentence = "What was sent is larger than 64 KiB. Please shorten it."
    return render(
        request, "guest/closed.html", 413, title="That is too much", sentence=sentence, hint=None, picture="link"
    )
