"""The mails around a meeting: its reminders, the follow-up after it, and the one to a guest who did not come.

None has a calendar entry: nothing changed in the calendars, and an invitation that is sent again asks for an answer.
"""

from typing import Any

from domain.meeting_type import FollowUp, MeetingTypeProperties
from domain.notifications.outbox import Notification
from domain.person import PersonProperties
from integrations.mail.mail_message import MailDetail, MailMessage
from integrations.mail.meeting_mails import (
    AddresseeUnknown,
    describe_guest,
    format_short_time,
    format_time,
    list_guest_texts,
    list_hosts,
)
from integrations.meeting_details import GuestDetails, MeetingDetails
from integrations.plain_text import is_greetable

CANNOT_COME = "I can’t make it"
REBOOK_SENTENCE = "Choose another time, if you still want to meet."
REPLY_SENTENCE = "If you still want to meet, answer this mail."


def is_wanted(meeting_type: MeetingTypeProperties, notification: Notification) -> bool:
    """Whether the meeting type still has the reminder or the follow-up that was booked with the meeting."""
    if notification.is_reminder:
        return -(notification.offset_minutes or 0) in meeting_type.reminders_minutes
    return meeting_type.follow_up is not None or not notification.is_follow_up


def build_reminder(
    details: MeetingDetails, notification: Notification, addressee: PersonProperties | None
) -> MailMessage:
    """Build a reminder: to the guest when there is no addressee. Raises AddresseeUnknown."""
    if notification.to == "guest":
        return build_guest_reminder(details)
    if addressee is None:
        raise AddresseeUnknown
    return build_host_reminder(details, addressee)


def build_guest_reminder(details: MeetingDetails) -> MailMessage:
    """Build a reminder to the guest, in the time zone of the booking. Raises AddresseeUnknown."""
    guest, host = require_guest(details), details.hosts[0]
    return MailMessage(
        **build_guest_fields(details, guest, "Reminder"),
        headline="Your meeting is coming up",
        sentence=f"{host.name} is looking forward to meeting you.",
        details=list_details(details, guest.time_zone, " and ".join(person.name for person in details.hosts)),
        **build_buttons(details, details.manage_url, f"{details.manage_url}/cancel"),
        closing="If you can’t make it, move or cancel the meeting, so that nobody waits for you.",
    )


def build_host_reminder(details: MeetingDetails, addressee: PersonProperties) -> MailMessage:
    """Build a reminder to a host, in their own time zone."""
    guest, zone = details.guest, addressee.time_zone
    return MailMessage(
        to_name=addressee.name,
        to_email=addressee.email,
        subject=f"Reminder: {details.title_for_hosts}, {format_short_time(details.meeting.starts_at, zone)}",
        headline="A meeting of yours is coming up",
        sentence=f"{guest.name if guest else 'A guest, whose details were erased,'} booked it with you.",
        details=[*list_details(details, zone, describe_guest(guest)), *list_hosts(details)],
        quotes=list_guest_texts(guest),
        **build_buttons(details, details.page_url, details.page_url),
        reply_to=(guest.name, guest.email) if guest else None,
    )


def build_follow_up(details: MeetingDetails, follow_up: FollowUp) -> MailMessage:
    """Build the mail to the guest after the meeting, with the message of the meeting type. Raises AddresseeUnknown."""
    guest = require_guest(details)
    return MailMessage(
        **build_guest_fields(details, guest, "Following up"),
        headline="Following up on your meeting",
        sentence=f"{details.title}, {format_short_time(details.meeting.starts_at, guest.time_zone)}",
        text=follow_up.message,
    )


def build_no_show_mail(details: MeetingDetails, rebooking_url: str | None) -> MailMessage:
    """Build the mail to a guest who did not come, with a way to book again if there is one. Raises AddresseeUnknown."""
    guest, host = require_guest(details), details.hosts[0]
    button: dict[str, Any] = {"button": "Choose another time", "url": rebooking_url} if rebooking_url else {}
    return MailMessage(
        **build_guest_fields(details, guest, "We missed you"),
        headline="We missed you",
        sentence=f"{host.name} was there, but did not meet you. {REBOOK_SENTENCE if rebooking_url else REPLY_SENTENCE}",
        details=list_details(details, guest.time_zone, " and ".join(person.name for person in details.hosts))[:3],
        **button,
    )


def require_guest(details: MeetingDetails) -> GuestDetails:
    """Return the guest's details. Raises AddresseeUnknown once they are erased."""
    if details.guest is None:
        raise AddresseeUnknown
    return details.guest


def build_guest_fields(details: MeetingDetails, guest: GuestDetails, prefix: str) -> dict[str, Any]:
    """Build the fields of a mail to the guest that are the same for all: addresses and subject."""
    host = details.hosts[0]
    return {
        "to_name": guest.name if is_greetable(guest.name) else "",
        "to_email": guest.email,
        "subject": f"{prefix}: {details.title}, {format_short_time(details.meeting.starts_at, guest.time_zone)}",
        "reply_to": (host.name, host.email),
    }


def build_buttons(details: MeetingDetails, page_url: str, cannot_come_url: str) -> dict[str, Any]:
    """Build the buttons of a reminder: to join, if the place is a page, or see the meeting; and *I can't make it*."""
    location = details.meeting_type.location or ""
    joins = location.startswith("https://") and " " not in location
    main = {"button": "Join the meeting", "url": location} if joins else {"button": "See the meeting", "url": page_url}
    return {**main, "other_button": CANNOT_COME, "other_url": cannot_come_url}


def list_details(details: MeetingDetails, zone: str, with_whom: str) -> list[MailDetail]:
    """List what, when, with whom and where."""
    location = details.meeting_type.location
    return [
        MailDetail("What", details.meeting_type.name),
        MailDetail("When", format_time(details.meeting.starts_at, details.meeting.ends_at, zone)),
        MailDetail("With", with_whom),
        *([MailDetail("Where", location)] if location else []),
    ]
