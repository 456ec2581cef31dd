"""Handing mail over: to the SMTP server of the settings, or onto the console where there is none."""

import asyncio
import logging
import sys
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from anyio import CapacityLimiter, to_thread

from api.settings import Settings

log = logging.getLogger("oncelink")

SECONDS = 15.0
THREADS = 2
DEFAULT_PORTS = {"smtp": 587, "smtps": 465}


class Mail:
    """Hands mail over beside the requests: in threads of its own, so that a slow mail server holds up nobody."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limiter: CapacityLimiter | None = None  # made in the event loop that it belongs to

    async def beside(self, work: Callable[..., None], *args: Any) -> None:
        """Does what ends in a mail, after the answer."""
        self.limiter = self.limiter or CapacityLimiter(THREADS)
        await to_thread.run_sync(work, *args, limiter=self.limiter)

    def send(self, to: str, subject: str, text: str) -> None:
        """Hands a mail over. A failure is loud in the log, without the mail's text."""
        if not self.settings.smtp_url:
            print(f"\nTo: {to}\nSubject: {subject}\n\n{text}\n", file=sys.stderr, flush=True)
            return
        try:
            asyncio.run(handed_over(self.settings.smtp_url, written(self.settings, to, subject, text)))
        except (aiosmtplib.SMTPException, OSError) as error:
            server = urlsplit(self.settings.smtp_url).hostname
            log.error("A mail could not be handed over to %s: %s", server, type(error).__name__)


def written(settings: Settings, to: str, subject: str, text: str) -> EmailMessage:
    """The mail as it goes out."""
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = to
    message["Subject"] = subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


async def handed_over(url: str, message: EmailMessage) -> None:
    """Sends a mail by `smtp://user:password@host:port` (STARTTLS where it is offered; `?starttls=required`) or
    `smtps://`. Raises aiosmtplib.SMTPException, OSError."""
    server = urlsplit(url)
    required = parse_qs(server.query).get("starttls") == ["required"]
    await aiosmtplib.send(
        message,
        hostname=server.hostname,
        port=server.port or DEFAULT_PORTS[server.scheme],
        username=unquote(server.username) if server.username else None,
        password=unquote(server.password) if server.password else None,
        use_tls=server.scheme == "smtps",
        start_tls=None if server.scheme == "smtp" and not required else required,
        timeout=SECONDS,
    )
