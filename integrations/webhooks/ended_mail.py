"""The mail to the owner of a webhook endpoint that was disabled."""

from datetime import datetime

from domain.person import Person
from integrations.mail.mail_message import MailDetail, MailMessage


def build_mail(person: Person, host: str, problem: str | None, at: datetime, address: str) -> MailMessage:
    """Build the mail; it names the host of the address, and not its path, which may be secret."""
    return MailMessage(
        to_name=person.properties.name,
        to_email=person.properties.email,
        subject=f"A webhook was disabled: {host}",
        headline=f"Hello {person.properties.name},",
        sentence="a webhook of yours was disabled, because its receiver did not take what was sent, or said that it is"
        " gone. Nothing is lost: switch it on again, and it gets everything since, in order.",
        details=(
            MailDetail("Receiver", host),
            MailDetail("Webhook", address),
            MailDetail("Reason", problem or "unknown"),
            MailDetail("Disabled", f"{at:%Y-%m-%d %H:%M} UTC"),
        ),
        closing="You get this mail because you made this webhook.",
    )
