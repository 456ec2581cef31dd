"""The phrases of sentences: quoted names, times, lists of people, changes."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from domain.availability.hours import load_zone
from domain.durations import describe_each
from domain.text_direction import isolate_text
from replay.history.event_context import EventContext
from replay.history.event_rows import Change, LogRow, to_id, to_ids, to_instant, to_object, to_text

ERASED_TEXT = "details erased"
OMITTED_VALUES = {"weekly_hours", "date_overrides", "busy_feed_url"}  # too long for a sentence, or a secret
FAILURES = {
    "no_mail_server": "there is no mail server",
    "server_unreachable": "the mail server could not be reached",
    "server_too_slow": "the mail server did not answer in time",
    "certificate_refused": "the certificate of the mail server was refused",
    "no_tls": "the mail server does not encrypt on this port",
    "no_starttls": "the mail server offers no STARTTLS, and a password is never sent in the clear",
    "no_auth": "the mail server offers no sign-in that we know",
    "sign_in_refused": "the mail server did not accept our user and password",
    "sender_refused": "the mail server did not accept our sender",
    "address_refused": "the address was refused",
    "no_smtputf8": "the mail server sends to no address with such letters before the @ (it lacks SMTPUTF8)",
    "reader_left": "they have left",
    "no_longer_wanted": "the meeting type no longer has it",
    "mail_refused": "the mail server refused the mail",
    "try_later": "the mail server asked to try later",
    "not_written": "the mail could not be written, which is a mistake of this program",
    "unknown_outcome": "the answer of the mail server was lost, so that it may have the mail",
    "link_closed": "the link can no longer be booked",
}
CALENDAR_FAILURES = {
    "server_unreachable": "the calendar's server could not be reached",
    "server_too_slow": "the calendar's server did not answer in time",
    "sign_in_refused": "the calendar's server did not accept the user name and password",
    "no_such_calendar": "the calendar is not there any more",
    "changed_meanwhile": "the entry was changed in the calendar meanwhile",
    "refused": "the calendar's server refused",
    "not_opened": "the account's login can no longer be read here",
    "not_written": "the entry could not be written, which is a mistake of this program",
}
MAX_VALUE_LENGTH = 80
MAX_TEXT_LENGTH = 200


def quote_name(name: str | None, unknown: str = "an unknown one") -> str:
    """A name in quotes; `unknown` for None."""
    return unknown if name is None else f"“{isolate_text(name)}”"


def format_time(value: Any, context: EventContext) -> str:
    """An instant of a payload, to the minute: in the zone of the context, or in UTC, which is then named."""
    instant = to_instant(value)
    if instant is None:
        return "an unknown time"
    if context.zone is None:
        return f"{instant:%Y-%m-%d %H:%M} UTC"
    try:
        local = instant.astimezone(load_zone(context.zone))
    except OverflowError:  # the first and the last day that there are
        return f"{instant:%Y-%m-%d %H:%M} UTC"
    return f"{local:%a} {local.day} {local:%b %Y}, {local:%H:%M}"


def join_names(names: Sequence[str]) -> str:
    """Names as a list in a sentence: Ada, Bob and Cy."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def name_person(id: Any, row: LogRow, context: EventContext) -> str:
    """A person's name at an event's position."""
    return name_id(to_id(id), row, context)


def name_id(id: UUID | None, row: LogRow, context: EventContext) -> str:
    """The name of an id at an event's position."""
    return isolate_text(context.find_name(id, row) or "somebody")


def name_people(payload: Mapping[str, Any], field: str, row: LogRow, context: EventContext) -> str:
    """The names of the people in a field of a payload."""
    return join_names([name_id(id, row, context) for id in to_ids(payload.get(field))]) or "nobody"


def name_stream(row: LogRow, context: EventContext) -> str:
    """The quoted name of the event's own stream; for an update, the one before it."""
    return quote_name(to_text(row.before.get("name")) or context.find_name(row.stream_id, row))


def name_reference(payload: Mapping[str, Any], field: str, row: LogRow, context: EventContext) -> str:
    """The quoted name of the thing that a field of a payload refers to."""
    return quote_name(context.find_name(to_id(payload.get(field)), row))


