"""The link that a guest's code or slug names, if it can be booked now; and whom it was made for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from api.field_types import SLUG
from api.http.rate_limiter import GuestContext
from api.services import Services
from domain.commands.booking_request import BookingTarget
from domain.offer import LinkOffer
from domain.refusals import LinkNotFound, LinkSingleUseOnly
from projections.single_use_links import Recipient


def resolve_target(services: Services, code: str) -> BookingTarget:
    """Resolve a code or slug to the single-use link or core link it names. Raises LinkNotFound."""
    token_id = services.codes.open_code(code, "book")
    if token_id is not None:
        return BookingTarget(token_id=token_id)
    if not SLUG.fullmatch(code):
        raise LinkNotFound
    return BookingTarget(slug=code)


def load_open_offer(services: Services, target: BookingTarget, context: GuestContext) -> LinkOffer:
    """Load the offer of a link that can be booked now. Raises the contract's refusals of a closed link."""
    _, offer = services.scheduling.resolve_target(target)
    with name_contact(services):
        offer.refuse_if_closed(context.now)
    return offer


@contextmanager
def name_contact(services: Services) -> Iterator[None]:
    """Tell the guest of a link that only has single-use links the organisation's contact."""
    try:
        yield
    except LinkSingleUseOnly:
        contact = services.organisation.load_organisation().properties.support_contact
        raise LinkSingleUseOnly(contact) from None


def find_recipient(services: Services, offer: LinkOffer) -> Recipient | None:
    """Find whom the single-use link of an offer was made for; None for a core link, for nobody, and once erased."""
    recipient = services.scheduling.load_recipient(offer.token) if offer.token else None
    return cast(Recipient, recipient) if recipient else None
