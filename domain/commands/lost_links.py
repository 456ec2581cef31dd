"""Commands for guests who lost their way: the manage link mailed again, and a request for a new link."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from domain.commands.command_group import CommandGroup
from domain.event import Context
from domain.link import Link
from domain.link_request import LinkRequest, derive_link_request_id
from domain.notifications.mail_delivery import MailRequested
from domain.notifications.outbox import Notification, get_event_name
from domain.notifications.rules import NOTIFICATION_RULES
from domain.person import Person
from domain.refusals import NothingToSend, Refusal
from domain.token import Token

MAX_RESENDS = 3  # of one meeting in a day
RESEND_PERIOD = timedelta(days=1)


class LostLinkCommands(CommandGroup):
    """The commands at a single-use link that books nothing any more. What they do is never told to who asks."""

    def send_manage_link(self, context: Context, token_id: UUID) -> int | None:
        """Mails the guest of a meeting their latest mail again, which has the manage link, to the address that booked.

        Returns the position; None where there is nothing to mail: no meeting, one that is over, an erased guest, a mail
        that is on its way, or three of them within a day. Raises TryAgain.
        """

        def decide(_: bool) -> int | None:
            token = self.load_aggregates([token_id]).get(token_id)
            notification = find_guest_mail(token) if isinstance(token, Token) else None
            if not isinstance(token, Token) or notification is None:
                return None
            since = context.now - RESEND_PERIOD
            if sum(resent_at > since for resent_at in token.guest_resends) >= MAX_RESENDS:
                return None
            token = token.copy_with_events(())
            try:
                token.request_notification(MailRequested, context, notification)
            except NothingToSend:
                return None
            return self.append_events(token)

        return self.run_decision(decide)

    def request_new_link(self, context: Context, token_id: UUID) -> int | None:
        """Mails whoever issued a single-use link that somebody needs a new one, at most once a day for a link.

        For one who left, the owner of the core link is mailed. Returns the position; None where nobody is mailed, as
        for a link that can still be booked. Raises TryAgain.
        """
        request_id = derive_link_request_id(token_id)

        def decide(_: bool) -> int | None:
            aggregates = self.load_aggregates([token_id, request_id])
            token = aggregates.get(token_id)
            if not isinstance(token, Token) or token.issued_event is None:
                return None
            link = self.load_aggregate(Link, token.link_id)
            people = self.load_aggregates([token.issued_event.issued_by, *link.host_ids])
            active_ids = {id for id, person in people.items() if isinstance(person, Person) and person.active}
            if is_bookable(token, link, active_ids, context.now):
                return None
            candidate_ids = (token.issued_event.issued_by, link.properties.owner_id)
            person_id = next((id for id in candidate_ids if id in active_ids), None)
            if person_id is None:
                return None
            existing = aggregates.get(request_id)
            request = existing.copy_with_events(()) if isinstance(existing, LinkRequest) else LinkRequest(request_id)
            request.request(context, token_id, link.id, person_id)
            return self.append_events(request)

        return self.run_decision(decide)


def is_bookable(token: Token, link: Link, active_ids: Collection[UUID], now: datetime) -> bool:
    """Whether a single-use link can still be booked: nothing closed it, and all whom one would meet are there."""
    try:
        token.refuse_if_closed(link, now)
    except Refusal:
        return False
    return all(id in active_ids for id in link.host_ids)


def find_guest_mail(token: Token) -> Notification | None:
    """Returns the latest mail about the state of a meeting to its guest that may be sent; None without one."""
    mails = [
        notification
        for notification in token.outbox.list_notifications()
        if (notification.channel, notification.to, notification.offset_minutes) == ("mail", "guest", None)
        and NOTIFICATION_RULES[get_event_name(token.outbox.get_cause_event(notification))].replaces
        and token.outbox.is_sendable(notification)
    ]
    return max(mails, key=lambda notification: notification.cause_version, default=None)
