"""A meeting type: the template that links book by."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.aggregate import Aggregate
from domain.availability.limits import NO_LIMITS, BookingLimits
from domain.availability.slots import SlotRules
from domain.durations import describe_minutes
from domain.event import Context, Event, IdempotentEvent, Properties
from domain.questions import Question
from domain.refusals import Invalid

# What happened


class FollowUp(BaseModel):
    """A mail to the guest, so many minutes after the meeting ended, with a message of the organisation's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after_minutes: int
    message: str


class MeetingTypeProperties(Properties):
    """The properties of a meeting type; durations in minutes, the window in days.

    Reminders are sent so many minutes before the meeting begins.
    """

    name: str
    description: str | None = None
    duration_minutes: int
    location: str | None = None
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    minimum_notice_minutes: int = 0
    booking_window_days: int = 60
    slot_step_minutes: int | None = None
    limits: BookingLimits = NO_LIMITS
    questions: tuple[Question, ...] = ()
    further_guests_max: int = 0
    reminders_minutes: tuple[int, ...] = (1_440, 60)
    follow_up: FollowUp | None = None

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

    @property
    def schedule_fields(self) -> dict[str, Any]:
        """The fields of a booking's event that say when its reminders and its follow-up are due."""
        follow_up_minutes = self.follow_up.after_minutes if self.follow_up else None
        return {"reminders_minutes": self.reminders_minutes, "follow_up_minutes": follow_up_minutes}

    @property
    def is_never_offered(self) -> bool:
        """Whether no time can ever be offered: the notice leaves nothing of the booking window."""
        return self.rules.minimum_notice >= self.rules.booking_window

    def explain_never_offered(self) -> str:
        """Returns why no time can ever be offered, as the end of a sentence about the meeting type."""
        notice, window = describe_minutes(self.minimum_notice_minutes), self.booking_window_days
        days = "1 day" if window == 1 else f"{window} days"
        return f"has a minimum notice of {notice}, and a booking window of {days}, so no time is ever offered."


SECOND_VERSION = ("limits", "questions", "further_guests_max", "reminders_minutes", "follow_up")


class MeetingTypeCreated(
    MeetingTypeProperties,
    IdempotentEvent,
    name="MeetingTypeCreated.v1",
    later={"MeetingTypeCreated.v2": SECOND_VERSION},
):
    """A meeting type was created."""


class MeetingTypeUpdated(
    MeetingTypeProperties, Event, name="MeetingTypeUpdated.v1", later={"MeetingTypeUpdated.v2": SECOND_VERSION}
):
    """A meeting type was changed; the payload has every property after the change."""


class MeetingType(Aggregate):
    """A meeting type. Links and single-use links follow its changes."""

    properties: MeetingTypeProperties

    # What may happen

    @classmethod
    def create(
        cls, id: UUID, properties: MeetingTypeProperties, context: Context, **event_fields: Any
    ) -> "MeetingType":
        """Creates a meeting type. Raises Invalid when no time could ever be offered."""
        refuse_never_offered(properties)
        meeting_type = cls(id)
        meeting_type.record_event(MeetingTypeCreated, context, **dict(properties), **event_fields)
        return meeting_type

    def update(self, properties: MeetingTypeProperties, context: Context) -> None:
        """Replaces the properties. Records nothing when they are equal.

        Raises Invalid when no time could ever be offered because of this change.
        """
        if (properties.rules.minimum_notice, properties.rules.booking_window) != (
            self.properties.rules.minimum_notice,
            self.properties.rules.booking_window,
        ):
            refuse_never_offered(properties)
        if properties != self.properties:
            self.record_event(MeetingTypeUpdated, context, **dict(properties))

    # How history becomes state

    def evolve(self, event: Event) -> None:
        if isinstance(event, MeetingTypeProperties):
            self.properties = MeetingTypeProperties.from_event(event)


def refuse_never_offered(properties: MeetingTypeProperties) -> None:
    """Passes properties by which times can be offered. Raises Invalid."""
    if properties.is_never_offered:
        raise Invalid("minimum_notice_minutes", f"This meeting type {properties.explain_never_offered()}")
