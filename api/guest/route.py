"""Routes of the guest's pages: a refusal is shown as a page; a form can be sent again after a database failure."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.guest.form import SENT_BEFORE_MESSAGE, read_fields
from api.http.bounded_body import read_body_within_limit
from api.http.dependencies import get_services
from api.http.error_codes import REFUSAL_STATUSES
from api.http.form_body import read_form
from api.http.problem_details import record_rate_limit
from api.pages.rendering.templates import render_page
from domain import refusals
from domain.refusals import Invalid, Refusal, TooManyRequests
from store.database import DatabaseAway

log = logging.getLogger("oncelink")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

LINK_USED_HINT = "Did you book it yourself? Your confirmation page and your calendar entry lead to your meeting."
TITLES: dict[type[Refusal], str] = {
    refusals.LinkNotFound: "We cannot find this link",
    refusals.LinkUsed: "This link has been used",
    refusals.LinkExpired: "This link has expired",
    refusals.LinkRevoked: "This link was withdrawn",
    refusals.LinkDisabled: "This link is switched off",
    refusals.LinkSingleUseOnly: "This link is not for booking",
    refusals.LinkUnattended: "This link is no longer in use",
    refusals.LinkDeleted: "This link no longer exists",
    refusals.ManageLinkExpired: "This meeting is long over",
    refusals.Erased: "These details were erased",
    refusals.IdempotencyKeyReused: "This form was sent before",
    refusals.TooManyRequests: "A little slower, please",
    refusals.TryAgain: "Please try again",
}
SPENT_LINK = (
    *(refusals.LinkUsed, refusals.LinkRevoked, refusals.LinkExpired),
    *(refusals.LinkDisabled, refusals.LinkDeleted),
)
ICONS: dict[type[Refusal], str] = {
    refusals.LinkUsed: "ticket-check",
    refusals.LinkExpired: "clock",
    refusals.ManageLinkExpired: "clock",
    refusals.LinkNotFound: "search",
}


class GuestRoute(APIRoute):
    """A route that always responds with a page."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            if request.method == "POST":
                receive = await read_body_within_limit(request)
                if receive is None:
                    return await run_in_threadpool(render_too_large, request)
                request = Request(request.scope, receive)
            try:
                return await handle_or_offer_retry(handle, request)
            except TooManyRequests as refusal:
                record_rate_limit(request, refusal)
                return await offer_retry(request, refusal)
            except Refusal as refusal:
                return await run_in_threadpool(render_closed, request, refusal)
            except RequestValidationError:
                return await run_in_threadpool(render_closed, request, refusals.LinkNotFound())
            except HTTPException as error:  # a form that cannot be read
                return await run_in_threadpool(render_closed, request, Invalid("body", error.detail))

        return handle_as_page


async def handle_or_offer_retry(handle: Handler, request: Request) -> Response:
    """Handle a request; offer a retry if the database does not answer."""
    try:
        return await handle(request)
    except DatabaseAway as error:
        log.error("the database does not answer", exc_info=error)
    except refusals.TryAgain:
        pass
    return await offer_retry(request)


async def offer_retry(request: Request, refusal: TooManyRequests | None = None) -> Response:
    """Offer a retry: a form with the same key and values, so that nothing is lost and nothing is booked twice."""
    fields = read_fields(await read_form(request)) if request.method == "POST" else {}
    return await run_in_threadpool(render_retry, request, fields, refusal)


def render_retry(request: Request, fields: dict[str, str], refusal: TooManyRequests | None) -> Response:
    """Render the page that sends the request again, after a failure of the database or a refusal for a time."""
    status = REFUSAL_STATUSES[type(refusal)] if refusal else 503
    response = render_page(
        request,
        "guest/retry.html",
        status,
        fields=fields,
        again=request.url.path,
        title=TITLES[refusals.TooManyRequests if refusal else refusals.TryAgain],
        sentence=refusal.sentence if refusal else "Our calendar did not answer in time.",
    )
    if refusal is None:
        response.headers["Retry-After"] = "1"
    return response


def render_closed(request: Request, refusal: Refusal) -> Response:
    """Render a page that says why the request is refused, and what to do next."""
    refusal_type = type(refusal)
    return render_page(
        request,
        "guest/closed.html",
        REFUSAL_STATUSES[refusal_type],
        title=TITLES.get(refusal_type, "That did not work"),
        sentence=get_sentence(refusal),
        hint=get_hint(refusal),
        picture=ICONS.get(refusal_type, "link"),
        ways_on=list_ways_on(request, refusal),
    )


def list_ways_on(request: Request, refusal: Refusal) -> list[tuple[str, str]]:
    """List what a guest can ask for at a single-use link that books nothing any more: (path, words of the button)."""
    path = request.url.path.rstrip("/")
    if not path.startswith("/s/") or get_services(request).settings.mail_method == "none":
        return []
    resend = [(f"{path}/resend", "Mail me the way to my meeting")] if isinstance(refusal, refusals.LinkUsed) else []
    return [*resend, (f"{path}/request", "Ask for a new link")] if isinstance(refusal, SPENT_LINK) else []


def get_hint(refusal: Refusal) -> str | None:
    """Return what may help after a refusal, None where nothing does."""
    if isinstance(refusal, refusals.LinkUsed):
        return LINK_USED_HINT
    if isinstance(refusal, refusals.ManageLinkExpired) and refusal.host_names:
        return f"You met {' and '.join(refusal.host_names)}."
    return None


def get_sentence(refusal: Refusal) -> str:
    """Return the sentence of a refusal for a guest, who does not know about keys."""
    if isinstance(refusal, refusals.IdempotencyKeyReused):
        return SENT_BEFORE_MESSAGE
    return refusal.message if isinstance(refusal, Invalid) else refusal.sentence


def render_too_large(request: Request) -> Response:
    """Render the page for a form that is too large."""
    sentence = "What was sent is larger than 64 KiB. Please shorten it."
    return render_page(
        request, "guest/closed.html", 413, title="That is too much", sentence=sentence, hint=None, picture="link"
    )
