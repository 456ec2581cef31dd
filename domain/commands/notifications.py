"""Commands on the notifications of a meeting: recording attempts and requesting a resend."""

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.commands.command_group import CommandGroup
from domain.event import Context
from domain.notifications.calendar_delivery import (
    CalendarFailed,
    CalendarFailureReason,
    CalendarRequested,
    CalendarWritten,
)
from domain.notifications.mail_delivery import MailFailed, MailFailureReason, MailRequested, MailSent, NotificationEvent
from domain.notifications.notified_aggregate import NotifiedAggregate
from domain.notifications.outbox import DeliveryState, Notification
from domain.notifications.rules import MAX_UNKNOWN_OUTCOMES, RETRY_DELAYS_SECONDS
from domain.refusals import NotFound

EVENT_CLASSES: dict[str, tuple[type[NotificationEvent], type[NotificationEvent], type[NotificationEvent]]] = {
    "mail": (MailSent, MailFailed, MailRequested),
    "calendar": (CalendarWritten, CalendarFailed, CalendarRequested),
}


class NotificationCommands(CommandGroup):
    """The commands of the outbox workers, and of people who resend a notification."""

    def load_if_due(self, id: UUID, notification: Notification, now: datetime) -> NotifiedAggregate | None:
        """Returns the token or invitation if the notification is pending and due by the log, which decides."""
        aggregate = self.load_aggregate(NotifiedAggregate, id)
        outbox = aggregate.outbox
        return aggregate if outbox.is_pending(notification) and outbox.is_due(notification, now) else None

    def record_delivery(
        self, context: Context, token_id: UUID, notification: Notification, **payload: Any
    ) -> int | None:
        """Records a delivery. Records nothing when it is known already. Raises NotFound, TryAgain."""
        return self.record_attempt(context, token_id, notification, EVENT_CLASSES[notification.channel][0], payload)

    def record_failure(
        self,
        context: Context,
        token_id: UUID,
        notification: Notification,
        reason: MailFailureReason | CalendarFailureReason,
        last: bool,
        **payload: Any,
    ) -> int | None:
        """Records a failed attempt, which is final if it was the last one. Raises NotFound, TryAgain."""
        event_class = EVENT_CLASSES[notification.channel][1]
        return self.record_attempt(
            context, token_id, notification, event_class, {"reason": reason, "last": last, **payload}
        )

    def record_attempt(
        self,
        context: Context,
        token_id: UUID,
        notification: Notification,
        event_class: type[NotificationEvent],
        payload: dict[str, Any],
    ) -> int | None:
        """Appends the outcome of one attempt."""

        def change(token: NotifiedAggregate) -> None:
            delivery_state = token.outbox.get_delivery_state(notification)
            fields = {"attempt": delivery_state.attempts + 1, **payload}
            if "reason" in fields:
                fields["last"] = fields["last"] or is_last_attempt(delivery_state, fields["reason"])
            token.record_notification(event_class, context, notification, **fields)

        return self.change_aggregate(NotifiedAggregate, token_id, context, change)

    def request_resend(self, context: Context, token_id: UUID, id: UUID) -> int | None:
        """Requests a mail once more. Records nothing while it is pending. Raises NotFound, NothingToSend, TryAgain."""

        def change(token: NotifiedAggregate) -> None:
            notifications = {
                notification.derive_id(token_id): notification for notification in token.outbox.list_notifications()
            }
            if id not in notifications:
                raise NotFound
            token.request_notification(EVENT_CLASSES[notifications[id].channel][2], context, notifications[id])

        return self.change_aggregate(NotifiedAggregate, token_id, context, change)


def is_last_attempt(delivery_state: DeliveryState, reason: MailFailureReason | CalendarFailureReason) -> bool:
    """Whether a failure is final: no attempts are left, or too many had an unknown outcome."""
    unknown_outcomes = delivery_state.unknown + (reason == "unknown_outcome")
    return delivery_state.attempts >= len(RETRY_DELAYS_SECONDS) or unknown_outcomes >= MAX_UNKNOWN_OUTCOMES
