"""Notifications of a meeting: which events are notified, to whom, over which channels, and each delivery state.

Two tables define it, for this module's state of one token and for the read model `projections/outbox.py`; a test
compares the two. To notify more events, add a row to `NOTIFICATION_RULES`; for another channel, one to `CHANNELS`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple
from uuid import UUID

from domain.event import Event

RecipientRole = Literal["guest", "host", "co_host", "former_host", "person"]
DeliveryStatus = Literal["owed", "sent", "failed"]
ALL_ROLES: tuple[RecipientRole, ...] = ("guest", "host", "co_host", "former_host", "person")
# seconds from a failure to the next attempt; after the last one a failure is final
RETRY_DELAYS_SECONDS = (10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400)
# attempts with an unknown outcome: a mail with one Message-ID is sent at most that often
MAX_UNKNOWN_OUTCOMES = 2


@dataclass(frozen=True, slots=True)
class NotificationRule:
    """How an event is notified: its `what`, recipients and channels, and whether it replaces earlier notifications.

    `changes`: the event changes the calendar entry, so its SEQUENCE rises. Of an event with a `host_id`, no other
    host is notified.
    """

    what: str
    roles: tuple[RecipientRole, ...] = ALL_ROLES
    replaces: bool = True
    changes: bool = True
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
    "MeetingBooked": NotificationRule("booked", changes=False),
    "Rescheduled": NotificationRule("rescheduled"),
    "MeetingReassigned": NotificationRule("reassigned"),
    "MeetingCancelled": NotificationRule("cancelled"),
    "CalendarConflictFound": NotificationRule("conflict", replaces=False, changes=False, channels=("mail",)),
    "PersonInvited": NotificationRule("invited", roles=("person",), changes=False, channels=("mail",)),
}
CHANNELS: dict[str, Channel] = {
    "mail": Channel("MailSent", "MailFailed", "MailRequested"),
    "calendar": Channel(
        "CalendarWritten", "CalendarFailed", "CalendarRequested", roles=("host", "co_host", "former_host")
    ),
}
CHANNEL_BY_EVENT = {name: channel for channel, its in CHANNELS.items() for name in its.events}


class Notification(NamedTuple):
    """One notification: an event of the stream (by its version), a channel and a recipient."""

    cause_version: int
    channel: str
    to: RecipientRole
    person_id: UUID | None = None

    def derive_id(self, token_id: UUID) -> UUID:
        """Returns the id, which is always the same for the same token."""
        components = (token_id, self.cause_version, self.channel, self.to, self.person_id)
        text = ".".join(str(component) for component in components if component is not None)
        return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The delivery state of a notification: attempts since the last request, and those with an unknown outcome."""

    state: DeliveryStatus = "owed"
    attempts: int = 0
    unknown: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Outbox:
    """The notifications of one token, folded from its stream."""

    cause_events: tuple[Event, ...] = ()
    delivery_states: Mapping[Notification, DeliveryState] = field(default_factory=dict)
    erased_details_ids: frozenset[UUID] = frozenset()

    def apply_event(self, event: Event) -> "Outbox":
        """Returns the outbox after one more event of the stream. It never fails, like `evolve`."""
        name = get_event_name(event)
        if name in NOTIFICATION_RULES:
            return replace(self, cause_events=(*self.cause_events, event))
        if name in CHANNEL_BY_EVENT:
            notification = extract_notification(event)
            return replace(
                self,
                delivery_states={
                    **self.delivery_states,
                    notification: advance_delivery_state(self.get_delivery_state(notification), name, event),
                },
            )
        if name == "PersonalDetailsErased":
            return replace(self, erased_details_ids=self.erased_details_ids.union(getattr(event, "details_ids", ())))
        return self

    def get_delivery_state(self, notification: Notification) -> DeliveryState:
        """Returns the delivery state of a notification."""
        return self.delivery_states.get(notification, DeliveryState())

    def list_notifications(self) -> Iterator[Notification]:
        """Lists every notification, including superseded ones."""
        for cause in self.cause_events:
            rule = NOTIFICATION_RULES[get_event_name(cause)]
            for channel, channel_rule in CHANNELS.items():
                for to, person_id in self.list_recipients(cause):
                    if channel in rule.channels and to in rule.roles and to in channel_rule.roles:
                        yield Notification(cause.originator_version, channel, to, person_id)

    def list_recipients(self, cause: Event) -> Iterator[tuple[RecipientRole, UUID | None]]:
        """Lists the recipients of an event: the guest, the hosts after it (or the one it names), and former hosts.

        An invitation has one, the person that it invites.
        """
        if get_event_name(cause) == "PersonInvited":
            yield "person", getattr(cause, "person_id", None)
            return
        yield "guest", None
        hosts: tuple[UUID, ...] = ()
        for event in self.cause_events:
            if event.originator_version <= cause.originator_version:
                hosts = getattr(event, "host_ids", hosts)
        for number, host in enumerate(hosts):
            if getattr(cause, "host_id", host) == host:
                yield "co_host" if number else "host", host
        for host in getattr(cause, "previous_host_ids", ()):
            if host not in hosts:
                yield "former_host", host

    def is_superseded(self, notification: Notification) -> bool:
        """Whether a later notification replaces it for the same recipient."""
        return any(
            later.cause_version > notification.cause_version
            and (later.channel, later.person_id) == (notification.channel, notification.person_id)
            and NOTIFICATION_RULES[get_event_name(self.get_cause_event(later))].replaces
            for later in self.list_notifications()
        )

    def is_erased(self, notification: Notification) -> bool:
        """Whether it is for a guest whose details are erased."""
        booked_event = next((cause for cause in self.cause_events if get_event_name(cause) == "MeetingBooked"), None)
        return notification.to == "guest" and getattr(booked_event, "details_id", None) in self.erased_details_ids

    def is_sendable(self, notification: Notification) -> bool:
        """Whether it may be sent, again or for the first time."""
        is_known = notification in set(self.list_notifications())
        return is_known and not self.is_superseded(notification) and not self.is_erased(notification)

    def is_pending(self, notification: Notification) -> bool:
        """Whether it still has to be sent, now or later."""
        return self.get_delivery_state(notification).state == "owed" and self.is_sendable(notification)

    def is_first(self, notification: Notification) -> bool:
        """Whether its recipient has not been notified of the meeting before."""
        return not any(
            delivery_state.state == "sent"
            and (earlier.channel, earlier.person_id) == (notification.channel, notification.person_id)
            and earlier.cause_version < notification.cause_version
            for earlier, delivery_state in self.delivery_states.items()
        )

    def get_cause_event(self, notification: Notification) -> Event:
        """Returns the event that the notification is about. Raises KeyError."""
        events_by_version = {cause.originator_version: cause for cause in self.cause_events}
        return events_by_version[notification.cause_version]

    def build_event_fields(self, notification: Notification) -> dict[str, Any]:
        """Returns the event fields that identify a notification."""
        what = NOTIFICATION_RULES[get_event_name(self.get_cause_event(notification))].what
        return {
            "cause_version": notification.cause_version,
            "what": what,
            "to": notification.to,
            "person_id": notification.person_id,
        }


def advance_delivery_state(before: DeliveryState, name: str, event: Any) -> DeliveryState:
    """Returns the delivery state after an event of its channel."""
    channel = CHANNELS[CHANNEL_BY_EVENT[name]]
    if name == channel.requested_event:
        return DeliveryState(requests=before.requests + 1)
    if name == channel.sent_event:
        return replace(before, state="sent", attempts=event.attempt)
    unknown_outcomes = before.unknown + (event.reason == "unknown_outcome")
    return replace(before, state="failed" if event.last else "owed", attempts=event.attempt, unknown=unknown_outcomes)


def extract_notification(event: Any) -> Notification:
    """Returns the notification that an event of a channel is about."""
    return Notification(event.cause_version, CHANNEL_BY_EVENT[get_event_name(event)], event.to, event.person_id)


def get_event_name(event: Event) -> str:
    """Returns an event's name without its version."""
    return event.stored_name.partition(".")[0]


def compute_sequence(events: Iterator[Event]) -> int:
    """Returns the iCalendar SEQUENCE: how often the meeting was changed."""
    changing_names = [name for name, cause in NOTIFICATION_RULES.items() if cause.changes]
    return sum(get_event_name(event) in changing_names for event in events)
