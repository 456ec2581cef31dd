"""Handing mails over to the SMTP server of the settings, one after the other on one connection."""

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTP

from domain.notifications.mail_delivery import Reason

SECONDS = 15.0  # for each step of the talk
DEFAULT_PORTS = {"smtp": 587, "smtps": 465}


TALK_FAILED = (aiosmtplib.SMTPException, OSError)


class NotHandedOver(Exception):
    """A mail was not handed over, as far as is known.

    `last`: another attempt would end the same; `of_server`: it is the server's matter, and not this mail's.
    """

    def __init__(self, reason: Reason, last: bool = False, of_server: bool = False) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.last = last
        self.of_server = of_server


class SmtpLine:
    """A connection that is opened when it is needed, and kept until it is hung up. It belongs to one event loop."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self.url = urlsplit(url)
        self.seconds = seconds
        self.client: SMTP | None = None

    async def send(self, message: bytes, sender: str, to: str, before_data: Callable[[], bool]) -> None:
        """Hands a mail over. Just before its text goes out `before_data` is called; False keeps it back.

        Raises NotHandedOver.
        """
        client = await self.opened()
        try:
            await self.announce(client, sender, to)
            if before_data():
                await self.text(client, message)
            else:
                await self.hang_up()
        except BaseException:
            await self.hang_up()
            raise

    async def announce(self, client: SMTP, sender: str, to: str) -> None:
        """Says from whom and to whom. Raises NotHandedOver."""
        encoding = "ascii" if to.isascii() else "utf-8"
        try:
            await client.mail(sender, options=options(client, to), encoding=encoding)
            await client.rcpt(to, encoding=encoding)
        except TALK_FAILED as error:
            raise refused(error) from error

    async def text(self, client: SMTP, message: bytes) -> None:
        """Hands the text over. Raises NotHandedOver."""
        try:
            await client.data(message)
        except aiosmtplib.SMTPDataError as error:
            raise refused(error) from error
        except TALK_FAILED as error:
            raise NotHandedOver("unknown_outcome", of_server=True) from error

    async def opened(self) -> SMTP:
        """The connection, signed in. Raises NotHandedOver."""
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
        except TALK_FAILED as error:
            client.close()
            raise refused(error) from error
        self.client = client
        return client

    async def hang_up(self) -> None:
        """Ends the connection; a server that is away is not waited for."""
        client, self.client = self.client, None
        if client is None or not client.is_connected:
            return
        try:
            await asyncio.wait_for(client.quit(), 1.0)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            pass
        finally:
            client.close()


def options(client: SMTP, to: str) -> list[str]:
    """What MAIL FROM says of a mail. Raises aiosmtplib.SMTPNotSupported."""
    if to.isascii():
        return []
    if not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
    return ["SMTPUTF8"]


def refused(error: Exception) -> NotHandedOver:
    """What went wrong in the talk, in our words."""
    for_good = isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return NotHandedOver("sign_in_refused", of_server=True)
        case aiosmtplib.SMTPNotSupported():
            return NotHandedOver("address_refused", last=True)
        case aiosmtplib.SMTPRecipientRefused():
            return NotHandedOver("address_refused" if for_good else "try_later", last=for_good)
        case aiosmtplib.SMTPSenderRefused():
            return NotHandedOver("sender_refused" if for_good else "try_later", of_server=True)
        case aiosmtplib.SMTPDataError():
            return NotHandedOver("mail_refused" if for_good else "try_later", last=for_good)
        case aiosmtplib.SMTPTimeoutError() | TimeoutError():
            return NotHandedOver("server_too_slow", of_server=True)
    return NotHandedOver("server_unreachable", of_server=True)
