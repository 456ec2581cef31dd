"""What a guest can ask for at a single-use link that books nothing any more: their mail again, or a new link."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.guest.route import GuestRoute
from api.http.dependencies import CurrentServices
from api.http.rate_limiter import GuestContext
from api.pages.rendering.templates import render_page

router = APIRouter(prefix="/s", include_in_schema=False, route_class=GuestRoute)

RESENT_TITLE = "Look into your mail"
RESENT_SENTENCE = (
    "If this link booked a meeting that is still to come, the way to it is mailed again: to the address that booked, "
    "and to no other. It can take a few minutes."
)
REQUESTED_TITLE = "We have passed it on"
REQUESTED_SENTENCE = (
    "If this link books nothing any more, whoever sent it to you hears that you need a new one, at most once a day. "
    "They write to you."
)


@router.post("/{code}/resend")
def send_manage_link(request: Request, services: CurrentServices, context: GuestContext, code: str) -> Response:
    """Mail the guest of this link's meeting the way to it again. The answer is the same whatever is so."""
    if (token_id := find_token_id(services, code)) and services.lost_links.send_manage_link(context, token_id):
        services.announce_append()
    return render_answer(request, RESENT_TITLE, RESENT_SENTENCE)


@router.post("/{code}/request")
def request_new_link(request: Request, services: CurrentServices, context: GuestContext, code: str) -> Response:
    """Mail whoever issued this link that a new one is needed. The answer is the same whatever is so."""
    if (token_id := find_token_id(services, code)) and services.lost_links.request_new_link(context, token_id):
        services.announce_append()
    return render_answer(request, REQUESTED_TITLE, REQUESTED_SENTENCE)


def find_token_id(services: CurrentServices, code: str) -> UUID | None:
    """Find the single-use link of a code, if it is one."""
    return services.codes.open_code(code, "book")


def render_answer(request: Request, title: str, sentence: str) -> Response:
    """Render what is answered to everybody."""
    return render_page(request, "guest/closed.html", title=title, sentence=sentence, hint=None, picture="mail")
