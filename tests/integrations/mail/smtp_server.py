"""An SMTP server on loopback that can be down, refuse, be slow, and lose its responses."""

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

from tests.waiting import find_free_port


class SmtpServer:
    """Messages that were delivered, and how the server behaves. `delay_seconds` delays its response to DATA.

    `takes_utf8`: whether it offers SMTPUTF8, from its next start on.
    """

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.refuse_rcpt: str | None = None
        self.refuse_data: str | None = None
        self.lose_responses = False
        self.delay_seconds = 0.0
        self.takes_utf8 = True
        self.port = find_free_port()
        self._controller: Controller | None = None

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept or refuse a recipient."""
        if self.refuse_rcpt:
            return self.refuse_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Accept or refuse a message."""
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if self.refuse_data:
            return self.refuse_data
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.envelopes.append((str(envelope.mail_from), list(envelope.rcpt_tos)))
        if self.lose_responses:
            assert server.transport is not None
            server.transport.abort()
        return "250 OK"

    @property
    def is_up(self) -> bool:
        """Whether the server runs."""
        return self._controller is not None

    def start_server(self) -> None:
        """Start the server."""
        if self._controller is None:
            self._controller = Controller(
                self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=self.takes_utf8, ready_timeout=30
            )
            self._controller.start()

    def stop_server(self) -> None:
        """Stop the server."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of a service that sends mail through this server."""
        return {"smtp_url": f"smtp://127.0.0.1:{self.port}", "mail_from": "Nexora Bookings <book@nexora.example>"}

    def find_messages(self, email: str) -> list[EmailMessage]:
        """Find the messages to an address."""
        return [message for message, (_, to) in zip(self.messages, self.envelopes, strict=True) if to == [email]]

    def list_message_ids(self) -> list[str]:
        """List the Message-ID of each message."""
        return [message["Message-ID"] for message in self.messages]


@contextmanager
def run_smtp_server() -> Iterator[SmtpServer]:
    """Run an SMTP server."""
    server = SmtpServer()
    server.start_server()
    try:
        yield server
    finally:
        server.stop_server()


def get_part(message: EmailMessage, kind: str) -> Any:
    """Return the content of the one part of a content type."""
    [matching_part] = [message_part for message_part in message.walk() if message_part.get_content_type() == kind]
    return matching_part.get_content()


def parse_calendar(message: EmailMessage) -> Calendar:
    """Parse a message's invitation with a library other than the one that made it."""
    [calendar_part] = [
        message_part for message_part in message.walk() if message_part.get_content_type() == "text/calendar"
    ]
    payload = calendar_part.get_payload(decode=True)
    calendar = Calendar.from_ical(payload)
    assert isinstance(calendar, Calendar)
    assert calendar_part.get_param("method") == calendar["METHOD"]
    [attached] = [
        message_part for message_part in message.walk() if message_part.get_content_type() == "application/ics"
    ]
    assert attached.get_payload(decode=True) == payload
    return calendar
