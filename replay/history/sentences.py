"""Every event as a sentence that anybody can read, in plain text."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from replay.history.changes import changes
from replay.history.event_context import OF_TOKENS, Surroundings
from replay.history.event_rows import ActorRow, HistoryRow, LogRow, as_instant, as_text
from replay.history.phrases import (
    CALENDAR_FAILURES,
    FAILURES,
    details,
    guest,
    other,
    people,
    person,
    reason,
    recipient,
    thing,
    what_changed,
    when,
)

Sentence = Callable[[LogRow, Surroundings], str]


def told(rows: Iterable[LogRow], known: Surroundings) -> list[HistoryRow]:
    """Events as the history answers them, each with its sentence."""
    return [tell(row, known) for row in rows]


def tell(row: LogRow, known: Surroundings) -> HistoryRow:
    """One event, told."""
    own = details(row.data, known)
    return HistoryRow(
        position=row.position,
        recorded_at=row.recorded_at,
        occurred_at=as_instant(row.data.get("occurred_at")),
        stream_id=row.stream_id,
        version=row.version,
        type=row.type,
        actor=actor(row, known),
        request_id=as_text(row.data.get("request_id")),
        source=as_text(row.data.get("source")),
        sentence=sentence(row, known),
        changes=changes(row, known),
        details=dict(own) if own else None,
        erased=own is None,
        data=dict(row.data),
    )


def sentence(row: LogRow, known: Surroundings) -> str:
    """What happened, in a sentence; also of an event that no program of ours knows."""
    saying = SENTENCES.get(row.name)
    if saying is None:
        return f"{who(row, known)} did something that this version does not know: {row.type}."
    return f"{who(row, known)} {saying(row, known)}."


def actor(row: LogRow, known: Surroundings) -> ActorRow:
    """Who caused an event, by the name of that time."""
    kind = as_text(row.actor.get("kind")) or "system"
    return {"kind": kind, "id": row.actor_id, "name": known.name(row.actor_id, row)}


def who(row: LogRow, known: Surroundings) -> str:
    """Who caused an event, as a sentence begins."""
    found = actor(row, known)
    if found["kind"] == "guest":
        name = guest(row, known) if row.name in OF_TOKENS and row.name != "DirectIssued" else None
        return f"The guest {name}" if name else "A guest"
    if found["kind"] == "system":
        return "The system"
    return found["name"] or "Somebody"


def person_added(row: LogRow, known: Surroundings) -> str:
    roles = row.data.get("roles")
    return (
        f"added {thing(row, known)} ({', '.join(map(str, roles)) if isinstance(roles, list) and roles else 'no role'})"
    )


def meeting_type_created(row: LogRow, known: Surroundings) -> str:
    return f"created the meeting type {thing(row, known)} ({row.data.get('duration_minutes')} minutes)"


def managed_link_created(row: LogRow, known: Surroundings) -> str:
    hosts, meeting_type = people(row.data, "host_ids", row, known), other(row.data, "meeting_type_id", row, known)
    return f"created the managed link {thing(row, known)} of {meeting_type} for {hosts}"


def link_created(row: LogRow, known: Surroundings) -> str:
    meeting_type = other(row.data, "meeting_type_id", row, known)
    owner = person(row.data.get("owner_id"), row, known)
    managed = row.data.get("kind") == "managed"
    return f"published the {'managed ' if managed else ''}link {thing(row, known)} of {meeting_type} for {owner}"


def updated(kind: str) -> Sentence:
    """The sentence of an update: what was changed."""
    return lambda row, known: f"changed {kind}{thing(row, known)}: {what_changed(changes(row, known))}"


def simply(verb: str, kind: str = "", ending: str = "") -> Sentence:
    """The sentence of an event that says no more than its name."""
    return lambda row, known: f"{verb} {kind}{thing(row, known)}{ending}"


def single_use_issued(row: LogRow, known: Surroundings) -> str:
    return f"issued a single-use link of {other(row.data, 'link_id', row, known)}{recipient(row, known)}"


def direct_issued(row: LogRow, known: Surroundings) -> str:
    return f"came to book on the link {other(row.data, 'link_id', row, known)}"


def single_use_revoked(row: LogRow, known: Surroundings) -> str:
    link = other(known.token(row).issued, "link_id", row, known)
    return f"revoked the single-use link of {link}{recipient(row, known)}{reason(row, known)}"


def meeting_booked(row: LogRow, known: Surroundings) -> str:
    token = known.token(row)
    way = f"a single-use link of {link_of(row, known)}" if token.single_use else f"the link {link_of(row, known)}"
    hosts = people(row.data, "host_ids", row, known)
    return f"booked {meeting(row.data, row, known)} with {hosts} for {when(row.data.get('starts_at'))} through {way}"


def rescheduled(row: LogRow, known: Surroundings) -> str:
    before, after = when(row.data.get("previous_starts_at")), when(row.data.get("starts_at"))
    return f"moved {meeting_of(row, known)} from {before} to {after}"


def meeting_reassigned(row: LogRow, known: Surroundings) -> str:
    before, after = people(row.data, "previous_host_ids", row, known), people(row.data, "host_ids", row, known)
    what = f"{meeting(known.token(row).booked, row, known)} with {guest_of(row, known)}"
    return f"gave {what} of {when(row.data.get('starts_at'))} from {before} to {after}"


def meeting_cancelled(row: LogRow, known: Surroundings) -> str:
    return f"cancelled {meeting_of(row, known)} of {when(row.before.get('starts_at'))}{reason(row, known)}"


def calendar_conflict_found(row: LogRow, known: Surroundings) -> str:
    host, starts_at = person(row.data.get("host_id"), row, known), when(row.data.get("starts_at"))
    return f"found something else in the calendar of {host} at the time of {meeting_of(row, known)}, {starts_at}"


def personal_details_erased(row: LogRow, known: Surroundings) -> str:
    ids = row.data.get("details_ids")
    if ids == []:
        return "ended an erasure of the personal details of a guest or recipient"
    token = known.token(row)
    kind = "a single-use link" if token.single_use else "a booking"
    count = f" ({len(ids)} records)" if isinstance(ids, list) and len(ids) != 1 else ""
    return f"erased the personal details of {kind} of {other(token.issued, 'link_id', row, known)}{count}"


def mail_sent(row: LogRow, known: Surroundings) -> str:
    if row.data.get("by") == "console":
        return f"printed the mail to {reader(row, known)} on the console, that {news(row)}"
    return f"mailed {reader(row, known)} that {news(row)}"


def mail_failed(row: LogRow, known: Surroundings) -> str:
    return f"could not mail {reader(row, known)} that {news(row)}, {because(row, FAILURES)}"


def mail_requested(row: LogRow, known: Surroundings) -> str:
    return f"asked for {reader(row, known)} to be mailed again that {news(row)}"


def calendar_written(row: LogRow, known: Surroundings) -> str:
    whose = f"calendar of {reader(row, known)}"
    if row.data.get("done") == "removed":
        return f"removed the meeting from the {whose}"
    return f"wrote the meeting into the {whose}"


def calendar_failed(row: LogRow, known: Surroundings) -> str:
    return f"could not bring the calendar of {reader(row, known)} up to date, {because(row, CALENDAR_FAILURES)}"


def calendar_requested(row: LogRow, known: Surroundings) -> str:
    return f"asked for the meeting to be written into the calendar of {reader(row, known)} again"


def because(row: LogRow, reasons: Mapping[str, str]) -> str:
    """Why something was not done, and whether it is tried again."""
    why = reasons.get(str(row.data.get("reason")), "for a reason that this version does not know")
    then = "and does not try again" if row.data.get("last") else "and tries again later"
    return f"because {why}, {then}"


def reader(row: LogRow, known: Surroundings) -> str:
    """Whom a mail is for."""
    return guest_of(row, known) if row.data.get("to") == "guest" else person(row.data.get("person_id"), row, known)


def news(row: LogRow) -> str:
    """What a mail says."""
    if row.data.get("what") == "conflict":
        return "the meeting stays, although a calendar has something else at its time"
    return f"the meeting was {as_text(row.data.get('what')) or 'changed'}"


def link_of(row: LogRow, known: Surroundings) -> str:
    """The link of the event's token."""
    token = known.token(row)
    return other(token.booked or token.issued, "link_id", row, known)


