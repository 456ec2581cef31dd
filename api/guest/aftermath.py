"""What a guest is told on the page of a booking: where the mail about it went, and who cancelled it."""

from dataclasses import dataclass
from datetime import datetime

from api.services import Services
from api.v1.booking_notifications import load_notifications
from domain.link import Link
from domain.refusals import Refusal
from domain.replacement import derive_replacement_id
from domain.text_direction import isolate_text
from domain.token import Token
from integrations.meeting_details import MeetingDetails

MAIL_SENTENCES = {
    "sent": "A mail about it, with the calendar entry, went to {address}.",
    "owed": "A mail about it, with the calendar entry, is on its way to {address}.",
    "late": "The mail about it to {address} has not gone out yet. This page is always up to date, so keep its address.",
    "console": "This is a demonstration: the mail to {address} is printed where the server runs.",
    "none": "This server sends no mail, so keep the address of this page.",
}


@dataclass(frozen=True)
class Cancellation:
    """Who cancelled a meeting, why, and what its guest can do: `book_path` books another time, if a link does.

    `host` is whom to ask otherwise, who may be somebody else than who cancelled.
    """

    by: str
    host: str
    is_by_guest: bool
    reason: str | None
    book_path: str | None


def describe_mail(services: Services, details: MeetingDetails) -> str | None:
    """Return where the last mail to the guest went, or None if there is none to tell of; never more than is known."""
    if details.guest is None:
        return None
    if services.settings.mail_method == "none":
        return MAIL_SENTENCES["none"]
    rows = load_notifications(services, details.token_id)
    mails = [row for row in rows if (row["to"], row["channel"]) == ("guest", "mail") and row["scheduled_at"] is None]
    mail = next(iter(mails), None)
    if mail is None or mail["state"] not in ("sent", "owed", "failed"):
        return None
    is_late = mail["state"] == "failed" or (mail["state"] == "owed" and mail["failure"] is not None)
    prints = services.settings.mail_method == "console"
    sentence = MAIL_SENTENCES["late" if is_late else "console" if prints else mail["state"]]
    return sentence.format(address=isolate_text(details.guest.email))


def describe_cancellation(
    services: Services, token: Token, details: MeetingDetails, now: datetime
) -> Cancellation | None:
    """Return who cancelled a meeting and what its guest can do now; None if it was not cancelled."""
    if not details.cancelled:
        return None
    is_by_guest = details.cancelled_by == "guest"
    host = details.hosts[0].name
    by = "you" if is_by_guest else details.canceller or host
    book_path = find_replacement_path(services, details, now) or find_book_path(services, token, now)
    return Cancellation(by, host, is_by_guest, None if is_by_guest else details.reason, book_path)


def find_replacement_path(services: Services, details: MeetingDetails, now: datetime) -> str | None:
    """Return the page of the link that replaces the booking, if it can be booked; else None."""
    if details.replacement_url is None:
        return None
    replacement = services.scheduling.load_aggregate(Token, derive_replacement_id(details.token_id))
    link = services.links.load_aggregate(Link, replacement.link_id)
    try:
        replacement.refuse_if_closed(link, now)
    except Refusal:
        return None
    return details.replacement_url.removeprefix(services.settings.base_url)


def find_book_path(services: Services, token: Token, now: datetime) -> str | None:
    """Return the page that books another meeting: that of the core link, which a single-use link never reveals."""
    if token.issued_event is not None:
        return None
    link = services.links.load_aggregate(Link, token.link_id)
    is_open = link.get_status(now) == "active" and not link.properties.single_use_only
    return f"/book/{link.properties.slug}" if is_open else None
