"""The mails about a meeting: in each person's time zone, with their own link to it and a calendar entry."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.availability.hours import load_zone
from domain.notifications.outbox import Notification, get_event_name
from domain.notifications.rules import NOTIFICATION_RULES
from domain.person import PersonProperties
from domain.token_events import Rescheduled
from integrations.calendar_entry import CalendarEntry, Participant
from integrations.date_formats import choose_date_format, format_offset
from integrations.icalendar import Method, render_icalendar
from integrations.mail.mail_message import MailDetail, MailMessage
from integrations.meeting_details import GuestDetails, MeetingDetails
from integrations.plain_text import is_greetable
from integrations.time_zone_names import name_time_zone

DATE_FORMAT = choose_date_format(None)
MANAGE_HINT = "Use this link to reschedule or cancel, whenever you need to; it always shows the meeting as it is now."
REPLACEMENT_SENTENCE = "If you still want to meet, choose another time with a new link, which books one meeting."


class AddresseeUnknown(Exception):
    """The addressee no longer exists, or their details were erased."""


@dataclass(frozen=True, slots=True)
class MailPhrases:
    """The phrases of a mail for one kind of change: subject prefix, headline, and a sentence for each side."""

    subject: str
    headline: str
    to_guest: str
    to_host: str


PHRASES = {
    "booked": MailPhrases(
        "Booked", "Your meeting is booked", "{host} is looking forward to meeting you.", "{guest} booked a meeting."
    ),
    "rescheduled": MailPhrases(
        "Moved", "Your meeting was moved", "It now takes place at another time.", "It now takes place at another time."
    ),
    "reassigned": MailPhrases(
        "Changed host",
        "Your meeting has another host",
        "It stays at its time; {host} will meet you.",
        "It stays at its time; {host} hosts it now.",
    ),
    "cancelled": MailPhrases(
        "Cancelled", "Your meeting was cancelled", "It was cancelled by {by}.", "It was cancelled by {by}."
    ),
}


# a conflict changes nothing in the calendars
CONFLICT_PHRASES = MailPhrases(
    "Still booked",
    "Your meeting stays booked",
    "The calendar of {about} now has something else at this time. If another time suits you too, you may move it.",
    "Your calendar has something else at this time. Move or cancel the meeting if you cannot be there.",
)
PHRASES["conflict"] = CONFLICT_PHRASES
# a reassignment: for the new host, and for the former one
NEW_HOST_PHRASES = MailPhrases("Given to you", "A meeting was given to you", "", "You host it now.")
FORMER_HOST_PHRASES = MailPhrases(
    "Given away", "Your meeting was given to another host", "", "{host} hosts it now; there is nothing to do."
)


def build_meeting_mail(
    details: MeetingDetails, notification: Notification, first: bool, addressee: PersonProperties | None, sent_by: str
) -> MailMessage:
    """Build the mail of a notification. `first`: the addressee was not notified of this meeting before.

    `addressee` is None for the guest. Raises AddresseeUnknown.
    """
    if notification.to == "guest":
        return build_guest_mail(details, choose_phrases(details, notification, first), sent_by)
    if addressee is None:
        raise AddresseeUnknown
    return build_host_mail(
        details, choose_phrases(details, notification, first), addressee, sent_by, choose_method(details, notification)
    )


def choose_phrases(details: MeetingDetails, notification: Notification, first: bool) -> MailPhrases:
    """Choose the phrases: an addressee not yet notified of the booking gets those of a booking, not of a move."""
    if notification.to == "former_host":
        return FORMER_HOST_PHRASES
    if notification.to == "host" and notification.person_id not in getattr(
        details.event, "previous_host_ids", (notification.person_id,)
    ):
        return NEW_HOST_PHRASES
    what = NOTIFICATION_RULES[get_event_name(details.event)].what
    return PHRASES["booked" if first and what == "rescheduled" else what]


def choose_method(details: MeetingDetails, notification: Notification) -> Method:
    """Choose whether the entry is added to the addressee's calendar or removed from it."""
    return "CANCEL" if details.cancelled or notification.to == "former_host" else "REQUEST"


def build_guest_mail(details: MeetingDetails, phrases: MailPhrases, sent_by: str) -> MailMessage:
    """Build the mail to the guest, in the time zone of the booking. Raises AddresseeUnknown."""
    guest, host = details.guest, details.hosts[0]
    if guest is None:
        raise AddresseeUnknown
    affected_host_name = (details.affected_host or host).name
    sentence = phrases.to_guest.format(
        host=host.name, by=describe_canceller(details, for_guest=True), about=affected_host_name
    )
    button, url = choose_button(details)
    return MailMessage(
        to_name=guest.name if is_greetable(guest.name) else "",
        to_email=guest.email,
        subject=f"{phrases.subject}: {details.title}, {format_short_time(details.meeting.starts_at, guest.time_zone)}",
        headline=phrases.headline,
        sentence=f"{sentence} {REPLACEMENT_SENTENCE}" if details.replacement_url else sentence,
        details=list_details(
            details, phrases, guest.time_zone, with_whom=" and ".join(person.name for person in details.hosts)
        ),
        quotes=[*guest.mailed_answers, *list_reasons(details, by="host"), *list_messages(details, "Message")],
        button=button,
        url=url,
        closing="" if details.cancelled else MANAGE_HINT,
        reply_to=(host.name, host.email),
        **build_calendar_fields(
            phrases,
            "CANCEL" if details.cancelled else "REQUEST",
            details.build_entry(True, guest.time_zone, sent_by),
        ),
    )


