"""A meeting type: the template that links book by."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate
from domain.availability.slots import SlotRules
from domain.event import Context, Event, IdempotentEvent, Properties

# What happened


class MeetingTypeProperties(Properties):
    """The properties of a meeting type; durations in minutes, the window in days."""

    name: str
    description: str | None = None
    duration_minutes: int
    location: str | None = None
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    minimum_notice_minutes: int = 0
    booking_window_days: int = 60
    slot_step_minutes: int | None = None

    @property
    def rules(self) -> SlotRules:
        """The slot rules of this meeting type; the step is the duration where none is given."""
        return SlotRules(
            duration=timedelta(minutes=self.duration_minutes),
            step=timedelta(minutes=self.slot_step_minutes or self.duration_minutes),
            buffer_before=timedelta(minutes=self.buffer_before_minutes),
            buffer_after=timedelta(minutes=self.buffer_after_minutes),
            minimum_notice=timedelta(minutes=self.minimum_notice_minutes),
            booking_window=timedelta(days=self.booking_window_days),
        )


class MeetingTypeCreated(MeetingTypeProperties, IdempotentEvent, name="MeetingTypeCreated.v1"):
    """A meeting type was created."""


class MeetingTypeUpdated(MeetingTypeProperties, Event, name="MeetingTypeUpdated.v1"):
    """A meeting type was changed; the payload has every property after the change."""


class MeetingType(Aggregate):
    """A meeting type. Links and single-use links follow its changes."""

    properties: MeetingTypeProperties

    # What may happen

    @classmethod
    def create(
        cls, id: UUID, properties: MeetingTypeProperties, context: Context, **event_fields: Any
    ) -> "MeetingType":
        """Creates a meeting type."""
        meeting_type = cls(id)
        meeting_type.record_event(MeetingTypeCreated, context, **dict(properties), **event_fields)
        return meeting_type

    def update(self, properties: MeetingTypeProperties, context: Context) -> None:
        """Replaces the properties. Records nothing when they are equal."""
        if properties != self.properties:
            self.record_event(MeetingTypeUpdated, context, **dict(properties))

    # How history becomes state

    def evolve(self, event: Event) -> None:
        if isinstance(event, MeetingTypeProperties):
            self.properties = MeetingTypeProperties.from_event(event)
