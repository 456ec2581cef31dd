"""What request bodies say about limits, holidays and absences, and the change to what the domain keeps."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, StrictInt, StringConstraints, model_validator

from api.field_types import Day, RequestBody, Text, require_unique
from domain.availability.days_off import Absence, Holidays
from domain.availability.limits import NO_LIMITS, BookingLimits

MAX_ABSENCES = 200
Most = Annotated[StrictInt, Field(ge=1, le=1000)]


class LimitsBody(RequestBody):
    """At most so many meetings in a day and in a week of the host's zone, which begins on Monday."""

    per_day: Most | None = None
    per_week: Most | None = None


class HolidaysBody(RequestBody):
    """The public holidays to keep: a country (ISO 3166-1), a region (ISO 3166-2), and days on which one works."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    region: Annotated[str, StringConstraints(min_length=1, max_length=10)] | None = None
    except_days: Annotated[list[Day], AfterValidator(require_unique), Field(max_length=500, alias="except")] = []  # noqa: RUF012


class AbsenceBody(RequestBody):
    """A time away, from the first to the last day, both included. Guests read why, and get a colleague's link."""

    first_day: Day = Field(alias="from")
    last_day: Day = Field(alias="to")
    message: Text | None = None
    instead_link_id: UUID | None = None

    @model_validator(mode="after")
    def require_order(self) -> "AbsenceBody":
        """Require a last day that is not before the first. Raises ValueError."""
        if self.last_day < self.first_day:
            raise ValueError("The last day must not be before the first.")
        return self


Absences = Annotated[list[AbsenceBody], Field(max_length=MAX_ABSENCES)]


def to_domain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the fields about limits and days off to what the domain keeps; all others stay as they are."""
    return {name: CONVERTERS[name](value) if name in CONVERTERS else value for name, value in fields.items()}


def to_limits(body: LimitsBody | None) -> BookingLimits:
    """Convert limits; None is no limit."""
    return BookingLimits(**dict(body)) if body else NO_LIMITS


def to_holidays(body: HolidaysBody | None) -> Holidays | None:
    """Convert holidays."""
    if body is None:
        return None
    return Holidays(
        country=body.country, region=body.region, except_days=tuple(day.isoformat() for day in sorted(body.except_days))
    )


def to_absences(bodies: list[AbsenceBody] | None) -> tuple[Absence, ...]:
    """Convert absences, in order of time."""
    absences = [
        Absence(
            first_day=body.first_day.isoformat(),
            last_day=body.last_day.isoformat(),
            message=body.message,
            instead_link_id=body.instead_link_id,
        )
        for body in bodies or ()
    ]
    return tuple(sorted(absences, key=lambda absence: (absence.first_day, absence.last_day)))


CONVERTERS: dict[str, Callable[[Any], Any]] = {"limits": to_limits, "holidays": to_holidays, "absences": to_absences}
