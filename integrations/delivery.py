"""What a channel must be able to do for an outbox worker: deliver one notification, and say what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain.notifications.calendar_delivery import CalendarFailureReason
from domain.notifications.mail_delivery import MailFailureReason
from domain.notifications.notified_aggregate import NotifiedAggregate
from domain.notifications.outbox import Notification

FailureReason = MailFailureReason | CalendarFailureReason


class DeliveryFailed(Exception):
    """A notification was not delivered, as far as is known.

    `permanent`: another attempt would fail too; `server_fault`: the server failed, not this notification.
    """

    def __init__(self, reason: FailureReason, permanent: bool = False, server_fault: bool = False) -> None:
        super().__init__(reason)
        self.reason: FailureReason = reason
        self.permanent = permanent
        self.server_fault = server_fault


class DeliveryInterrupted(Exception):
    """The delivery was interrupted because the service stops."""


class LeaseLost(Exception):
    """The lease expired before the handover began, so that another worker has the notification by now."""


class NothingToDeliver(Exception):
    """The outbox table is behind: its recipient no longer receives anything by this channel."""


@dataclass
class DeliveryAttempt:
    """One attempt to deliver a notification. `record` is what the log keeps of it, whatever its outcome.

    `token` may also be an invitation. `handing_over` says that the recipient may have received it.
    """

    token: NotifiedAggregate
    notification: Notification
    record: Mapping[str, Any]
    mark_handing_over: Callable[[], bool]
    handing_over: bool = False

    def begin_handover(self) -> bool:
        """Mark, just before the data is sent, that the recipient may have it from now on.

        False when the lease has expired: then nothing may be sent. Raises DatabaseAway.
        """
        self.handing_over = self.mark_handing_over()
        return self.handing_over


class Delivery(Protocol):
    """A channel's way to deliver. It belongs to one worker; only `interrupt` is called from another thread.

    `failure_message` is the line of the operator's log: recipient's role, booking id and reason are filled in.
    """

    channel: str
    failure_message: str

    def describe_attempt(self, token: NotifiedAggregate, notification: Notification) -> Mapping[str, Any]:
        """Describe an attempt for the log, before it is made: fields of the channel's events."""

    def deliver(self, attempt: DeliveryAttempt) -> Mapping[str, Any]:
        """Deliver a notification; returns the further fields of the event that says so.

        A channel for which a second delivery would show calls `begin_handover` just before it sends the data. Raises
        DeliveryFailed, DeliveryInterrupted, LeaseLost, NothingToDeliver, DatabaseAway, Refusal.
        """

    def release_idle_resources(self) -> None:
        """Release what need not be held while nothing is due."""

    def interrupt(self) -> bool:
        """Interrupt the current delivery; False when it cannot be, and its thread is left to end with the process."""

    def close(self) -> None:
        """Release everything. A later delivery opens what it needs again."""
