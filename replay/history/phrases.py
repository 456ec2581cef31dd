"""The words that sentences are made of: names in quotes, instants, lists of people, what was changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from replay.history.event_context import Surroundings
from replay.history.event_rows import Change, LogRow, as_id, as_ids, as_instant, as_object, as_text

GONE = "details erased"
UNSAID = {"weekly_hours", "date_overrides", "busy_feed_url"}  # too long for a sentence, or a secret
FAILURES = {
    "server_unreachable": "the mail server could not be reached",
    "server_too_slow": "the mail server did not answer in time",
    "sign_in_refused": "the mail server did not accept our user and password",
    "sender_refused": "the mail server did not accept our sender",
    "address_refused": "the address was refused",
    "reader_left": "they have left",
    "mail_refused": "the mail server refused the mail",
    "try_later": "the mail server asked to try later",
    "not_written": "the mail could not be written, which is a mistake of this program",
    "unknown_outcome": "the answer of the mail server was lost, so that it may have the mail",
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
LONGEST_VALUE = 80
LONGEST_REASON = 200


def quoted(name: str | None, unknown: str = "an unknown one") -> str:
    """A name as it stands in a sentence."""
    return unknown if name is None else f"“{name}”"


def when(value: Any) -> str:
    """An instant of a payload, to the minute."""
    instant = as_instant(value)
    return "an unknown time" if instant is None else f"{instant:%Y-%m-%d %H:%M} UTC"


def listed(names: Sequence[str]) -> str:
    """Ada, Bob and Cy."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def person(id: Any, row: LogRow, known: Surroundings) -> str:
    """A person's name at an event's position."""
    return known.name(as_id(id), row) or "somebody"


def people(payload: Mapping[str, Any], field: str, row: LogRow, known: Surroundings) -> str:
    """The names of a payload's people."""
    return listed([known.name(id, row) or "somebody" for id in as_ids(payload.get(field))]) or "nobody"


def thing(row: LogRow, known: Surroundings) -> str:
    """The name of the event's own stream, an updated one's before the update."""
    return quoted(as_text(row.before.get("name")) or known.name(row.stream_id, row))


def other(payload: Mapping[str, Any], field: str, row: LogRow, known: Surroundings) -> str:
    """The name of what a payload refers to."""
    return quoted(known.name(as_id(payload.get(field)), row))


def details(payload: Mapping[str, Any], known: Surroundings) -> Mapping[str, Any] | None:
    """The personal details that a payload refers to; an empty object where it refers to none, None when erased."""
    id = as_id(payload.get("details_id"))
    return {} if id is None else known.details.get(id)


def guest(row: LogRow, known: Surroundings) -> str | None:
    """The guest of the event's token, if the meeting was booked by then."""
    found = details(known.token(row).booked, known)
    if found is None:
        return f"({GONE})"
    return as_text(as_object(found.get("guest")).get("name"))


def recipient(row: LogRow, known: Surroundings) -> str:
    """Who the event's single-use link was made for, to be put behind it; nothing for nobody."""
    found = details(known.token(row).issued, known)
    if found is None:
        return f" ({GONE})"
    given = as_object(found.get("recipient"))
    name = as_text(given.get("name")) or as_text(given.get("email"))
    label = as_text(found.get("label"))
    return (f" for {name}" if name else "") + (f" ({label})" if label else "")


def reason(row: LogRow, known: Surroundings) -> str:
    """Why, to be put behind a sentence; nothing where no reason was given."""
    found = details(row.data, known)
    if found is None:
        return f" (reason: {GONE})"
    given = " ".join((as_text(found.get("reason")) or "").split())
    cut = f"{given[:LONGEST_REASON]}…" if len(given) > LONGEST_REASON else given
    return f", saying “{cut}”" if cut else ""


def what_changed(found: Sequence[Change]) -> str:
    """The changes of an update, to be put behind a colon."""
    return "; ".join(map(one_change, found)) or "nothing"


def one_change(change: Change) -> str:
    """One change, from what to what where that fits into a sentence."""
    field = change["field"].removesuffix("_ids").removesuffix("_id").replace("_", " ")
    before, after = valued(change["from"]), valued(change["to"])
    if change["field"] in UNSAID or max(len(before), len(after)) > LONGEST_VALUE:
        return field
    return f"{field} from {before} to {after}"


def valued(value: Any) -> str:
    """A value as a sentence says it."""
    if isinstance(value, dict):
        return quoted(value.get("name")) if "name" in value else "…"
    if isinstance(value, list):
        return listed([valued(one) for one in value]) or "none"
    if isinstance(value, str):
        return when(value) if as_instant(value) is not None and "T" in value else quoted(value)
    return {None: "none", True: "yes", False: "no"}.get(value, str(value))
