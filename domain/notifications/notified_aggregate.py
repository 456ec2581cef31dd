"""An aggregate whose events are notified: it keeps the outbox of its stream, and records what became of each mail."""

from datetime import datetime
from typing import Any

from domain.aggregate import Aggregate
from domain.event import Context, Event
from domain.notifications.mail_delivery import MailRequested, NotificationEvent
from domain.notifications.outbox import Notification, Outbox
from domain.refusals import NothingToSend


class NotifiedAggregate(Aggregate):
    """A token or an invitation. A subclass says with `has_lapsed` until when its notifications are of use."""

    outbox: Outbox = Outbox()
    guest_resends: tuple[datetime, ...] = ()  # when somebody at a used single-use link had a mail sent again

    def has_lapsed(self, context: Context, notification: Notification) -> bool:
        """Whether a notification is of no use any more."""
        return False

    def record_notification(
        self, event_class: type[NotificationEvent], context: Context, notification: Notification, **payload: Any
    ) -> None:
        """Records the outcome of a notification. Records nothing when it is not pending."""
        if self.outbox.get_delivery_state(notification).state == "owed" and notification in set(
            self.outbox.list_notifications()
        ):
            self.record_event(event_class, context, **self.outbox.build_event_fields(notification), **payload)

    def request_notification(
        self, event_class: type[NotificationEvent], context: Context, notification: Notification
    ) -> None:
        """Requests a notification once more. Records nothing while it is pending. Raises NothingToSend."""
        if not self.outbox.is_sendable(notification) or self.has_lapsed(context, notification):
            raise NothingToSend
        if self.outbox.get_delivery_state(notification).state != "owed":
            self.record_event(event_class, context, **self.outbox.build_event_fields(notification))

    def evolve(self, event: Event) -> None:
        """Folds an event into the outbox."""
        self.outbox = self.outbox.apply_event(event)
        if isinstance(event, MailRequested) and event.actor.kind == "guest":
            self.guest_resends += (event.occurred_at,)
