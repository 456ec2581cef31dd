"""Request bodies of people."""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool

from api.field_types import DAY, WEEKDAYS, Email, Locale, Name, RequestBody, TimeZone, WebAddress, require_unique
from api.v1.bodies.days_off import Absences, HolidaysBody, LimitsBody, to_domain_fields
from api.v1.request_bodies import PatchBody
from domain.availability.hours import check_hours
from domain.person import DayHours, PersonProperties, Role


def validate_hours(intervals: DayHours) -> DayHours:
    """Validate one day's intervals: HH:MM to HH:MM or 24:00, in order, without overlap. Raises ValueError."""
    return tuple(check_hours(intervals))


def require_weekdays(by_day: dict[str, DayHours]) -> dict[str, DayHours]:
    """Require weekdays as keys. Raises ValueError."""
    if not by_day.keys() <= set(WEEKDAYS):
        raise ValueError("The days are mon, tue, wed, thu, fri, sat, sun.")
    return by_day


def require_dates(by_day: dict[str, DayHours]) -> dict[str, DayHours]:
    """Require dates as keys. Raises ValueError."""
    for day in by_day:
        if not DAY.fullmatch(day):
            raise ValueError("Write each date as YYYY-MM-DD.")
        try:
            date.fromisoformat(day)
        except ValueError:
            raise ValueError("There is no such date.") from None
    return by_day


Roles = Annotated[list[Role], AfterValidator(require_unique), Field(min_length=1, max_length=5)]
ValidHours = Annotated[DayHours, AfterValidator(validate_hours)]  # of each day, so that an error names its day
WeeklyHours = Annotated[dict[str, ValidHours], AfterValidator(require_weekdays)]
DateOverrides = Annotated[dict[str, ValidHours], Field(max_length=1000), AfterValidator(require_dates)]


class NewPerson(RequestBody):
    """A person to add; Monday to Friday, nine to five, unless their hours are given.

    With `invite`, they are mailed an invitation with a sign-in link.
    """

    name: Name
    email: Email
    time_zone: TimeZone
    roles: Roles = ["member"]  # noqa: RUF012
    busy_feed_url: WebAddress | None = None
    weekly_hours: WeeklyHours | None = None
    date_overrides: DateOverrides = {}  # noqa: RUF012
    limits: LimitsBody | None = None
    holidays: HolidaysBody | None = None
    absences: Absences = []  # noqa: RUF012
    locale: Locale | None = None
    invite: StrictBool = True

    def to_properties(self) -> PersonProperties:
        """Convert to the properties of a person."""
        fields = {k: v for k, v in dict(self).items() if k != "invite" and v is not None}
        return PersonProperties(**to_domain_fields(fields))


class OwnChanges(PatchBody):
    """What a person may change of themselves."""

    CLEARABLE = frozenset({"busy_feed_url", "limits", "holidays", "locale"})

    busy_feed_url: WebAddress | None = None
    time_zone: TimeZone | None = None
    weekly_hours: WeeklyHours | None = None
    date_overrides: DateOverrides | None = None
    limits: LimitsBody | None = None
    holidays: HolidaysBody | None = None
    absences: Absences | None = None
    locale: Locale | None = None

    def get_sent_fields(self) -> dict[str, Any]:
        """Get the fields that the client sent, as the domain keeps them."""
        return to_domain_fields(super().get_sent_fields())


class PersonChanges(OwnChanges):
    """What an admin may change of a person."""

    name: Name | None = None
    email: Email | None = None
    roles: Roles | None = None
