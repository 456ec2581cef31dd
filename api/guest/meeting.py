"""A booking as its own pages show it: when it is for this guest, and whether it may still change."""

from dataclasses import dataclass
from datetime import datetime

from api.v1.response_models import GuestBooking
from domain.availability.hours import zone_of
from domain.token import Rescheduled, Token
from integrations.date_formats import ClockFace, offset, zone_label


@dataclass(frozen=True)
class Meeting:
    """A booking, in the zone of who booked it."""

    booking: GuestBooking
    time_zone: str
    face: ClockFace
    started: bool
    over: bool
    previous_start: datetime | None

    @classmethod
    def of(cls, token: Token, booking: GuestBooking, host_zone: str, face: ClockFace, now: datetime) -> "Meeting":
        """The booking at an instant; in the host's zone once the guest's details were erased."""
        moved = token.meeting.previous_starts_at if isinstance(token.meeting, Rescheduled) else None
        zone = booking.guest.time_zone if booking.guest else host_zone
        return cls(booking, zone, face, booking.start <= now, booking.end <= now, moved)

    @property
    def cancelled(self) -> bool:
        """Whether it will not take place."""
        return self.booking.status == "cancelled"

    @property
    def may_change(self) -> bool:
        """Whether it can still be moved or cancelled."""
        return not self.cancelled and not self.started

    @property
    def day(self) -> str:
        """The day in full."""
        return self.face.day(self.booking.start.astimezone(zone_of(self.time_zone)).date())

    @property
    def span(self) -> str:
        """From when to when."""
        return self.face.span(self.booking.start, self.booking.end, zone_of(self.time_zone))

    @property
    def zone(self) -> str:
        """The zone, with its distance from UTC at that time."""
        return f"{zone_label(self.time_zone)} ({offset(self.booking.start, zone_of(self.time_zone))})"

    @property
    def previously(self) -> str | None:
        """When it was before it was moved."""
        if self.previous_start is None:
            return None
        zone = zone_of(self.time_zone)
        day = self.face.day(self.previous_start.astimezone(zone).date())
        return f"{day}, {self.face.time(self.previous_start, zone)}"
