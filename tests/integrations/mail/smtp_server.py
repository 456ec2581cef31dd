"""A mail server of our own on the loopback interface, that can be away, refuse, be slow, and lose its answers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from icalendar import Calendar

from tests.once.server_processes import free_port


class Mailbox:
    """What was handed over, and how the server behaves: `refuse` an answer to RCPT or DATA, `slow` in seconds."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.refuse_rcpt: str | None = None
        self.refuse_data: str | None = None
        self.lose_answers = False
        self.slow = 0.0
        self.port = free_port()
        self._controller: Controller | None = None

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes or refuses somebody's address."""
        if self.refuse_rcpt:
            return self.refuse_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes or refuses a mail."""
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.refuse_data:
            return self.refuse_data
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append((str(envelope.mail_from), list(envelope.rcpt_tos)))
        if self.lose_answers:
            assert server.transport is not None
            server.transport.abort()
        return "250 OK"

    @property
    def is_up(self) -> bool:
        """Whether the server is there."""
        return self._controller is not None

    def up(self) -> None:
        """The server is there."""
        if self._controller is None:
            self._controller = Controller(
                self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True, ready_timeout=30
            )
            self._controller.start()

    def down(self) -> None:
        """The server is away."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a service that hands its mail over here."""
        return {"smtp_url": f"smtp://127.0.0.1:{self.port}", "mail_from": "Nexora Bookings <book@nexora.example>"}

    def to(self, email: str) -> list[EmailMessage]:
        """The mails to somebody."""
        return [mail for mail, (_, to) in zip(self.mails, self.envelopes, strict=True) if to == [email]]

    def ids(self) -> list[str]:
        """The Message-ID of each mail."""
        return [mail["Message-ID"] for mail in self.mails]


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server that is there."""
    found = Mailbox()
    found.up()
    try:
        yield found
    finally:
        found.down()


def part(mail: EmailMessage, kind: str) -> Any:
    """The content of the one part of a kind."""
    [found] = [one for one in mail.walk() if one.get_content_type() == kind]
    return found.get_content()


def calendar_of(mail: EmailMessage) -> Calendar:
    """What a mail program understands as an invitation, parsed by another library than the one that made the mail."""
    [found] = [one for one in mail.walk() if one.get_content_type() == "text/calendar"]
    raw = found.get_payload(decode=True)
    calendar = Calendar.from_ical(raw)
    assert isinstance(calendar, Calendar)
    assert found.get_param("method") == calendar["METHOD"]
    [attached] = [one for one in mail.walk() if one.get_content_type() == "application/ics"]
    assert attached.get_payload(decode=True) == raw
    return calendar
