"""Sends mail to the SMTP server of the settings, one after the other on one connection."""

import asyncio
import ssl
from collections.abc import Callable, Iterator

import aiosmtplib
from aiosmtplib import SMTP

from integrations.delivery import DeliveryFailed
from integrations.mail.smtp_url import SmtpUrl

STEP_TIMEOUT_SECONDS = 15.0  # for each step of the SMTP exchange
SMTP_ERRORS = (aiosmtplib.SMTPException, OSError)


class SmtpConnection:
    """An SMTP connection that is opened when needed and kept until disconnected. Belongs to one event loop."""

    def __init__(self, url: SmtpUrl, seconds: float = STEP_TIMEOUT_SECONDS) -> None:
        self.url = url
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
        encoding = "ascii" if (sender + to).isascii() else "utf-8"
        try:
            await client.mail(sender, options=build_mail_options(client, sender + to), encoding=encoding)
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
        """Connect, encrypt and sign in, or return the open connection. Raises DeliveryFailed."""
        if self.client is not None and self.client.is_connected:
            return self.client
        client = SMTP(
            hostname=self.url.host,
            port=self.url.port,
            use_tls=self.url.scheme == "smtps",
            start_tls=False,
            tls_context=ssl.create_default_context() if self.url.scheme == "smtps" else None,
            timeout=self.seconds,
        )
        try:
            await client.connect()
            await self.send_greeting(client)
            await self.encrypt(client)
            await self.sign_in(client)
        except DeliveryFailed:
            client.close()
            raise
        except SMTP_ERRORS as error:
            client.close()
            raise to_delivery_failure(error) from error
        self.client = client
        return client

    async def send_greeting(self, client: SMTP) -> None:
        """Send EHLO, or HELO to a server that has no extensions. Raises aiosmtplib.SMTPException."""
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await client.helo()

    async def encrypt(self, client: SMTP) -> None:
        """Begin TLS where it is offered; a password is never sent without. Raises DeliveryFailed, SMTP errors.

        RFC 3207 section 6: a client that authenticates must not go on in the clear, because anybody on the way can take
        the offer out of the server's answer.
        """
        if self.url.scheme == "smtps" or self.url.starttls == "never":
            return
        if client.supports_extension("starttls"):
            try:
                await client.starttls(tls_context=ssl.create_default_context())
            except aiosmtplib.SMTPResponseException as error:
                raise DeliveryFailed("no_starttls", server_fault=True) from error
            await self.send_greeting(client)  # what the server said in the clear is forgotten
        elif self.url.needs_tls:
            raise DeliveryFailed("no_starttls", server_fault=True)

    async def sign_in(self, client: SMTP) -> None:
        """Sign in where the settings name a user. Raises DeliveryFailed, SMTP errors."""
        if self.url.user is None or self.url.password is None:
            return
        if not client.supports_extension("auth"):
            raise DeliveryFailed("no_auth", server_fault=True)
        try:
            await client.login(self.url.user, self.url.password)
        except SMTP_ERRORS as error:
            if type(error) is aiosmtplib.SMTPException:  # the server offers no method that the library knows
                raise DeliveryFailed("no_auth", server_fault=True) from error
            raise

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


def build_mail_options(client: SMTP, addresses: str) -> list[str]:
    """Build the options of MAIL FROM for these addresses (RFC 6531, 3.4). Raises aiosmtplib.SMTPNotSupported."""
    if addresses.isascii():
        return []
    if not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
    return ["SMTPUTF8"]


def iterate_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Iterate over an error and those that caused it."""
    while error is not None:
        yield error
        error = error.__cause__


def to_delivery_failure(error: Exception) -> DeliveryFailed:
    """Convert an SMTP error to DeliveryFailed with its reason."""
    causes = list(iterate_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return DeliveryFailed("certificate_refused", server_fault=True)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return DeliveryFailed("no_tls", server_fault=True)
    is_permanent = isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return DeliveryFailed("sign_in_refused", server_fault=True)
        case aiosmtplib.SMTPNotSupported():
            return DeliveryFailed("no_smtputf8", permanent=True)
        case aiosmtplib.SMTPRecipientRefused():
            return DeliveryFailed("address_refused" if is_permanent else "try_later", permanent=is_permanent)
        case aiosmtplib.SMTPSenderRefused():
            return DeliveryFailed("sender_refused" if is_permanent else "try_later", server_fault=True)
        case aiosmtplib.SMTPDataError():
            return DeliveryFailed("mail_refused" if is_permanent else "try_later", permanent=is_permanent)
        case aiosmtplib.SMTPTimeoutError() | TimeoutError():
            return DeliveryFailed("server_too_slow", server_fault=True)
    return DeliveryFailed("server_unreachable", server_fault=True)
