"""The mail to whoever issued a single-use link: somebody who has it needs a new one."""

from domain.person import PersonProperties
from integrations.mail.mail_message import MailDetail, MailMessage
from integrations.meeting_details import LinkRequestDetails

HEADLINE = "Somebody needs a new link"
SENTENCE = (
    "Whoever has this single-use link asks you for a new one, because it books nothing any more. The page says what "
    "became of it. If you still want to meet, give a new link there, or issue another one."
)


def build_link_request_mail(details: LinkRequestDetails, addressee: PersonProperties) -> MailMessage:
    """Build the mail. It names the recipient that the link was made for; whether they ask, nobody can know."""
    recipient = [MailDetail("Made for", details.recipient)] if details.recipient else []
    label = [MailDetail("Label", details.label)] if details.label else []
    name = f" for {details.recipient}" if details.recipient else ""
    return MailMessage(
        to_name=addressee.name,
        to_email=addressee.email,
        subject=f"New link wanted: {details.link_name}{name}",
        headline=HEADLINE,
        sentence=SENTENCE,
        details=(MailDetail("Link", details.link_name), *recipient, *label),
        button="Open the single-use link",
        url=details.page_url,
        closing="You get this mail at most once a day for one link.",
    )
