"""The mail that gives a single-use link to its recipient, as its issuer wanted."""

from integrations.date_formats import choose_date_format
from integrations.mail.mail_message import MailDetail, MailMessage
from integrations.meeting_details import SingleUseMailDetails
from integrations.plain_text import is_greetable

DATE_FORMAT = choose_date_format(None)


def build_single_use_mail(details: SingleUseMailDetails) -> MailMessage:
    """Build the mail. Replies go to the issuer; times are in UTC, as nobody knows the recipient's zone yet."""
    hosts = " and ".join(details.host_names)
    rows = [MailDetail("What", details.meeting_type.name), MailDetail("With", hosts)]
    if details.meeting_type.location:
        rows.append(MailDetail("Where", details.meeting_type.location))
    if details.expires_at is not None:
        day = DATE_FORMAT.format_day(details.expires_at.date())
        rows.append(MailDetail("Book by", f"{day}, {details.expires_at:%H:%M} UTC"))
    return MailMessage(
        to_name=details.recipient_name if is_greetable(details.recipient_name) else "",
        to_email=details.recipient_email,
        subject=f"Choose a time: {details.meeting_type.name} with {hosts}",
        headline=f"{details.issuer.name} would like to meet you",
        sentence="Choose a time that suits you. The link books one meeting"
        + (", and only with this e-mail address." if details.only_recipient else "."),
        details=rows,
        quotes=[("Message", details.message)] if details.message else [],
        button="Choose a time",
        url=details.url,
        closing="The link is yours alone: whoever has it can use it once.",
        reply_to=(details.issuer.name, details.issuer.email),
    )
