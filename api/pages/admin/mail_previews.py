"""Previews of the mails around a meeting, for a meeting type that need not be saved."""

from datetime import datetime, time, timedelta
from uuid import UUID

from domain.availability.hours import load_zone
from domain.event import Actor
from domain.meeting_type import MeetingTypeProperties
from domain.person import PersonProperties
from domain.token_events import MeetingBooked
from integrations.meeting_details import GuestDetails, MeetingDetails

NOBODY = UUID(int=0)


def build_previews(meeting_type: MeetingTypeProperties, host: PersonProperties, now: datetime) -> list[str]:
    """Build the reminder to a guest and the follow-up as plain text, of a meeting tomorrow with this host."""
    from integrations.mail.mail_message import render_mail
    from integrations.mail.scheduled_mails import build_follow_up, build_guest_reminder

    details = build_example(meeting_type, host, now)
    messages = [build_guest_reminder(details)] if meeting_type.reminders_minutes else []
    if meeting_type.follow_up:
        messages.append(build_follow_up(details, meeting_type.follow_up))
    return [f"Subject: {message.subject}\n\n{render_mail(message, 'message.txt').strip()}" for message in messages]


def build_example(meeting_type: MeetingTypeProperties, host: PersonProperties, now: datetime) -> MeetingDetails:
    """Build the details of a meeting tomorrow at ten, in the host's zone."""
    zone = load_zone(host.time_zone)
    start = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(10), zone)
    end = start + meeting_type.rules.duration
    booked_event = MeetingBooked(
        originator_id=NOBODY,
        originator_version=1,
        occurred_at=now,
        actor=Actor(kind="guest"),
        request_id="",
        source="web",
        link_id=NOBODY,
        link_kind="standard",
        link_version=1,
        meeting_type_id=NOBODY,
        meeting_type_version=1,
        host_ids=(NOBODY,),
        host_versions=(1,),
        starts_at=start,
        ends_at=end,
        held_from=start,
        held_until=end,
    )
    return MeetingDetails(
        token_id=NOBODY,
        event=booked_event,
        meeting=booked_event,
        meeting_type=meeting_type,
        hosts=[host],
        affected_host=None,
        guest=GuestDetails("Your guest", "guest@example.com", host.time_zone, None),
        cancelled=False,
        cancelled_by=None,
        reason=None,
        message=None,
        sequence=0,
        changed_at=now,
        manage_url="https://…/m/…",
        page_url="https://…",
    )
