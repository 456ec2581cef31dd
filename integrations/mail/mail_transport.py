"""Mail transport: the SMTP server of the settings, or the console of a demo. Without either no mail is sent."""

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from anyio import CapacityLimiter, to_thread

from integrations.clock import Clock
from integrations.delivery import DeliveryFailed
from integrations.email_address import InvalidEmailAddress, normalize_address
from integrations.mail.mail_message import (
    MailMessage,
    Sender,
    build_email,
    render_mail,
)
from integrations.mail.smtp import SmtpConnection
from integrations.mail.smtp_url import parse_smtp_url

log = logging.getLogger("oncelink")

THREADS = 2


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where mail is handed over (empty: it is not sent), and the sender, such as `Name <address>`.

    `prints`: instead, it is printed on the console with its links that work, which only a demo may do.
    """

    smtp_url: str = field(repr=False)
    mail_from: str
    prints: bool = False


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A message rendered to bytes, ready to send."""

    message: MailMessage
    text: bytes
    to: str


class MailTransport:
    """Sends mail by the settings: over one SMTP connection, to the console, or not. Belongs to one event loop."""

    def __init__(self, settings: MailSettings, clock: Clock) -> None:
        self.clock = clock
        self.prints = settings.prints
        self.sender = Sender.from_setting(settings.mail_from)
        self.connection = SmtpConnection(parse_smtp_url(settings.smtp_url)) if settings.smtp_url else None

    @property
    def delivery_method(self) -> Literal["smtp", "console"]:
        """How mail is sent: "smtp" or "console"."""
        return "console" if self.prints else "smtp"

    @property
    def domain(self) -> str:
        """The domain of our Message-IDs."""
        return self.sender.domain

    @property
    def is_connected(self) -> bool:
        """Whether a connection to the server is held."""
        return self.connection is not None and self.connection.client is not None

    def require_server(self) -> None:
        """Require somewhere to send mail to. Raises DeliveryFailed, for good: somebody must ask for the mail again."""
        if self.connection is None and not self.prints:
            raise DeliveryFailed("no_mail_server", permanent=True)

    def prepare_mail(self, message: MailMessage, message_id: str) -> OutgoingMail:
        """Render a message, ready to send. Raises InvalidEmailAddress."""
        text = build_email(message, self.sender, message_id, self.clock()).as_bytes()
        return OutgoingMail(message, text, normalize_address(message.to_email))

    async def send(self, mail: OutgoingMail, before_data: Callable[[], bool] = lambda: True) -> None:
        """Send a mail, unless `before_data`, called just before the data is sent, returns False.

        Raises DeliveryFailed.
        """
        self.require_server()
        if self.connection is not None:
            await self.connection.send(mail.text, self.sender.email, mail.to, before_data)
        elif before_data():
            print(format_for_console(mail.message), file=sys.stderr, flush=True)

    async def connect(self) -> None:
        """Connect to the server and sign in. Raises DeliveryFailed."""
        if self.connection is not None:
            await self.connection.connect()

    async def disconnect(self) -> None:
        """Close the SMTP connection, if one is open."""
        if self.connection is not None:
            await self.connection.disconnect()


def format_for_console(message: MailMessage) -> str:
    """Format a mail for the console."""
    headers = f"To: {message.to_email}\nSubject: {message.subject}"
    invitation = f"\n\n[with a calendar's entry, {message.method}]" if message.method else ""
    return f"\n{headers}\n\n{render_mail(message, 'message.txt').strip()}{invitation}\n"


class SignInMailer:
    """Mails sign-in links and guests' codes in threads of its own, so that a slow mail server delays no request.

    They bypass the outbox and the log: each is or holds a code, and the log, which is permanent, must hold no
    working code. A lost one is requested again.
    """

    def __init__(self, settings: MailSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.limiter: CapacityLimiter | None = None  # created in the event loop that it belongs to

    async def run_in_background(self, work: Callable[..., None], *args: Any) -> None:
        """Run work that sends mail in a thread of its own, after the response."""
        self.limiter = self.limiter or CapacityLimiter(THREADS)
        await to_thread.run_sync(work, *args, limiter=self.limiter)

    def send(self, message: MailMessage) -> None:
        """Send a message. A failure is logged, without the mail's content."""
        try:
            asyncio.run(self.deliver_message(message))
        except (DeliveryFailed, InvalidEmailAddress) as error:
            reason = error.reason if isinstance(error, DeliveryFailed) else "address_refused"
            log.error("A sign-in link or a guest's code could not be mailed: %s", reason)

    async def deliver_message(self, message: MailMessage) -> None:
        """Send one message over a connection of its own. Raises DeliveryFailed, InvalidEmailAddress."""
        transport = MailTransport(self.settings, self.clock)
        try:
            await transport.send(transport.prepare_mail(message, f"{uuid4()}@{transport.domain}"))
        finally:
            await transport.disconnect()
