"""Notifications of a meeting: which events are notified, to whom, over which channels, and each delivery state.

Two tables define it, for this module's state of one token and for the read model `projections/outbox.py`; a test
compares the two. They are in `domain/notifications/rules.py`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from domain.event import Event
from domain.notifications.rules import (
    CHANNEL_BY_EVENT,
    CHANNELS,
    FOLLOWED_UP_ROLES,
    NOTIFICATION_RULES,
    REMINDED_ROLES,
    SCHEDULED_CHANNEL,
    RecipientRole,
)
from domain.notifications.schedule import (
    NO_SHOW_PERIOD,
    ScheduledMail,
    schedule_follow_up,
    schedule_reminders,
)

DeliveryStatus = Literal["owed", "sent", "failed"]


class Notification(NamedTuple):
    """One notification: an event of the stream (by its version), a channel and a recipient.

    `offset_minutes` tells the reminders and the follow-up of an event apart from the notification of the event itself:
    minutes from the meeting's start, negative, or from its end.
    """

    cause_version: int
    channel: str
    to: RecipientRole
    person_id: UUID | None = None
    offset_minutes: int | None = None

    @property
    def is_reminder(self) -> bool:
        """Whether it is a reminder."""
        return self.offset_minutes is not None and self.offset_minutes < 0

    @property
    def is_follow_up(self) -> bool:
        """Whether it is the mail after the meeting."""
        return self.offset_minutes is not None and self.offset_minutes >= 0

    def derive_id(self, token_id: UUID) -> UUID:
        """Returns the id, which is always the same for the same token."""
        components = (token_id, *self)
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
    revoked: bool = False
    no_show_event: Event | None = None  # that marked the meeting as a no-show, as it stands

    def apply_event(self, event: Event) -> "Outbox":
        """Returns the outbox after one more event of the stream. It never fails, like `evolve`."""
        name = get_event_name(event)
        if name in NOTIFICATION_RULES:
            no_show_event = event if name == "NoShowMarked" else self.no_show_event
            return replace(self, cause_events=(*self.cause_events, event), no_show_event=no_show_event)
        if name == "SingleUseRevoked":
            return replace(self, revoked=True)
        if name == "NoShowUnmarked":
            return replace(self, no_show_event=None)
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
                        if rule.schedules and channel == SCHEDULED_CHANNEL:
                            for mail in self.list_scheduled_mails(cause, to):
                                yield Notification(
                                    cause.originator_version, channel, to, person_id, mail.offset_minutes
                                )

    def list_scheduled_mails(self, cause: Any, to: RecipientRole) -> Iterator[ScheduledMail]:
        """Lists the reminders and the follow-up that an event schedules for a recipient, as they were booked."""
        booked_event: Any = self.find_booked_event()
        if to in REMINDED_ROLES:
            yield from schedule_reminders(booked_event.reminders_minutes, cause.starts_at, cause.occurred_at)
        if to in FOLLOWED_UP_ROLES:
            yield from schedule_follow_up(booked_event.follow_up_minutes, cause.ends_at)

    def find_scheduled_mail(self, notification: Notification) -> ScheduledMail | None:
        """Returns when a reminder or follow-up is due; None for another notification."""
        if notification.offset_minutes is None:
            return None
        mails = self.list_scheduled_mails(self.get_cause_event(notification), notification.to)
        return next((mail for mail in mails if mail.offset_minutes == notification.offset_minutes), None)

    def find_end_of_use(self, notification: Notification) -> datetime | None:
        """Returns the instant from which a notification is of no use; None: with the end of the meeting."""
        if mail := self.find_scheduled_mail(notification):
            return mail.useful_until
        cause = self.get_cause_event(notification)
        return cause.occurred_at + NO_SHOW_PERIOD if get_event_name(cause) == "NoShowMarked" else None

    def list_recipients(self, cause: Event) -> Iterator[tuple[RecipientRole, UUID | None]]:
        """Lists the recipients of an event: the guest, the hosts after it (or the one it names), and former hosts.

        An invitation has one, the person that it invites, a request for a new link whoever issued the old one, and a
        single-use link its recipient.
        """
        roles = NOTIFICATION_RULES[get_event_name(cause)].roles
        if roles in (("person",), ("recipient",)):
            yield roles[0], getattr(cause, "person_id", None)
            return
        if not getattr(cause, "tell_guest", True):  # a no-show of which nobody is told
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
        """Whether a later notification replaces it for the same recipient, or a no-show or its undoing does."""
        if notification.to == "recipient" and self.revoked:
            return True
        if notification.is_follow_up and self.no_show_event is not None:
            return True
        cause = self.get_cause_event(notification)
        if get_event_name(cause) == "NoShowMarked" and cause is not self.no_show_event:
            return True
        return any(
            later.offset_minutes is None
            and later.cause_version > notification.cause_version
            and (later.channel, later.person_id) == (notification.channel, notification.person_id)
            and NOTIFICATION_RULES[get_event_name(self.get_cause_event(later))].replaces
            for later in self.list_notifications()
        )

    def is_erased(self, notification: Notification) -> bool:
        """Whether it is for a guest or recipient whose details are erased."""
        if notification.to == "recipient":
            cause = self.get_cause_event(notification)
            return getattr(cause, "recipient_details_id", None) in self.erased_details_ids
        return (
            notification.to == "guest"
            and getattr(self.find_booked_event(), "details_id", None) in self.erased_details_ids
        )

    def is_sendable(self, notification: Notification) -> bool:
        """Whether it may be sent, again or for the first time."""
        is_known = notification in set(self.list_notifications())
        return is_known and not self.is_superseded(notification) and not self.is_erased(notification)

    def is_pending(self, notification: Notification) -> bool:
        """Whether it still has to be sent, now or later."""
        return self.get_delivery_state(notification).state == "owed" and self.is_sendable(notification)

    def is_due(self, notification: Notification, now: datetime) -> bool:
        """Whether a reminder or follow-up is neither too early nor too late. Other notifications always are."""
        mail = self.find_scheduled_mail(notification)
        return mail is None or mail.due_at <= now < mail.useful_until

    def is_first(self, notification: Notification) -> bool:
        """Whether its recipient has not been notified of the meeting before; a reminder does not count."""
        return not any(
            delivery_state.state == "sent"
            and earlier.offset_minutes is None
            and (earlier.channel, earlier.person_id) == (notification.channel, notification.person_id)
            and earlier.cause_version < notification.cause_version
            for earlier, delivery_state in self.delivery_states.items()
        )

    def find_booked_event(self) -> Event | None:
        """Returns the event that booked the meeting."""
        return next((cause for cause in self.cause_events if get_event_name(cause) == "MeetingBooked"), None)

    def get_cause_event(self, notification: Notification) -> Event:
        """Returns the event that the notification is about. Raises KeyError."""
        events_by_version = {cause.originator_version: cause for cause in self.cause_events}
        return events_by_version[notification.cause_version]

    def build_event_fields(self, notification: Notification) -> dict[str, Any]:
        """Returns the event fields that identify a notification."""
        scheduled = {} if notification.offset_minutes is None else {"offset_minutes": notification.offset_minutes}
        return {
            "cause_version": notification.cause_version,
            "what": self.name_subject(notification),
            "to": notification.to,
            "person_id": notification.person_id,
            **scheduled,
        }

    def name_subject(self, notification: Notification) -> str:
        """Returns what a notification is about, as its events have it in `what`."""
        if notification.is_reminder:
            return "reminder"
        if notification.is_follow_up:
            return "follow_up"
        return NOTIFICATION_RULES[get_event_name(self.get_cause_event(notification))].what


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
    return Notification(
        event.cause_version,
        CHANNEL_BY_EVENT[get_event_name(event)],
        event.to,
        event.person_id,
        getattr(event, "offset_minutes", None),
    )


def get_event_name(event: Event) -> str:
    """Returns an event's name without its version."""
    return event.stored_name.partition(".")[0]


def compute_sequence(events: Iterator[Event]) -> int:
    """Returns the iCalendar SEQUENCE: how often the meeting was changed."""
    changing_names = [name for name, cause in NOTIFICATION_RULES.items() if cause.changes]
    return sum(get_event_name(event) in changing_names for event in events)
