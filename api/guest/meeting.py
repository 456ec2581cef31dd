"""A booking as its pages show it: in the guest's zone, and whether it can still change."""

from dataclasses import dataclass
from datetime import datetime

from api.v1.response_models import GuestBooking
from domain.availability.hours import load_zone
from domain.token import Token
from domain.token_events import Rescheduled
from integrations.date_formats import DateFormat
from integrations.time_zone_names import format_zone


@dataclass(frozen=True)
class Meeting:
    """A booking, formatted in the zone of whoever booked it."""

    booking: GuestBooking
    time_zone: str
    date_format: DateFormat
    started: bool
    over: bool
    previous_start: datetime | None

    @classmethod
    def from_token(
        cls, token: Token, booking: GuestBooking, host_zone: str, date_format: DateFormat, now: datetime
    ) -> "Meeting":
        """Create it from a token and its booking; in the host's zone if the guest's details were erased."""
        previous_start = token.meeting.previous_starts_at if isinstance(token.meeting, Rescheduled) else None
        zone = booking.guest["time_zone"] if booking.guest else host_zone
        return cls(booking, zone, date_format, booking.start <= now, booking.end <= now, previous_start)

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.booking.status == "cancelled"

    @property
    def may_change(self) -> bool:
        """Whether it can still be moved or cancelled."""
        return not self.cancelled and not self.started

    @property
    def day(self) -> str:
        """The day in full."""
        return self.date_format.format_day(self.booking.start.astimezone(load_zone(self.time_zone)).date())

    @property
    def span(self) -> str:
        """The times of its begin and end."""
        return self.date_format.format_span(self.booking.start, self.booking.end, load_zone(self.time_zone))

    @property
    def zone(self) -> str:
        """The zone, with its offset from UTC at that time."""
        return format_zone(self.time_zone, self.booking.start)

    @property
    def previous_time(self) -> str | None:
        """The day and time before it was moved, or None."""
        if self.previous_start is None:
            return None
        zone = load_zone(self.time_zone)
        day = self.date_format.format_day(self.previous_start.astimezone(zone).date())
        return f"{day}, {self.date_format.format_time(self.previous_start, zone)}"
