"""A meeting as an iCalendar object (RFC 5545, RFC 5546): one UID for life, a higher sequence after each change.

The guest's file, mailed invitations and entries written to calendars are all built here.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress

from domain.availability.hours import load_zone
from integrations.calendar_entry import CalendarEntry, Participant
from integrations.email_address import to_mailto_uri
from integrations.plain_text import remove_direction_characters, to_display_name, to_one_line
from integrations.vtimezone import build_vtimezone

PRODUCT = "-//Oncelink//Booking//EN"
Method = Literal["REQUEST", "CANCEL", "PUBLISH"]


def render_icalendar(entry: CalendarEntry, method: Method | None = None, invites: bool = True) -> bytes:
    """Render the iCalendar object with its time zone; a method makes it a message to a participant.

    Without `invites` it names no participants, so that no calendar server writes to them.
    """
    calendar = build_calendar(method)
    vevent = build_vevent(entry)
    if zone := vevent["dtstart"].params.get("TZID"):  # times in UTC have none
        calendar.add_component(build_vtimezone(zone, entry.start.year, entry.end.year + 1))
    if invites:
        add_participants(vevent, entry)
    calendar.add_component(vevent)
    return bytes(calendar.to_ical())


def render_published_calendar(entries: Iterable[CalendarEntry], name: str) -> bytes:
    """Render a calendar to subscribe to, its times in UTC. It names no attendee (RFC 5546, 3.2.1)."""
    calendar = build_calendar("PUBLISH")
    calendar.add("x-wr-calname", to_one_line(name))
    calendar.add("x-published-ttl", "PT15M")
    for entry in entries:
        vevent = build_vevent(replace(entry, zone="UTC"))
        vevent.add("organizer", build_organizer(entry))
        calendar.add_component(vevent)
    return bytes(calendar.to_ical())


def build_calendar(method: Method | None) -> Calendar:
    """Build a calendar without entries."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    if method:
        calendar.add("method", method)
    return calendar


def build_uid(token_id: UUID) -> str:
    """Build a meeting's UID, the same in every calendar."""
    return f"{token_id}@oncelink"


def build_vevent(entry: CalendarEntry) -> Event:
    """Build the VEVENT of an entry."""
    vevent = Event()
    vevent.add("uid", build_uid(entry.token_id))
    vevent.add("sequence", entry.sequence)
    vevent.add("dtstamp", entry.changed_at.replace(microsecond=0))
    start, end = compute_local_times(entry)
    vevent.add("dtstart", start)
    vevent.add("dtend", end)
    vevent.add("summary", to_one_line(entry.title))
    vevent.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    vevent.add("description", remove_direction_characters(entry.description))
    vevent.add("url", entry.url)
    vevent.add("class", "PRIVATE")
    if entry.location:
        vevent.add("location", to_one_line(entry.location, 2_000))
    return vevent


def compute_local_times(entry: CalendarEntry) -> tuple[datetime, datetime]:
    """Start and end in the entry's zone; in UTC where a local time is there twice, and would be read as the first.

    RFC 5545, 3.3.5: a local time that occurs more than once refers to its first occurrence.
    """
    local_times = [instant.astimezone(load_zone(entry.zone)) for instant in (entry.start, entry.end)]
    if any(local_time.fold for local_time in local_times):
        return entry.start.astimezone(UTC), entry.end.astimezone(UTC)
    return local_times[0], local_times[1]


def add_participants(vevent: Event, entry: CalendarEntry) -> None:
    """Add organizer and attendees; of a cancellation for those taken off only them (RFC 5546, 3.2.5)."""
    vevent.add("organizer", build_organizer(entry))
    for participant in entry.taken_off:
        vevent.add("attendee", build_attendee(participant, "REQ-PARTICIPANT"))
    if not entry.taken_off:
        vevent.add("attendee", build_attendee(entry.host, "CHAIR"))
        for participant in entry.others:
            vevent.add("attendee", build_attendee(participant, "REQ-PARTICIPANT"))


def build_organizer(entry: CalendarEntry) -> vCalAddress:
    """Build the organizer, with the address that sends in their name."""
    return build_cal_address(entry.host, **({"SENT-BY": to_mailto_uri(entry.sent_by)} if entry.sent_by else {}))


def build_attendee(participant: Participant, role: str) -> vCalAddress:
    """Build an attendee who has accepted: a booking needs no reply."""
    return build_cal_address(participant, ROLE=role, PARTSTAT="ACCEPTED", RSVP="FALSE", CUTYPE="INDIVIDUAL")


def build_cal_address(participant: Participant, **parameters: str) -> vCalAddress:
    """Build a calendar address with its name and parameters."""
    address = vCalAddress(to_mailto_uri(participant.email))
    address.params["CN"] = to_display_name(participant.name).replace('"', "'")
    for name, value in parameters.items():
        address.params[name] = value
    return address
