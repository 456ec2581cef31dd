"""A booking as a calendar file (RFC 5545): one id for ever, and a higher sequence after each change."""

from collections.abc import Sequence
from datetime import datetime

from icalendar import Calendar, Event

from api.shapes import GuestBooking
from domain import event as domain
from domain.token import MeetingCancelled, MeetingReassigned, Rescheduled

PRODUCT = "-//Oncelink//Booking//EN"


def calendar_file(booking: GuestBooking, story: Sequence[domain.Event], manage_url: str) -> bytes:
    """The file, from a booking as it is now and everything that happened to it."""
    entry = Event()
    entry.add("uid", f"{booking.id}@oncelink")
    entry.add("sequence", sequence(story))
    entry.add("dtstamp", last_change(story))
    entry.add("dtstart", booking.start)
    entry.add("dtend", booking.end)
    entry.add("summary", title(booking))
    entry.add("status", "CANCELLED" if booking.status == "cancelled" else "CONFIRMED")
    entry.add("description", description(booking, manage_url))
    entry.add("url", manage_url)
    entry.add("class", "PRIVATE")
    if booking.meeting_type.location:
        entry.add("location", booking.meeting_type.location)
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def title(booking: GuestBooking) -> str:
    """What the entry is called: the meeting type and with whom."""
    return f"{booking.meeting_type.name} with {' and '.join(host.name for host in booking.hosts)}"


def description(booking: GuestBooking, manage_url: str) -> str:
    """What the entry says: what the meeting is about, and where to change it."""
    about = booking.meeting_type.description
    change = f"Reschedule or cancel: {manage_url}"
    return f"{about}\n\n{change}" if about else change


def sequence(story: Sequence[domain.Event]) -> int:
    """How often the meeting was changed since it was booked."""
    return sum(isinstance(event, Rescheduled | MeetingReassigned | MeetingCancelled) for event in story)


def last_change(story: Sequence[domain.Event]) -> datetime:
    """When the entry became what it is."""
    return max(event.occurred_at for event in story).replace(microsecond=0)