def meeting(payload: Mapping[str, Any], row: LogRow, known: Surroundings) -> str:
    """The meeting type that was booked."""
    return other(payload, "meeting_type_id", row, known)


def meeting_of(row: LogRow, known: Surroundings) -> str:
    """The meeting of the event's token, and with whom, unless that is who acts."""
    booked = known.token(row).booked
    hosts = people(known.token(row).hosted(row), "host_ids", row, known)
    by_guest = row.actor.get("kind") == "guest"
    return f"{meeting(booked, row, known)} with {hosts if by_guest else guest_of(row, known)}"


def guest_of(row: LogRow, known: Surroundings) -> str:
    """The guest of the event's token, as somebody else's sentence names them."""
    name = guest(row, known)
    return f"the guest {name}" if name else "a guest"


SENTENCES: dict[str, Sentence] = {
    "PersonAdded": person_added,
    "PersonUpdated": updated(""),
    "PersonDeactivated": simply("deactivated"),
    "PersonActivated": simply("activated", ending=" again"),
    "MeetingTypeCreated": meeting_type_created,
    "MeetingTypeUpdated": updated("the meeting type "),
    "ManagedLinkCreated": managed_link_created,
    "ManagedLinkUpdated": updated("the managed link "),
    "LinkCreated": link_created,
    "LinkUpdated": updated("the link "),
    "LinkDisabled": simply("switched off", "the link "),
    "LinkEnabled": simply("switched on", "the link ", " again"),
    "LinkDeleted": simply("deleted", "the link "),
    "SingleUseIssued": single_use_issued,
    "DirectIssued": direct_issued,
    "SingleUseRevoked": single_use_revoked,
    "MeetingBooked": meeting_booked,
    "Rescheduled": rescheduled,
    "MeetingReassigned": meeting_reassigned,
    "MeetingCancelled": meeting_cancelled,
    "CalendarConflictFound": calendar_conflict_found,
    "PersonalDetailsErased": personal_details_erased,
    "MailSent": mail_sent,
    "MailFailed": mail_failed,
    "MailRequested": mail_requested,
    "CalendarWritten": calendar_written,
    "CalendarFailed": calendar_failed,
    "CalendarRequested": calendar_requested,
}
