"""A meeting as an iCalendar object (RFC 5545, RFC 5546): one id for life, and a higher sequence after each change.

The guest's file, what is mailed and whatever writes to calendars are built here alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress

from domain.availability.hours import zone_of
from integrations.plain_text import one_line

PRODUCT = "-//Oncelink//Booking//EN"
Method = Literal["REQUEST", "CANCEL"]


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who takes part, as calendars name them."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Everything that a calendar shows of a meeting. `sent_by` is who writes in the host's name, if anybody does."""

    token_id: UUID
    sequence: int
    changed_at: datetime
    start: datetime
    end: datetime
    zone: str
    title: str
    description: str
    url: str
    location: str | None
    cancelled: bool
    host: Participant
    others: Sequence[Participant]
    sent_by: str | None = None


def calendar(entry: Entry, method: Method | None = None, invites: bool = True) -> bytes:
    """The object, with the rules of its zone; a method makes it a message to somebody who takes part.

    One that invites nobody names no participants, so that no calendar's server writes to them.
    """
    found = Calendar()
    found.add("prodid", PRODUCT)
    found.add("version", "2.0")
    if method:
        found.add("method", method)
    found.add_component(event(entry))
    for name in () if invites else ("organizer", "attendee"):
        found.walk("VEVENT")[0].pop(name)
    found.add_missing_timezones(date(entry.start.year - 1, 1, 1), date(entry.end.year + 2, 1, 1))
    for zone in found.walk("VTIMEZONE"):
        zone.pop("COMMENT", None)
    return bytes(found.to_ical())


def uid(token_id: UUID) -> str:
    """The id of a meeting in every calendar, for life."""
    return f"{token_id}@oncelink"


def event(entry: Entry) -> Event:
    """The entry itself."""
    found = Event()
    found.add("uid", uid(entry.token_id))
    found.add("sequence", entry.sequence)
    found.add("dtstamp", entry.changed_at.replace(microsecond=0))
    found.add("dtstart", entry.start.astimezone(zone_of(entry.zone)))
    found.add("dtend", entry.end.astimezone(zone_of(entry.zone)))
    found.add("summary", one_line(entry.title))
    found.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    found.add("description", entry.description)
    found.add("url", entry.url)
    found.add("class", "PRIVATE")
    if entry.location:
        found.add("location", one_line(entry.location, 2_000))
    found.add("organizer", named(entry.host, **({"SENT-BY": f"mailto:{entry.sent_by}"} if entry.sent_by else {})))
    found.add("attendee", taking_part(entry.host, "CHAIR"))
    for one in entry.others:
        found.add("attendee", taking_part(one, "REQ-PARTICIPANT"))
    return found


def taking_part(one: Participant, role: str) -> vCalAddress:
    """Somebody who will be there: a booking needs no further answer."""
    return named(one, ROLE=role, PARTSTAT="ACCEPTED", RSVP="FALSE", CUTYPE="INDIVIDUAL")


def named(one: Participant, **parameters: str) -> vCalAddress:
    """An address with its name."""
    address = vCalAddress(f"mailto:{one.email}")
    address.params["CN"] = one_line(one.name).replace('"', "'")
    for name, value in parameters.items():
        address.params[name] = value
    return address
