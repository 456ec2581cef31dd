"""Request bodies of meeting types."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StringConstraints

from api.field_types import Minutes, Name, Positive, RequestBody, Text, normalize_text, require_unique
from api.v1.bodies.days_off import LimitsBody, to_domain_fields
from api.v1.bodies.questions import Questions, to_questions
from api.v1.request_bodies import PatchBody
from domain.meeting_type import FollowUp, MeetingTypeProperties

MAX_REMINDERS = 5
Window = Annotated[StrictInt, Field(ge=1, le=3650)]
Notice = Annotated[StrictInt, Field(ge=0, le=525_600)]
MailText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), BeforeValidator(normalize_text)
]


def sort_reminders(minutes: list[int]) -> list[int]:
    """Sort reminders, the earliest one first, so that the same ones are equal however they are sent."""
    return sorted(require_unique(minutes), reverse=True)


Reminders = Annotated[
    list[Annotated[StrictInt, Field(ge=5, le=40_320)]],
    Field(max_length=MAX_REMINDERS, description="Minutes before the start; an empty list for no reminders."),
    AfterValidator(sort_reminders),
]


class NewFollowUp(RequestBody):
    """A mail to the guest after the meeting, unless it was cancelled or they did not come."""

    after_minutes: Annotated[StrictInt, Field(ge=0, le=20_160, description="Minutes after the end.")]
    message: MailText


def to_property_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the fields of a body to those of a meeting type's properties."""
    follow_up, questions = fields.get("follow_up"), fields.get("questions")
    return {
        **to_domain_fields(fields),
        **({"follow_up": FollowUp(**dict(follow_up))} if follow_up else {}),
        **({} if questions is None else {"questions": to_questions(questions)}),
    }


class NewMeetingType(RequestBody):
    """A meeting type to create; minutes, and days for the window."""

    name: Name
    description: Text | None = None
    duration_minutes: Positive
    location: Text | None = None
    buffer_before_minutes: Minutes = 0
    buffer_after_minutes: Minutes = 0
    minimum_notice_minutes: Notice = 0
    booking_window_days: Window = 60
    slot_step_minutes: Positive | None = None
    reminders_minutes: Reminders = [1_440, 60]  # noqa: RUF012
    follow_up: NewFollowUp | None = None
    limits: LimitsBody | None = None
    questions: Questions = []  # noqa: RUF012

    def to_properties(self) -> MeetingTypeProperties:
        """Convert to the properties of a meeting type."""
        return MeetingTypeProperties(**to_property_values(dict(self)))


class MeetingTypeChanges(PatchBody):
    """What may be changed of a meeting type."""

    CLEARABLE = frozenset({"description", "location", "slot_step_minutes", "follow_up", "limits"})

    name: Name | None = None
    description: Text | None = None
    duration_minutes: Positive | None = None
    location: Text | None = None
    buffer_before_minutes: Minutes | None = None
    buffer_after_minutes: Minutes | None = None
    minimum_notice_minutes: Notice | None = None
    booking_window_days: Window | None = None
    slot_step_minutes: Positive | None = None
    reminders_minutes: Reminders | None = None
    follow_up: NewFollowUp | None = None
    limits: LimitsBody | None = None
    questions: Questions | None = None

    def get_sent_fields(self) -> dict[str, Any]:
        """Get the fields that the client sent."""
        return to_property_values(super().get_sent_fields())