def choose_button(details: MeetingDetails) -> tuple[str, str]:
    """Choose what the mail to the guest leads to: its words, and the URL."""
    if details.cancelled and details.replacement_url:
        return "Choose another time", details.replacement_url
    return "See the booking" if details.cancelled else "Reschedule or cancel", details.manage_url


def build_host_mail(
    details: MeetingDetails, phrases: MailPhrases, addressee: PersonProperties, sent_by: str, method: Method
) -> MailMessage:
    """Build the mail to a host, in their own time zone."""
    guest = details.guest
    name = guest.name if guest else "A guest, whose details were erased,"
    start = format_short_time(details.meeting.starts_at, addressee.time_zone)
    return MailMessage(
        to_name=addressee.name,
        to_email=addressee.email,
        subject=f"{phrases.subject}: {details.title_for_hosts}, {start}",
        headline=phrases.headline.replace("Your meeting is booked", "A meeting was booked with you"),
        sentence=phrases.to_host.format(
            guest=name, host=details.hosts[0].name, by=describe_canceller(details, for_guest=False)
        ),
        details=[
            *list_details(details, phrases, addressee.time_zone, with_whom=describe_guest(guest)),
            *list_hosts(details),
        ],
        quotes=[
            *list_guest_texts(guest),
            *list_reasons(details, by="guest"),
            *list_messages(details, "Message to the guest"),
        ],
        button="Open the booking",
        url=details.page_url,
        reply_to=(guest.name, guest.email) if guest else None,
        **build_calendar_fields(phrases, method, build_host_entry(details, addressee, sent_by, method)),
    )


def build_host_entry(
    details: MeetingDetails, addressee: PersonProperties, sent_by: str, method: Method
) -> CalendarEntry:
    """Build a host's calendar entry; who no longer hosts a meeting that stands is taken off it."""
    entry = details.build_entry(False, addressee.time_zone, sent_by)
    if method == "REQUEST" or details.cancelled:
        return entry
    return replace(entry, taken_off=[Participant(addressee.name, addressee.email)])


def build_calendar_fields(phrases: MailPhrases, method: Method, entry: CalendarEntry) -> dict[str, Any]:
    """Build the message's calendar fields; empty when nothing changed in the calendar."""
    if phrases is CONFLICT_PHRASES:
        return {}
    return {"calendar": render_icalendar(entry, method), "method": method}


def describe_guest(guest: GuestDetails | None) -> str:
    """Describe the guest to a host."""
    return f"{guest.name} ({guest.email})" if guest else "a guest, whose details were erased"


def list_details(details: MeetingDetails, phrases: MailPhrases, zone: str, with_whom: str) -> list[MailDetail]:
    """List what, when, with whom and where."""
    rescheduled_event = (
        details.meeting if isinstance(details.meeting, Rescheduled) and phrases is PHRASES["rescheduled"] else None
    )
    previous_time = format_time(rescheduled_event.previous_starts_at, None, zone) if rescheduled_event else None
    rows = [
        MailDetail("What", details.meeting_type.name),
        MailDetail("When", format_time(details.meeting.starts_at, details.meeting.ends_at, zone), previous_time),
        MailDetail("With", with_whom),
    ]
    return [*rows, MailDetail("Where", details.meeting_type.location)] if details.meeting_type.location else rows


def list_hosts(details: MeetingDetails) -> list[MailDetail]:
    """List the hosts when there are several."""
    return [MailDetail("Hosts", ", ".join(host.name for host in details.hosts))] if len(details.hosts) > 1 else []


def list_guest_texts(guest: GuestDetails | None) -> list[tuple[str, str]]:
    """List the guest's answers, each under its question, and their notes, for a host."""
    if guest is None:
        return []
    return [*guest.answers, *([("Notes", guest.notes)] if guest.notes else [])]


def list_reasons(details: MeetingDetails, by: str) -> list[tuple[str, str]]:
    """List the reason of a cancellation, for the other side."""
    return [("Reason", details.reason)] if details.reason and details.cancelled_by == by else []


def list_messages(details: MeetingDetails, heading: str) -> list[tuple[str, str]]:
    """List the message to the guest about the change."""
    return [(heading, details.message)] if details.message else []


def describe_canceller(details: MeetingDetails, for_guest: bool) -> str:
    """Describe who cancelled, from the addressee's point of view."""
    if details.cancelled_by == "guest":
        return "you" if for_guest else "the guest"
    return details.canceller or (details.hosts[0].name if for_guest else "a host")


def format_time(start: datetime, end: datetime | None, zone: str) -> str:
    """Format a time in full, with its time zone."""
    time_zone = load_zone(zone)
    day = DATE_FORMAT.format_day(start.astimezone(time_zone).date())
    if end is None:
        return f"{day}, {DATE_FORMAT.format_time(start, time_zone)}"
    span = DATE_FORMAT.format_span(start, end, time_zone)
    return f"{day}, {span} ({name_time_zone(zone)}, {format_offset(start, time_zone)})"


def format_short_time(start: datetime, zone: str) -> str:
    """Format a time for a subject line."""
    local_start = start.astimezone(load_zone(zone))
    return f"{local_start:%a} {local_start.day} {local_start:%b %Y}, {local_start:%H:%M}"
