"""The rules of notifications: which events are notified, to whom, over which channels, and how often one is tried.

To notify more events, add a row to `NOTIFICATION_RULES`; for another channel, one to `CHANNELS`.
"""

from dataclasses import dataclass
from typing import Literal

RecipientRole = Literal["guest", "host", "co_host", "former_host", "person", "recipient"]
ALL_ROLES: tuple[RecipientRole, ...] = ("guest", "host", "co_host", "former_host", "person", "recipient")
REMINDED_ROLES: tuple[RecipientRole, ...] = ("guest", "host", "co_host")
FOLLOWED_UP_ROLES: tuple[RecipientRole, ...] = ("guest",)
SCHEDULED_CHANNEL = "mail"
# seconds from a failure to the next attempt; after the last one a failure is final
RETRY_DELAYS_SECONDS = (10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400)
# attempts with an unknown outcome: a mail with one Message-ID is sent at most that often
MAX_UNKNOWN_OUTCOMES = 2


@dataclass(frozen=True, slots=True)
class NotificationRule:
    """How an event is notified: its `what`, recipients and channels, and whether it replaces earlier notifications.

    `changes`: the event changes the calendar entry, so its SEQUENCE rises. Of an event with a `host_id`, no other
    host is notified. `schedules`: the reminders and the follow-up of the meeting begin anew with the event.
    """

    what: str
    roles: tuple[RecipientRole, ...] = ALL_ROLES
    replaces: bool = True
    changes: bool = True
    schedules: bool = False
    channels: tuple[str, ...] = ("mail", "calendar")


@dataclass(frozen=True, slots=True)
class Channel:
    """The event names of a channel, without version, and the recipients that it reaches."""

    sent_event: str
    failed_event: str
    requested_event: str
    roles: tuple[RecipientRole, ...] = ALL_ROLES

    @property
    def events(self) -> tuple[str, str, str]:
        """The names of all events of the channel."""
        return self.sent_event, self.failed_event, self.requested_event


NOTIFICATION_RULES: dict[str, NotificationRule] = {
    "MeetingBooked": NotificationRule("booked", changes=False, schedules=True),
    "Rescheduled": NotificationRule("rescheduled", schedules=True),
    "MeetingReassigned": NotificationRule("reassigned", schedules=True),
    "MeetingCancelled": NotificationRule("cancelled"),
    "CalendarConflictFound": NotificationRule("conflict", replaces=False, changes=False, channels=("mail",)),
    "NoShowMarked": NotificationRule("no_show", roles=("guest",), replaces=False, changes=False, channels=("mail",)),
    "PersonInvited": NotificationRule("invited", roles=("person",), changes=False, channels=("mail",)),
    "SingleUseSendRequested": NotificationRule("single_use", roles=("recipient",), changes=False, channels=("mail",)),
    "NewLinkRequested": NotificationRule("new_link", roles=("person",), changes=False, channels=("mail",)),
}
CHANNELS: dict[str, Channel] = {
    "mail": Channel("MailSent", "MailFailed", "MailRequested"),
    "calendar": Channel(
        "CalendarWritten", "CalendarFailed", "CalendarRequested", roles=("host", "co_host", "former_host")
    ),
}
CHANNEL_BY_EVENT = {name: channel for channel, its in CHANNELS.items() for name in its.events}
