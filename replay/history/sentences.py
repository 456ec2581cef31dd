"""Describes every event in a sentence of plain text."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from domain.text_direction import isolate_text
from replay.history.changes import list_changes
from replay.history.event_context import TOKEN_EVENTS, EventContext, list_member_ids
from replay.history.event_rows import ActorRow, HistoryRow, LogRow, to_instant, to_text
from replay.history.notification_sentences import (
    describe_calendar_failed,
    describe_calendar_requested,
    describe_calendar_written,
    describe_mail_failed,
    describe_mail_requested,
    describe_mail_sent,
    name_guest,
)
from replay.history.phrases import (
    describe_changes,
    describe_chosen,
    describe_recipient,
    describe_text,
    find_details,
    find_guest_name,
    format_minutes,
    format_time,
    join_names,
    name_id,
    name_people,
    name_person,
    name_reference,
    name_stream,
)

Phrase = Callable[[LogRow, EventContext], str]


def to_history_rows(rows: Iterable[LogRow], context: EventContext) -> list[HistoryRow]:
    """Events as the history answers them, each with its sentence."""
    return [to_history_row(row, context) for row in rows]


def to_history_row(row: LogRow, context: EventContext) -> HistoryRow:
    """One event as the history answers it."""
    personal_details = find_details(row.data, context)
    return HistoryRow(
        position=row.position,
        recorded_at=row.recorded_at,
        occurred_at=to_instant(row.data.get("occurred_at")),
        stream_id=row.stream_id,
        version=row.version,
        type=row.type,
        actor=to_actor_row(row, context),
        request_id=to_text(row.data.get("request_id")),
        source=to_text(row.data.get("source")),
        sentence=build_sentence(row, context),
        changes=list_changes(row, context),
        details=dict(personal_details) if personal_details else None,
        erased=personal_details is None,
        data=dict(row.data),
    )


def build_sentence(row: LogRow, context: EventContext) -> str:
    """The sentence of an event; also of an event that this program does not know."""
    describe = SENTENCES.get(row.name)
    if describe is None:
        return f"{name_actor(row, context)} did something that this version does not know: {row.type}."
    return f"{name_actor(row, context)} {describe(row, context)}."


def to_actor_row(row: LogRow, context: EventContext) -> ActorRow:
    """Who caused an event, with the name of that time."""
    kind = to_text(row.actor.get("kind")) or "system"
    return {"kind": kind, "id": row.actor_id, "name": context.find_name(row.actor_id, row)}


def name_actor(row: LogRow, context: EventContext) -> str:
    """Who caused an event, as the beginning of a sentence."""
    actor_row = to_actor_row(row, context)
    if actor_row["kind"] == "guest":
        name = find_guest_name(row, context) if row.name in TOKEN_EVENTS and row.name != "DirectIssued" else None
        return f"The guest {name}" if name else "A guest"
    if actor_row["kind"] == "system":
        return "The system"
    return isolate_text(actor_row["name"] or "Somebody")


def describe_person_added(row: LogRow, context: EventContext) -> str:
    roles = row.data.get("roles")
    names = ", ".join(map(str, roles)) if isinstance(roles, list) and roles else "no role"
    return f"added {name_stream(row, context)} ({names})"


def describe_meeting_type_created(row: LogRow, context: EventContext) -> str:
    duration = format_minutes(row.data.get("duration_minutes"), context)
    return f"created the meeting type {name_stream(row, context)} ({duration})"


def describe_team_created(row: LogRow, context: EventContext) -> str:
    members = [name_id(id, row, context) for id in list_member_ids(row.data)]
    return f"created the team {name_stream(row, context)} of {join_names(members) or 'nobody'}"


def describe_managed_link_created(row: LogRow, context: EventContext) -> str:
    hosts, meeting_type = (
        name_people(row.data, "host_ids", row, context),
        name_reference(row.data, "meeting_type_id", row, context),
    )
    return f"created the managed link {name_stream(row, context)} of {meeting_type} for {hosts}"


def describe_link_created(row: LogRow, context: EventContext) -> str:
    meeting_type = name_reference(row.data, "meeting_type_id", row, context)
    owner = name_person(row.data.get("owner_id"), row, context)
    is_managed = row.data.get("kind") == "managed"
    kind = "managed link" if is_managed else "link"
    return f"published the {kind} {name_stream(row, context)} of {meeting_type} for {owner}"


def describe_person_invited(row: LogRow, context: EventContext) -> str:
    return f"invited {name_person(row.data.get('person_id'), row, context)} by mail to sign in"


def describe_new_link_requested(row: LogRow, context: EventContext) -> str:
    link, person = (
        name_reference(row.data, "link_id", row, context),
        name_person(row.data.get("person_id"), row, context),
    )
    return f"asked {person} for a new single-use link of {link}"


def describe_update(kind: str) -> Phrase:
    """The phrase of an update: what was changed."""
    return lambda row, context: (
        f"changed {kind}{name_stream(row, context)}: {describe_changes(list_changes(row, context), context)}"
    )


def describe_simple_event(verb: str, kind: str = "", ending: str = "") -> Phrase:
    """The phrase of an event that has nothing but its name to say."""
    return lambda row, context: f"{verb} {kind}{name_stream(row, context)}{ending}"


def describe_single_use_issued(row: LogRow, context: EventContext) -> str:
    link = name_reference(row.data, "link_id", row, context)
    replaced = ", in place of one whose meeting fell through" if row.data.get("replaces") else ""
    only = ", only for its recipient" if row.data.get("only_recipient") else ""
    expires_at = row.data.get("expires_at")
    until = f", until {format_time(expires_at, context)}" if isinstance(expires_at, str) else ""
    return f"issued a single-use link of {link}{describe_recipient(row, context)}{only}{until}{replaced}"


def describe_direct_issued(row: LogRow, context: EventContext) -> str:
    return f"came to book on the link {name_reference(row.data, 'link_id', row, context)}"


def describe_send_requested(row: LogRow, context: EventContext) -> str:
    link = name_token_link(row, context)
    return f"had the single-use link of {link} mailed to its recipient{describe_text(row, context, 'message')}"


def describe_single_use_revoked(row: LogRow, context: EventContext) -> str:
    link = name_reference(context.find_token(row).issue, "link_id", row, context)
    return f"revoked the single-use link of {link}{describe_recipient(row, context)}{describe_text(row, context)}"


def describe_meeting_booked(row: LogRow, context: EventContext) -> str:
    token = context.find_token(row)
    booked_link = (
        f"a single-use link of {name_token_link(row, context)}"
        if token.is_single_use
        else f"the link {name_token_link(row, context)}"
    )
    hosts = name_people(row.data, "host_ids", row, context)
    meeting, start = name_meeting_type(row.data, row, context), format_time(row.data.get("starts_at"), context)
    return f"booked {meeting} with {hosts} for {start} through {booked_link}{describe_chosen(row, context)}"


def describe_rescheduled(row: LogRow, context: EventContext) -> str:
    before, after = (
        format_time(row.data.get("previous_starts_at"), context),
        format_time(row.data.get("starts_at"), context),
    )
    message = describe_text(row, context, "message")
    return f"moved {describe_meeting(row, context)} from {before} to {after}{message}"


def describe_meeting_reassigned(row: LogRow, context: EventContext) -> str:
    before, after = (
        name_people(row.data, "previous_host_ids", row, context),
        name_people(row.data, "host_ids", row, context),
    )
    meeting_phrase = (
        f"{name_meeting_type(context.find_token(row).booking, row, context)} with {name_guest(row, context)}"
    )
    start, message = format_time(row.data.get("starts_at"), context), describe_text(row, context, "message")
    return f"gave {meeting_phrase} of {start} from {before} to {after}{message}{describe_chosen(row, context)}"


def describe_meeting_cancelled(row: LogRow, context: EventContext) -> str:
    start = format_time(row.before.get("starts_at"), context)
    return f"cancelled {describe_meeting(row, context)} of {start}{describe_text(row, context)}"


def describe_no_show_marked(row: LogRow, context: EventContext) -> str:
    mail = ", with a mail about it" if row.data.get("tell_guest") else ""
    return f"marked {describe_meeting(row, context)} as a no-show{mail}"


def describe_no_show_unmarked(row: LogRow, context: EventContext) -> str:
    return f"said that {name_guest(row, context)} came after all"


def describe_calendar_conflict_found(row: LogRow, context: EventContext) -> str:
    host, starts_at = (
        name_person(row.data.get("host_id"), row, context),
        format_time(row.data.get("starts_at"), context),
    )
    return (
        f"found something else in the calendar of {host} at the time of {describe_meeting(row, context)}, {starts_at}"
    )


def describe_personal_details_erased(row: LogRow, context: EventContext) -> str:
    ids = row.data.get("details_ids")
    if ids == []:
        return "ended an erasure of the personal details of a guest or recipient"
    token = context.find_token(row)
    kind = "a single-use link" if token.is_single_use else "a booking"
    count = f" ({len(ids)} records)" if isinstance(ids, list) and len(ids) != 1 else ""
    return f"erased the personal details of {kind} of {name_reference(token.issue, 'link_id', row, context)}{count}"


def name_token_link(row: LogRow, context: EventContext) -> str:
    """The name of the link of the event's token."""
    token = context.find_token(row)
    return name_reference(token.booking or token.issue, "link_id", row, context)


