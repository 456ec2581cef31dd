"""Describes what became of notifications, by mail and in calendars, in sentences of plain text."""

from collections.abc import Mapping

from replay.history.event_context import EventContext
from replay.history.event_rows import LogRow, to_text
from replay.history.phrases import CALENDAR_FAILURES, FAILURES, find_guest_name, name_person


def describe_mail_sent(row: LogRow, context: EventContext) -> str:
    if row.data.get("by") == "console":
        recipient = name_recipient(row, context)
        return f"mailed nothing to {recipient} that {describe_notification(row)}, as this demo has no mail server"
    return f"mailed {name_recipient(row, context)} that {describe_notification(row)}"


def describe_mail_failed(row: LogRow, context: EventContext) -> str:
    if row.data.get("reason") == "no_longer_wanted":
        recipient = name_recipient(row, context)
        return (
            f"did not mail {recipient} that {describe_notification(row)}, as the meeting type no longer has this mail"
        )
    reason = explain_failure(row, FAILURES)
    return f"could not mail {name_recipient(row, context)} that {describe_notification(row)}, {reason}"


def describe_mail_requested(row: LogRow, context: EventContext) -> str:
    return f"asked for {name_recipient(row, context)} to be mailed again that {describe_notification(row)}"


def describe_calendar_written(row: LogRow, context: EventContext) -> str:
    calendar = f"calendar of {name_recipient(row, context)}"
    if row.data.get("done") == "removed":
        return f"removed the meeting from the {calendar}"
    return f"wrote the meeting into the {calendar}"


def describe_calendar_failed(row: LogRow, context: EventContext) -> str:
    reason = explain_failure(row, CALENDAR_FAILURES)
    return f"could not bring the calendar of {name_recipient(row, context)} up to date, {reason}"


def describe_calendar_requested(row: LogRow, context: EventContext) -> str:
    return f"asked for the meeting to be written into the calendar of {name_recipient(row, context)} again"


def explain_failure(row: LogRow, reasons: Mapping[str, str]) -> str:
    """Why something failed, and whether it is tried again."""
    reason = reasons.get(str(row.data.get("reason")), "for a reason that this version does not know")
    next_step = "and does not try again" if row.data.get("last") else "and tries again later"
    return f"because {reason}, {next_step}"


def name_recipient(row: LogRow, context: EventContext) -> str:
    """The recipient of a notification."""
    if row.data.get("to") == "recipient":
        return "its recipient"
    return (
        name_guest(row, context)
        if row.data.get("to") == "guest"
        else name_person(row.data.get("person_id"), row, context)
    )


def describe_notification(row: LogRow) -> str:
    """What a notification says."""
    if row.data.get("what") == "conflict":
        return "the meeting stays, although a calendar has something else at its time"
    if row.data.get("what") == "invited":
        return "they are invited to sign in"
    if row.data.get("what") == "single_use":
        return "they can choose a time with the single-use link"
    if row.data.get("what") == "reminder":
        return "the meeting is coming up"
    if row.data.get("what") == "follow_up":
        return "the meeting is followed up"
    if row.data.get("what") == "no_show":
        return "they were missed at the meeting"
    if row.data.get("what") == "new_link":
        return "somebody needs a new single-use link"
    return f"the meeting was {to_text(row.data.get('what')) or 'changed'}"


def name_guest(row: LogRow, context: EventContext) -> str:
    """The guest of the event's token, in the sentence of somebody else."""
    name = find_guest_name(row, context)
    return f"the guest {name}" if name else "a guest"