def describe_chosen(row: LogRow, context: EventContext) -> str:
    """Who was chosen from a team by an event, to be appended to its sentence; empty where nobody was."""
    chosen = to_object(row.data.get("chosen"))
    if not chosen:
        return ""
    person, team = name_person(chosen.get("person_id"), row, context), name_reference(chosen, "team_id", row, context)
    return f"; {person} was chosen from {team}"


def find_details(payload: Mapping[str, Any], context: EventContext) -> Mapping[str, Any] | None:
    """The personal details that a payload refers to; an empty object where it refers to none, None when erased."""
    id = to_id(payload.get("details_id"))
    return {} if id is None else context.details.get(id)


def find_guest_name(row: LogRow, context: EventContext) -> str | None:
    """The name of the guest of the event's token; None if no meeting was booked by then."""
    personal_details = find_details(context.find_token(row).booking, context)
    if personal_details is None:
        return f"({ERASED_TEXT})"
    name = to_text(to_object(personal_details.get("guest")).get("name"))
    return isolate_text(name) if name else name


def describe_recipient(row: LogRow, context: EventContext) -> str:
    """The recipient and label of the event's single-use link, to be appended to it; empty without any."""
    personal_details = find_details(context.find_token(row).issue, context)
    if personal_details is None:
        return f" ({ERASED_TEXT})"
    recipient_details = to_object(personal_details.get("recipient"))
    name = to_text(recipient_details.get("name")) or to_text(recipient_details.get("email"))
    label = to_text(personal_details.get("label"))
    return (f" for {isolate_text(name)}" if name else "") + (f" ({isolate_text(label)})" if label else "")


def describe_text(row: LogRow, context: EventContext, name: Literal["reason", "message"] = "reason") -> str:
    """The reason or message of an event, to be appended to a sentence; empty without any."""
    personal_details = find_details(row.data, context)
    if personal_details is None:
        return f" ({name}: {ERASED_TEXT})"
    text = " ".join((to_text(personal_details.get(name)) or "").split())
    shortened_text = f"{text[:MAX_TEXT_LENGTH]}…" if len(text) > MAX_TEXT_LENGTH else text
    return f", saying “{isolate_text(shortened_text)}”" if shortened_text else ""


def describe_changes(changes: Sequence[Change], context: EventContext) -> str:
    """The changes of an update, to be appended after a colon."""
    return "; ".join(describe_change(change, context) for change in changes) or "nothing"


def describe_change(change: Change, context: EventContext) -> str:
    """One change, with both values where they fit into a sentence."""
    field = change["field"].removesuffix("_ids").removesuffix("_id").replace("_", " ")
    if change["field"].endswith("_minutes"):
        field = field.removesuffix(" minutes")
        before, after = format_minutes(change["from"], context), format_minutes(change["to"], context)
    else:
        before, after = format_value(change["from"], context), format_value(change["to"], context)
    if change["field"] in OMITTED_VALUES or max(len(before), len(after)) > MAX_VALUE_LENGTH:
        return field
    return f"{field} from {before} to {after}"


def format_minutes(value: Any, context: EventContext) -> str:
    """A number of minutes as text of a sentence."""
    is_known = isinstance(value, int) or (isinstance(value, list) and all(isinstance(one, int) for one in value))
    return describe_each(value) if is_known else format_value(value, context)


def describe_share(member: Mapping[str, Any]) -> str:
    """The weight and priority of a team's member, to be appended to the name; empty where they are the usual ones."""
    weight, priority = member.get("weight", 1), member.get("priority", 0)
    parts = [f"weight {weight}"] * (weight != 1) + [f"priority {priority}"] * (priority != 0)
    return f" ({', '.join(parts)})" if parts else ""


def format_value(value: Any, context: EventContext) -> str:
    """A value as text of a sentence."""
    if isinstance(value, dict):
        return f"{quote_name(value['name'])}{describe_share(value)}" if "name" in value else "…"
    if isinstance(value, list):
        return join_names([format_value(item, context) for item in value]) or "none"
    if isinstance(value, str):
        return format_time(value, context) if to_instant(value) is not None and "T" in value else quote_name(value)
    return {None: "none", True: "yes", False: "no"}.get(value, str(value))