def name_meeting_type(payload: Mapping[str, Any], row: LogRow, context: EventContext) -> str:
    """The name of the meeting type that was booked."""
    return name_reference(payload, "meeting_type_id", row, context)


def describe_meeting(row: LogRow, context: EventContext) -> str:
    """The meeting of the event's token, and with whom: the hosts for a guest's event, else the guest."""
    booking = context.find_token(row).booking
    hosts = name_people(context.find_token(row).find_hosts_payload(row), "host_ids", row, context)
    is_by_guest = row.actor.get("kind") == "guest"
    return f"{name_meeting_type(booking, row, context)} with {hosts if is_by_guest else name_guest(row, context)}"


SENTENCES: dict[str, Phrase] = {
    "PersonAdded": describe_person_added,
    "PersonUpdated": describe_update(""),
    "PersonInvited": describe_person_invited,
    "NewLinkRequested": describe_new_link_requested,
    "PersonDeactivated": describe_simple_event("deactivated"),
    "PersonActivated": describe_simple_event("activated", ending=" again"),
    "MeetingTypeCreated": describe_meeting_type_created,
    "MeetingTypeUpdated": describe_update("the meeting type "),
    "TeamCreated": describe_team_created,
    "TeamUpdated": describe_update("the team "),
    "TeamDeleted": describe_simple_event("deleted", "the team "),
    "ManagedLinkCreated": describe_managed_link_created,
    "ManagedLinkUpdated": describe_update("the managed link "),
    "ManagedLinkDisabled": describe_simple_event("switched off", "the managed link "),
    "ManagedLinkEnabled": describe_simple_event("switched on", "the managed link ", " again"),
    "ManagedLinkDeleted": describe_simple_event("deleted", "the managed link "),
    "LinkCreated": describe_link_created,
    "LinkUpdated": describe_update("the link "),
    "LinkDisabled": describe_simple_event("switched off", "the link "),
    "LinkEnabled": describe_simple_event("switched on", "the link ", " again"),
    "LinkDeleted": describe_simple_event("deleted", "the link "),
    "OrganisationUpdated": describe_update("the organisation "),
    "SingleUseIssued": describe_single_use_issued,
    "DirectIssued": describe_direct_issued,
    "SingleUseSendRequested": describe_send_requested,
    "SingleUseRevoked": describe_single_use_revoked,
    "MeetingBooked": describe_meeting_booked,
    "Rescheduled": describe_rescheduled,
    "MeetingReassigned": describe_meeting_reassigned,
    "MeetingCancelled": describe_meeting_cancelled,
    "NoShowMarked": describe_no_show_marked,
    "NoShowUnmarked": describe_no_show_unmarked,
    "CalendarConflictFound": describe_calendar_conflict_found,
    "PersonalDetailsErased": describe_personal_details_erased,
    "MailSent": describe_mail_sent,
    "MailFailed": describe_mail_failed,
    "MailRequested": describe_mail_requested,
    "CalendarWritten": describe_calendar_written,
    "CalendarFailed": describe_calendar_failed,
    "CalendarRequested": describe_calendar_requested,
}
