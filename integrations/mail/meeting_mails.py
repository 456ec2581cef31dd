"""What people are told of a meeting: each in their own zone, with their own way to it, and a calendar's entry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.availability.hours import zone_of
from domain.notifications.outbox import CAUSES, Telling, name_of
from domain.person import PersonProperties
from domain.token import Rescheduled
from integrations.date_formats import face_for, offset, zone_label
from integrations.icalendar import Method, calendar
from integrations.mail.mail_message import Fact, Letter
from integrations.meeting_details import Facts, Given
from integrations.plain_text import greetable

FACE = face_for(None)
CHANGES = "Use this link to reschedule or cancel, whenever you need to; it always shows the meeting as it is now."


class NobodyToTell(Exception):
    """The reader is not known any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a letter speaks of what happened: before the subject, as the headline, and in a sentence to each side."""

    subject: str
    headline: str
    to_guest: str
    to_host: str


TOLD = {
    "booked": Told(
        "Booked", "Your meeting is booked", "{host} is looking forward to meeting you.", "{guest} booked a meeting."
    ),
    "rescheduled": Told(
        "Moved", "Your meeting was moved", "It now takes place at another time.", "It now takes place at another time."
    ),
    "reassigned": Told(
        "Changed host",
        "Your meeting has another host",
        "It stays at its time; {host} will meet you.",
        "It stays at its time; {host} hosts it now.",
    ),
    "cancelled": Told(
        "Cancelled", "Your meeting was cancelled", "It was cancelled by {by}.", "It was cancelled by {by}."
    ),
}


# the entry in their calendars stays as it is
CONFLICT = Told(
    "Still booked",
    "Your meeting stays booked",
    "The calendar of {about} now has something else at this time. If another time suits you too, you may move it.",
    "Your calendar has something else at this time. Move or cancel the meeting if you cannot be there.",
)
TOLD["conflict"] = CONFLICT
# to those whose meeting it becomes, and was
GIVEN = Told("Given to you", "A meeting was given to you", "", "You host it now.")
TAKEN = Told("Given away", "Your meeting was given to another host", "", "{host} hosts it now; there is nothing to do.")


def letter_for(facts: Facts, telling: Telling, first: bool, reader: PersonProperties | None, sent_by: str) -> Letter:
    """The letter of one telling. `first` says that the reader was told nothing of this meeting before; `reader` is
    None for the guest. Raises NobodyToTell."""
    if telling.to == "guest":
        return to_guest(facts, told(facts, telling, first), sent_by)
    if reader is None:
        raise NobodyToTell
    return to_host(facts, told(facts, telling, first), reader, sent_by, method_for(facts, telling))


def told(facts: Facts, telling: Telling, first: bool) -> Told:
    """What is told: who heard nothing of the booking yet hears of it, not of the move that came after it."""
    if telling.to == "former_host":
        return TAKEN
    if telling.to == "host" and telling.person_id not in getattr(
        facts.cause, "previous_host_ids", (telling.person_id,)
    ):
        return GIVEN
    what = CAUSES[name_of(facts.cause)].what
    return TOLD["booked" if first and what == "rescheduled" else what]


def method_for(facts: Facts, telling: Telling) -> Method:
    """Whether the entry comes into the reader's calendar, or leaves it."""
    return "CANCEL" if facts.cancelled or telling.to == "former_host" else "REQUEST"


def to_guest(facts: Facts, said: Told, sent_by: str) -> Letter:
    """To the guest, in the zone that they booked in. Raises NobodyToTell."""
    guest, host = facts.guest, facts.hosts[0]
    if guest is None:
        raise NobodyToTell
    about = (facts.about or host).name
    spoken = said.to_guest.format(host=host.name, by=by_whom(facts, to_guest=True), about=about)
    return Letter(
        to_name=guest.name if greetable(guest.name) else "",
        to_email=guest.email,
        subject=f"{said.subject}: {facts.title}, {short(facts.meeting.starts_at, guest.time_zone)}",
        headline=said.headline,
        sentence=spoken,
        facts=shown(facts, said, guest.time_zone, with_whom=" and ".join(one.name for one in facts.hosts)),
        words=reasons(facts, by="host"),
        button="See the booking" if facts.cancelled else "Reschedule or cancel",
        url=facts.manage_url,
        closing="" if facts.cancelled else CHANGES,
        reply_to=(host.name, host.email),
        **entry_in(facts, said, True, guest.time_zone, sent_by, "CANCEL" if facts.cancelled else "REQUEST"),
    )


