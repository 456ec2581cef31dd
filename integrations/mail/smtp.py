"""Sends mail to the SMTP server of the settings, one after the other on one connection."""

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTP

from integrations.delivery import DeliveryFailed

STEP_TIMEOUT_SECONDS = 15.0  # for each step of the SMTP exchange
DEFAULT_PORTS = {"smtp": 587, "smtps": 465}
SMTP_ERRORS = (aiosmtplib.SMTPException, OSError)


class SmtpConnection:
    """An SMTP connection that is opened when needed and kept until disconnected. Belongs to one event loop."""

    def __init__(self, url: str, seconds: float = STEP_TIMEOUT_SECONDS) -> None:
        self.url = urlsplit(url)
        self.seconds = seconds
        self.client: SMTP | None = None

    async def send(self, message: bytes, sender: str, to: str, before_data: Callable[[], bool]) -> None:
        """Send a mail. `before_data` is called just before DATA; when it returns False the mail is not sent.

        Raises DeliveryFailed.
        """
        client = await self.connect()
        try:
            await self.send_envelope(client, sender, to)
            if before_data():
                await self.send_data(client, message)
            else:
                await self.disconnect()
        except BaseException:
            await self.disconnect()
            raise

    async def send_envelope(self, client: SMTP, sender: str, to: str) -> None:
        """Send MAIL FROM and RCPT TO. Raises DeliveryFailed."""
        encoding = "ascii" if to.isascii() else "utf-8"
        try:
            await client.mail(sender, options=build_mail_options(client, to), encoding=encoding)
            await client.rcpt(to, encoding=encoding)
        except SMTP_ERRORS as error:
            raise to_delivery_failure(error) from error

    async def send_data(self, client: SMTP, message: bytes) -> None:
        """Send DATA. Raises DeliveryFailed."""
        try:
            await client.data(message)
        except aiosmtplib.SMTPDataError as error:
            raise to_delivery_failure(error) from error
        except SMTP_ERRORS as error:
            raise DeliveryFailed("unknown_outcome", server_fault=True) from error

    async def connect(self) -> SMTP:
        """Connect and sign in, or return the open connection. Raises DeliveryFailed."""
        if self.client is not None and self.client.is_connected:
            return self.client
        scheme, required = self.url.scheme, parse_qs(self.url.query).get("starttls") == ["required"]
        client = SMTP(
            hostname=self.url.hostname,
            port=self.url.port or DEFAULT_PORTS[scheme],
            username=unquote(self.url.username) if self.url.username else None,
            password=unquote(self.url.password) if self.url.password else None,
            use_tls=scheme == "smtps",
            start_tls=None if scheme == "smtp" and not required else required,
            timeout=self.seconds,
        )
        try:
            await client.connect()
        except SMTP_ERRORS as error:
            client.close()
            raise to_delivery_failure(error) from error
        self.client = client
        return client

    async def disconnect(self) -> None:
        """Quit and close the connection; does not wait for a server that is away."""
        client, self.client = self.client, None
        if client is None or not client.is_connected:
            return
        try:
            await asyncio.wait_for(client.quit(), 1.0)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            pass
        finally:
            client.close()


def build_mail_options(client: SMTP, to: str) -> list[str]:
    """Build the options of MAIL FROM. Raises aiosmtplib.SMTPNotSupported."""
    if to.isascii():
        return []
    if not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
    return ["SMTPUTF8"]


def to_delivery_failure(error: Exception) -> DeliveryFailed:
    """Convert an SMTP error to DeliveryFailed with its reason."""
    is_permanent = isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return DeliveryFailed("sign_in_refused", server_fault=True)
        case aiosmtplib.SMTPNotSupported():
            return DeliveryFailed("address_refused", permanent=True)
        case aiosmtplib.SMTPRecipientRefused():
            return DeliveryFailed("address_refused" if is_permanent else "try_later", permanent=is_permanent)
        case aiosmtplib.SMTPSenderRefused():
            return DeliveryFailed("sender_refused" if is_permanent else "try_later", server_fault=True)
        case aiosmtplib.SMTPDataError():
            return DeliveryFailed("mail_refused" if is_permanent else "try_later", permanent=is_permanent)
        case aiosmtplib.SMTPTimeoutError() | TimeoutError():
            return DeliveryFailed("server_too_slow", server_fault=True)
    return DeliveryFailed("server_unreachable", server_fault=True)
