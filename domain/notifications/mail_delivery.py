"""What became of telling people about a meeting by mail, in the stream of its token."""

from typing import Literal
from uuid import UUID

from domain.event import Event
from domain.notifications.outbox import Role

Reason = Literal[
    "server_unreachable",
    "server_too_slow",
    "sign_in_refused",
    "sender_refused",
    "address_refused",
    "reader_left",
    "mail_refused",
    "try_later",
    "not_written",
    "unknown_outcome",
]

# What happened


class Told(Event):
    """Speaks of one thing that is owed: the event that is told, by its version in this stream, and to whom."""

    cause_version: int
    what: str
    to: Role
    person_id: UUID | None = None


class MailSent(Told, name="MailSent.v1"):
    """A mail was handed over to the mail server, or printed where there is none.

    Whether it reached its reader, nobody knows. `message_id` is the mail's own, without the brackets.
    """

    attempt: int
    message_id: str
    by: Literal["smtp", "console"]


class MailFailed(Told, name="MailFailed.v1"):
    """A mail was not handed over, as far as is known; it is tried again later unless this was the `last` attempt.

    `unknown_outcome`: the mail server may have it, but the answer, or the process that waited for it, was lost.
    """

    attempt: int
    message_id: str
    reason: Reason
    last: bool


class MailRequested(Told, name="MailRequested.v1"):
    """Somebody asked for a mail to be sent again: it goes out as a new one, with a Message-ID of its own."""
