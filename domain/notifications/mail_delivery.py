"""The events that record the outcome of mails about a meeting, in the stream of its token."""

from typing import Literal
from uuid import UUID

from domain.event import Event
from domain.notifications.rules import RecipientRole

MailFailureReason = Literal[
    "no_mail_server",
    "server_unreachable",
    "server_too_slow",
    "certificate_refused",
    "no_tls",
    "no_starttls",
    "no_auth",
    "sign_in_refused",
    "sender_refused",
    "address_refused",
    "no_smtputf8",
    "reader_left",
    "no_longer_wanted",
    "mail_refused",
    "try_later",
    "not_written",
    "unknown_outcome",
    "link_closed",
]

# What happened


class NotificationEvent(Event):
    """An event about one notification: the version of the event that it is about, and its recipient."""

    cause_version: int
    what: str
    to: RecipientRole
    person_id: UUID | None = None


class MailEvent(NotificationEvent):
    """An event about a mail. `offset_minutes`, of a reminder or follow-up: minutes from the start (< 0) or the end."""

    offset_minutes: int | None = None


class MailSent(MailEvent, name="MailSent.v1", later={"MailSent.v2": ("offset_minutes",)}):
    """A mail was handed over to the mail server, or printed on the console of a demo.

    Whether it reached its reader, nobody knows. `message_id` is the mail's own, without the brackets.
    """

    attempt: int
    message_id: str
    by: Literal["smtp", "console"]


class MailFailed(MailEvent, name="MailFailed.v1", later={"MailFailed.v2": ("offset_minutes",)}):
    """A mail was not handed over, as far as is known; it is tried again later unless this was the `last` attempt.

    `no_mail_server`: none is set, so the mail waits until somebody asks for it again. `unknown_outcome`: the mail
    server may have it, but the answer, or the process that waited for it, was lost. `no_longer_wanted`: the meeting
    type has no such reminder or follow-up any more.
    """

    attempt: int
    message_id: str
    reason: MailFailureReason
    last: bool


class MailRequested(MailEvent, name="MailRequested.v1", later={"MailRequested.v2": ("offset_minutes",)}):
    """Somebody asked for a mail to be sent again: it goes out as a new one, with a Message-ID of its own."""
