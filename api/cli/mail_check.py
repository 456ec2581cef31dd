"""`oncelink doctor` on mail: whether a server is set and takes our mail, and what to do when it does not."""

import asyncio
from uuid import uuid4

from api.clock import read_clock
from api.services import build_mail_settings
from api.settings import NO_MAIL_SERVER, Settings
from integrations.delivery import DeliveryFailed
from integrations.email_address import InvalidEmailAddress
from integrations.mail.mail_message import MailMessage
from integrations.mail.mail_transport import MailTransport
from replay.history.phrases import FAILURES

ADVICE = {
    "server_unreachable": "Look at host and port in ONCELINK_SMTP_URL, and at firewalls.",
    "server_too_slow": "A port that is encrypted from the start, mostly 465, needs smtps:// in ONCELINK_SMTP_URL.",
    "certificate_refused": "It must be valid for the name in ONCELINK_SMTP_URL, and of an authority that this machine "
    "trusts: SSL_CERT_FILE names the file of a private one.",
    "no_tls": "Write smtp:// instead of smtps:// in ONCELINK_SMTP_URL, or name its port for TLS, mostly 465.",
    "no_starttls": "Write smtps:// in ONCELINK_SMTP_URL, or leave the password out.",
    "no_auth": "Leave user and password out of ONCELINK_SMTP_URL, or name the port where it takes them, mostly 587.",
    "sign_in_refused": "Look at user and password in ONCELINK_SMTP_URL.",
    "sender_refused": "ONCELINK_MAIL_FROM must be an address that this server sends for.",
    "address_refused": "Look at the address.",
    "no_smtputf8": "Only a mail server that offers SMTPUTF8 (RFC 6531) sends there.",
}


def check_mail(settings: Settings, to: str | None) -> str:
    """Connect to the mail server and sign in; with an address, send it a mail. Returns the finding, "ok" without one.

    Raises MailProblem.
    """
    if not settings.smtp_url:
        if to is None:
            return NO_MAIL_SERVER
        raise MailProblem(NO_MAIL_SERVER)
    try:
        asyncio.run(try_mail(settings, to))
    except DeliveryFailed as error:
        raise MailProblem(explain_reason(error.reason)) from error
    except InvalidEmailAddress as error:
        raise MailProblem("This is no address that a mail can be sent to.") from error
    return "ok" if to is None else "ok, the server has taken the mail"


async def try_mail(settings: Settings, to: str | None) -> None:
    """Try the mail server. Raises DeliveryFailed, InvalidEmailAddress."""
    transport = MailTransport(build_mail_settings(settings), read_clock)
    try:
        if to is not None:
            await transport.send(transport.prepare_mail(build_test_mail(settings, to), f"{uuid4()}@{transport.domain}"))
        else:
            await transport.connect()
    finally:
        await transport.disconnect()


def build_test_mail(settings: Settings, to: str) -> MailMessage:
    """Build the mail that an operator sends to see whether mails arrive."""
    return MailMessage(
        to_name="",
        to_email=to,
        subject="A mail to try Oncelink",
        headline="Mail works.",
        sentence="Somebody who runs this Oncelink has sent this mail with `oncelink doctor --mail`.",
        button="Open Oncelink",
        url=settings.base_url,
        closing="You need not do anything.",
    )


def explain_reason(reason: str) -> str:
    """Explain why a mail was not taken, and what to do: `reason`, as the log has it, in brackets."""
    phrase = FAILURES[reason]
    return " ".join(filter(None, (f"{phrase[0].upper()}{phrase[1:]} ({reason}).", ADVICE.get(reason))))


class MailProblem(Exception):
    """The mail server does not take our mail; the message says why and what to do."""
