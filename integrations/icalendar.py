"""A meeting as an iCalendar object (RFC 5545, RFC 5546): one UID for life, a higher sequence after each change.

The guest's file, mailed invitations and entries written to calendars are all built here.
"""

from datetime import date
from typing import Literal
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress

from domain.availability.hours import load_zone
from integrations.calendar_entry import CalendarEntry, Participant
from integrations.plain_text import to_one_line

PRODUCT = "-//Oncelink//Booking//EN"
Method = Literal["REQUEST", "CANCEL"]


def render_icalendar(entry: CalendarEntry, method: Method | None = None, invites: bool = True) -> bytes:
    """Render the iCalendar object with its time zone; a method makes it a message to a participant.

    Without `invites` it names no participants, so that no calendar server writes to them.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    if method:
        calendar.add("method", method)
    calendar.add_component(build_vevent(entry))
    for name in () if invites else ("organizer", "attendee"):
        calendar.walk("VEVENT")[0].pop(name)
    calendar.add_missing_timezones(date(entry.start.year - 1, 1, 1), date(entry.end.year + 2, 1, 1))
    for zone in calendar.walk("VTIMEZONE"):
        zone.pop("COMMENT", None)
    return bytes(calendar.to_ical())


def build_uid(token_id: UUID) -> str:
    """Build a meeting's UID, the same in every calendar."""
    return f"{token_id}@oncelink"


def build_vevent(entry: CalendarEntry) -> Event:
    """Build the VEVENT of an entry."""
    vevent = Event()
    vevent.add("uid", build_uid(entry.token_id))
    vevent.add("sequence", entry.sequence)
    vevent.add("dtstamp", entry.changed_at.replace(microsecond=0))
    vevent.add("dtstart", entry.start.astimezone(load_zone(entry.zone)))
    vevent.add("dtend", entry.end.astimezone(load_zone(entry.zone)))
    vevent.add("summary", to_one_line(entry.title))
    vevent.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    vevent.add("description", entry.description)
    vevent.add("url", entry.url)
    vevent.add("class", "PRIVATE")
    if entry.location:
        vevent.add("location", to_one_line(entry.location, 2_000))
    vevent.add(
        "organizer", build_cal_address(entry.host, **({"SENT-BY": f"mailto:{entry.sent_by}"} if entry.sent_by else {}))
    )
    vevent.add("attendee", build_attendee(entry.host, "CHAIR"))
    for participant in entry.others:
        vevent.add("attendee", build_attendee(participant, "REQ-PARTICIPANT"))
    return vevent


def build_attendee(participant: Participant, role: str) -> vCalAddress:
    """Build an attendee who has accepted: a booking needs no reply."""
    return build_cal_address(participant, ROLE=role, PARTSTAT="ACCEPTED", RSVP="FALSE", CUTYPE="INDIVIDUAL")


def build_cal_address(participant: Participant, **parameters: str) -> vCalAddress:
    """Build a calendar address with its name and parameters."""
    address = vCalAddress(f"mailto:{participant.email}")
    address.params["CN"] = to_one_line(participant.name).replace('"', "'")
    for name, value in parameters.items():
        address.params[name] = value
    return address