def to_host(facts: Facts, said: Told, reader: PersonProperties, sent_by: str, method: Method) -> Letter:
    """To somebody who hosts the meeting, in their own zone."""
    guest = facts.guest
    name = guest.name if guest else "A guest, whose details were erased,"
    notes = [("Notes", guest.notes)] if guest and guest.notes else []
    return Letter(
        to_name=reader.name,
        to_email=reader.email,
        subject=f"{said.subject}: {facts.title_for_hosts}, {short(facts.meeting.starts_at, reader.time_zone)}",
        headline=said.headline.replace("Your meeting is booked", "A meeting was booked with you"),
        sentence=said.to_host.format(guest=name, host=facts.hosts[0].name, by=by_whom(facts, to_guest=False)),
        facts=[*shown(facts, said, reader.time_zone, with_whom=described(guest)), *hosts_of(facts)],
        words=[*notes, *reasons(facts, by="guest")],
        button="Open the booking",
        url=facts.page_url,
        reply_to=(guest.name, guest.email) if guest else None,
        **entry_in(facts, said, False, reader.time_zone, sent_by, method),
    )


def entry_in(facts: Facts, said: Told, for_guest: bool, zone: str, sent_by: str, method: Method) -> dict[str, Any]:
    """What changes the reader's calendar; nothing where nothing changed."""
    if said is CONFLICT:
        return {}
    return {"calendar": calendar(facts.entry(for_guest, zone, sent_by), method), "method": method}


def described(guest: Given | None) -> str:
    """The guest as a host needs to know them."""
    return f"{guest.name} ({guest.email})" if guest else "a guest, whose details were erased"


def shown(facts: Facts, said: Told, zone: str, with_whom: str) -> list[Fact]:
    """What, when, with whom and where."""
    moved = facts.meeting if isinstance(facts.meeting, Rescheduled) and said is TOLD["rescheduled"] else None
    before = when(moved.previous_starts_at, None, zone) if moved else None
    found = [
        Fact("What", facts.meeting_type.name),
        Fact("When", when(facts.meeting.starts_at, facts.meeting.ends_at, zone), before),
        Fact("With", with_whom),
    ]
    return [*found, Fact("Where", facts.meeting_type.location)] if facts.meeting_type.location else found


def hosts_of(facts: Facts) -> list[Fact]:
    """Who hosts it, where that are several."""
    return [Fact("Hosts", ", ".join(host.name for host in facts.hosts))] if len(facts.hosts) > 1 else []


def reasons(facts: Facts, by: str) -> list[tuple[str, str]]:
    """Why it was cancelled, for the other side."""
    return [("Reason", facts.reason)] if facts.reason and facts.cancelled_by == by else []


def by_whom(facts: Facts, to_guest: bool) -> str:
    """Who cancelled, as the reader calls them."""
    if facts.cancelled_by == "guest":
        return "you" if to_guest else "the guest"
    return facts.hosts[0].name if to_guest else "a host"


def when(start: datetime, end: datetime | None, zone: str) -> str:
    """A time in full, with its zone."""
    there = zone_of(zone)
    day = FACE.day(start.astimezone(there).date())
    if end is None:
        return f"{day}, {FACE.time(start, there)}"
    return f"{day}, {FACE.span(start, end, there)} ({zone_label(zone)}, {offset(start, there)})"


def short(start: datetime, zone: str) -> str:
    """A time as a subject has it."""
    there = start.astimezone(zone_of(zone))
    return f"{there:%a} {there.day} {there:%b %Y}, {there:%H:%M}"
