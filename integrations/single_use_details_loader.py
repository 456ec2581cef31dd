"""Loads what the mail to the recipient of a single-use link says, as its core link is when it is sent."""

from datetime import datetime

from domain.commands.command_application import require_all, require_kind
from domain.link import Link
from domain.meeting_type import MeetingType
from domain.notifications.outbox import Notification
from domain.person import Person
from domain.token import Token
from integrations.meeting_details import SingleUseMailDetails
from integrations.meeting_details_loader import MeetingDetailsLoader


def load_single_use_details(
    loader: MeetingDetailsLoader, token: Token, notification: Notification, now: datetime
) -> SingleUseMailDetails | None:
    """Load them; None if the recipient was erased. Raises the refusals of a link that cannot be booked now."""
    issued, cause = token.issued_event, token.outbox.get_cause_event(notification)
    assert issued is not None
    link = loader.commands.load_aggregate(Link, token.link_id)
    token.refuse_if_closed(link, now)
    ids = (link.properties.meeting_type_id, issued.issued_by, *link.host_ids)
    aggregates = loader.commands.load_aggregates(ids)
    message_id = getattr(cause, "details_id", None)
    details = loader.load_personal_details(issued.details_id, message_id)
    recipient = (details.get(issued.details_id) or {}).get("recipient")
    if not recipient or not recipient.get("email"):
        return None
    return SingleUseMailDetails(
        recipient_name=recipient.get("name") or "",
        recipient_email=recipient["email"],
        issuer=require_kind(Person, aggregates.get(issued.issued_by)).properties,
        meeting_type=require_kind(MeetingType, aggregates.get(link.properties.meeting_type_id)).properties,
        host_names=[host.properties.name for host in require_all(Person, link.host_ids, aggregates)],
        expires_at=token.compute_expiry(link),
        only_recipient=issued.only_recipient,
        message=(details.get(message_id) or {}).get("message"),
        url=loader.build_single_use_url(token.id),
    )
