"""The events that record the outcome of mails about a meeting, in the stream of its token."""

from typing import Literal
from uuid import UUID

from domain.event import Event
from domain.notifications.outbox import RecipientRole

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
    "mail_refused",
    "try_later",
    "not_written",
    "unknown_outcome",
]

# What happened


class NotificationEvent(Event):
    """An event about one notification: the version of the event that it is about, and its recipient."""

    cause_version: int
    what: str
    to: RecipientRole
    person_id: UUID | None = None


class MailSent(NotificationEvent, name="MailSent.v1"):
    """A mail was handed over to the mail server, or printed on the console of a demo.

    Whether it reached its reader, nobody knows. `message_id` is the mail's own, without the brackets.
    """

    attempt: int
    message_id: str
    by: Literal["smtp", "console"]


class MailFailed(NotificationEvent, name="MailFailed.v1"):
    """A mail was not handed over, as far as is known; it is tried again later unless this was the `last` attempt.

    `no_mail_server`: none is set, so the mail waits until somebody asks for it again. `unknown_outcome`: the mail
    server may have it, but the answer, or the process that waited for it, was lost.
    """

    attempt: int
    message_id: str
    reason: MailFailureReason
    last: bool


class MailRequested(NotificationEvent, name="MailRequested.v1"):
    """Somebody asked for a mail to be sent again: it goes out as a new one, with a Message-ID of its own."""
