"""The pages `/book/{slug}` and `/s/{code}`: what a link offers, and the form that books it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.field_types import SLUG
from api.guest.form import SENT_BEFORE, Fields, Filled, booking_of
from api.guest.picker import Picker, picker_of
from api.guest.query_parameters import asked_by
from api.guest.route import GuestRoute
from api.http.dependencies import AsGuest, Parts, written
from api.http.problem_details import STATUS
from api.pages.rendering.templates import render
from api.services import Oncelink
from api.v1.guest_booking import hosts, offered_type, open_offer
from api.v1.request_bodies import NewBooking
from domain.availability.offer import LinkOffer
from domain.commands.scheduling import Booked, Door, Wish
from domain.event import Context
from domain.refusals import IdempotencyKeyReused, LinkNotFound, LinkUnattended, Refusal, SlotNotOffered, SlotTaken
from integrations.date_formats import face_for

router = APIRouter(include_in_schema=False, route_class=GuestRoute)


@dataclass(frozen=True)
class Visit:
    """Somebody at a link's door."""

    request: Request
    parts: Oncelink
    context: Context
    door: Door
    code: str
    path: str


def at_core_link(request: Request, parts: Parts, context: AsGuest, slug: str) -> Visit:
    """A visit to a core link. Raises LinkNotFound."""
    slug = slug.removesuffix("/")
    if not SLUG.fullmatch(slug):
        raise LinkNotFound
    return Visit(request, parts, context, Door(slug=slug), slug, f"/book/{slug}")


def at_single_use_link(request: Request, parts: Parts, context: AsGuest, code: str) -> Visit:
    """A visit to a single-use link. Raises LinkNotFound."""
    code = code.removesuffix("/")
    token_id = parts.codes.open(code, "book")
    if token_id is None:
        raise LinkNotFound
    return Visit(request, parts, context, Door(token_id=token_id), code, f"/s/{code}")


AtCoreLink = Annotated[Visit, Depends(at_core_link)]
AtSingleUseLink = Annotated[Visit, Depends(at_single_use_link)]


@router.get("/book/{slug:path}")
def show_core_link(visit: AtCoreLink) -> Response:
    """The page of a core link."""
    return page(visit, Filled())


@router.get("/s/{code:path}")
def show_single_use_link(visit: AtSingleUseLink) -> Response:
    """The page of a single-use link."""
    return page(visit, Filled())


@router.post("/book/{slug:path}")
def book_core_link(visit: AtCoreLink, fields: Fields) -> Response:
    """Books on a core link."""
    return book(visit, Filled(fields))


@router.post("/s/{code:path}")
def book_single_use_link(visit: AtSingleUseLink, fields: Fields) -> Response:
    """Books the one meeting of a single-use link."""
    return book(visit, Filled(fields))


def book(visit: Visit, filled: Filled) -> Response:
    """Books, and goes on to the booking's own page; whatever is wrong leads back to the form, filled in."""
    wished, filled = booking_of(filled)
    if wished is None:
        return page(visit, filled, status=422)
    try:
        booked = visit.parts.scheduling.book(visit.context, visit.door, wish_of(wished, filled.key))
    except IdempotencyKeyReused:
        return sent_before(visit, filled)
    except (SlotTaken, SlotNotOffered) as refusal:
        return page(visit, filled, refusal)
    if not booked.replayed:
        visit.parts.appended()
    return to_booking(visit, booked)


def wish_of(wished: NewBooking, key: str) -> Wish:
    """A booking as the JSON API would wish it: the same request by either way is the same request."""
    return Wish(wished.start, {"guest": wished.guest.model_dump(), "notes": wished.notes}, key)


def to_booking(visit: Visit, booked: Booked) -> Response:
    """On to the booking's own page, for who has shown its details; loading that again books nothing."""
    path = "/m/" + visit.parts.manage_url(booked.token.id).rpartition("/m/")[2]
    return RedirectResponse(f"{path}?done=booked", 303, written(booked.position))


def sent_before(visit: Visit, filled: Filled) -> Response:
    """The form under a new key, as its key has booked other details: a key alone tells and opens nothing.

    Raises IdempotencyKeyReused where the link books no more.
    """
    try:
        return page(visit, filled.under_a_new_key(f"{SENT_BEFORE} To book another one, press the button."), status=422)
    except Refusal:
        raise IdempotencyKeyReused from None


def page(visit: Visit, filled: Filled, refusal: Refusal | None = None, status: int = 200) -> Response:
    """The page of a link, with the form as it was filled in. Raises the refusals of the contract's table.

    Where somebody whose time it takes has left it says so, and of whom nothing.
    """
    offer = open_offer(visit.parts, visit.door, visit.context)
    if not offer.is_attended:
        raise LinkUnattended
    picker = picker_for(visit, offer, filled)
    wanted = picker.asked.start if filled.fields else None
    return render(
        visit.request,
        "guest/book.html",
        STATUS[type(refusal)] if refusal else status,
        zone=picker.asked.time_zone,
        picker=picker,
        choices=picker.next_times(wanted) if wanted and not picker.start else [],
        refusal=refusal.sentence if refusal else None,
        filled=filled,
        meeting_type=offered_type(offer),
        hosts=hosts(offer),
        expires_at=offer.link.properties.expires_at,
        single_use=visit.door.token_id is not None,
        books=f"/v1/book/{visit.code}",
    )


def picker_for(visit: Visit, offer: LinkOffer, filled: Filled) -> Picker:
    """The times of a link, as the address or the form asks for them."""
    asked = asked_by(filled.fields or visit.request.query_params, offer.hosts[0].properties.time_zone)
    return picker_of(
        visit.path,
        f"/v1/book/{visit.code}/slots",
        offer,
        lambda within: visit.parts.scheduling.slots(offer, within, visit.context.now),
        asked,
        face_for(visit.request.headers.get("accept-language")),
        visit.context.now,
    )
