"""A person of the organisation: who signs in, hosts meetings and copies links."""

from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from domain.aggregate import Aggregate
from domain.availability.days_off import Absence, Holidays, list_holiday_intervals
from domain.availability.hours import WorkingHours
from domain.availability.limits import NO_LIMITS, BookingLimits
from domain.email_addresses import fold_address
from domain.event import Context, Event, IdempotentEvent, Properties

Role = Literal["member", "manager", "admin", "auditor", "analyst"]
DayHours = tuple[tuple[str, str], ...]

OFFICE_HOURS: dict[str, DayHours] = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("09:00", "17:00"),))

# What happened


class PersonProperties(Properties):
    """The properties of a person; hours are wall-clock times in the person's own zone."""

    name: str
    email: str
    time_zone: str
    roles: tuple[Role, ...]
    busy_feed_url: str | None = None
    weekly_hours: dict[str, DayHours] = Field(default_factory=lambda: dict(OFFICE_HOURS))
    date_overrides: dict[str, DayHours] = Field(default_factory=dict)
    limits: BookingLimits = NO_LIMITS
    holidays: Holidays | None = None
    absences: tuple[Absence, ...] = ()
    locale: str | None = None


SECOND_VERSION = ("limits", "holidays", "absences", "locale")


class PersonAdded(PersonProperties, IdempotentEvent, name="PersonAdded.v1", later={"PersonAdded.v2": SECOND_VERSION}):
    """A person joined the organisation."""


class PersonUpdated(PersonProperties, Event, name="PersonUpdated.v1", later={"PersonUpdated.v2": SECOND_VERSION}):
    """A person was changed; the payload has every property after the change."""


class PersonDeactivated(Event, name="PersonDeactivated.v1"):
    """A person left: sessions and keys ended, their time is no longer offered."""


class PersonActivated(Event, name="PersonActivated.v1"):
    """A person came back."""


class Person(Aggregate):
    """A person, and when their time may be booked."""

    properties: PersonProperties
    active: bool = True
    left_at: datetime | None = None
    returned_at: datetime | None = None
    email_changed_at: datetime | None = None

    # What may happen

    @classmethod
    def add(cls, id: UUID, properties: PersonProperties, context: Context, **event_fields: Any) -> "Person":
        """Creates an active person."""
        person = cls(id)
        person.record_event(PersonAdded, context, **dict(properties), **event_fields)
        return person

    def update(self, properties: PersonProperties, context: Context) -> None:
        """Replaces the properties. Records nothing when they are equal."""
        if properties != self.properties:
            self.record_event(PersonUpdated, context, **dict(properties))

    def deactivate(self, context: Context) -> None:
        """Deactivates the person. Records nothing when that is already so."""
        if self.active:
            self.record_event(PersonDeactivated, context)

    def activate(self, context: Context) -> None:
        """Activates the person. Records nothing when that is already so."""
        if not self.active:
            self.record_event(PersonActivated, context)

    # How history becomes state

    def evolve(self, event: Event) -> None:
        if isinstance(event, PersonProperties):
            if isinstance(event, PersonUpdated) and fold_address(event.email) != fold_address(self.properties.email):
                self.email_changed_at = event.occurred_at
            self.properties = PersonProperties.from_event(event)
        elif isinstance(event, PersonDeactivated):
            self.active = False
            self.left_at = event.occurred_at
        elif isinstance(event, PersonActivated):
            self.active = True
            self.returned_at = event.occurred_at
        self.__dict__.pop("working_hours", None)

    def has_left_since(self, created_at: datetime) -> bool:
        """Whether the person left since a key or session was created, which ended it."""
        return self.left_at is not None and created_at <= self.left_at

    def has_left_address_since(self, created_at: datetime) -> bool:
        """Whether the person left or got another address since a link was mailed to them, which ended it."""
        was_moved = self.email_changed_at is not None and created_at <= self.email_changed_at
        return was_moved or self.has_left_since(created_at)

    @cached_property
    def working_hours(self) -> WorkingHours:
        """The person's working hours, as the slot policies read them."""
        zone = self.properties.time_zone
        return WorkingHours(
            time_zone=zone,
            weekly=self.properties.weekly_hours,
            overrides=self.properties.date_overrides,
            active=self.active,
            absences=tuple(absence.to_interval(zone) for absence in self.properties.absences),
            holidays=list_holiday_intervals(self.properties.holidays, zone),
        )
