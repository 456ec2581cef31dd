"""Mail messages: their content and the MIME message built from it; every mail of ours is built here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from integrations.email_address import ENCODED_WORD_START, InvalidEmailAddress, normalize_address
from integrations.icalendar import Method
from integrations.plain_text import to_display_name, to_lines, to_one_line

TEMPLATES = Path(str(files("web") / "templates" / "mail"))
POLICY = SMTP.clone(utf8=False)


@dataclass(frozen=True, slots=True)
class MailDetail:
    """A labelled line of a mail; `before` is the earlier value."""

    label: str
    value: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class MailMessage:
    """The content of one mail. Texts may come from anybody: they are sanitised when the mail is rendered."""

    to_name: str
    to_email: str
    subject: str
    headline: str
    sentence: str
    text: str = ""  # the organisation's own words, over several lines
    details: Sequence[MailDetail] = ()
    quotes: Sequence[tuple[str, str]] = ()  # what people wrote, each under a heading
    button: str = ""
    url: str = ""
    other_button: str = ""
    other_url: str = ""
    closing: str = ""
    reply_to: tuple[str, str] | None = None
    calendar: bytes | None = None
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of our mail."""

    name: str
    email: str

    @classmethod
    def from_setting(cls, mail_from: str) -> "Sender":
        """Parse a setting such as `Oncelink <booking@example.com>`; a local address when there is none."""
        name, email = parseaddr(mail_from)
        try:
            address = normalize_address(email)
        except InvalidEmailAddress:
            address = email or "oncelink@localhost.localdomain"
        return cls(name or "Oncelink", address)

    @property
    def domain(self) -> str:
        """The domain of our Message-IDs."""
        return self.email.rpartition("@")[2] or "localhost.localdomain"


@cache
def load_environment() -> Environment:
    """Load the mail templates; HTML is escaped, plain text is not."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def render_mail(message: MailMessage, template: str) -> str:
    """Render a message with a template of the folder `mail`."""
    details = [
        MailDetail(detail.label, to_one_line(detail.value, 2_000), detail.before and to_one_line(detail.before))
        for detail in message.details
    ]
    quotes = [(to_one_line(heading), to_lines(text)) for heading, text in message.quotes]
    return (
        load_environment()
        .get_template(template)
        .render(message=message, text=to_lines(message.text), details=details, quotes=quotes, one_line=to_one_line)
    )


def build_email(message: MailMessage, sender: Sender, message_id: str, now: datetime) -> EmailMessage:
    """Build the MIME message: plain text, HTML and the calendar entry. Raises InvalidEmailAddress."""
    to = normalize_address(message.to_email)
    is_ascii = (to + sender.email).isascii()
    email = EmailMessage(policy=POLICY if is_ascii else POLICY.clone(utf8=True))
    email["From"] = build_address(sender.name, sender.email)
    email["To"] = build_address(message.to_name, to)
    if message.reply_to and (reply_to := find_reply_address(message.reply_to[1])):
        email["Reply-To"] = build_address(to_display_name(message.reply_to[0]), reply_to)
    email["Subject"] = to_header_text(message.subject)
    email["Date"] = format_datetime(now)
    email["Message-ID"] = f"<{message_id}>"
    email["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic replies
    email["X-Auto-Response-Suppress"] = "All"
    email.set_content(render_mail(message, "message.txt"), cte="quoted-printable")
    email.add_alternative(render_mail(message, "message.html"), subtype="html", cte="quoted-printable")
    if message.calendar and message.method:
        attach_calendar(email, message.calendar, message.method)
    return email


def attach_calendar(email: EmailMessage, calendar: bytes, method: Method) -> None:
    """Attach the calendar entry as an invitation, and as a file for programs that show none."""
    text = calendar.decode()
    email.add_alternative(text, subtype="calendar", params={"method": method}, cte="base64")
    email.add_attachment(calendar, maintype="application", subtype="ics", filename="invite.ics")


def find_reply_address(email: str) -> str | None:
    """Normalise a Reply-To address; None when not every mail server could reply to it."""
    try:
        address = normalize_address(email)
    except InvalidEmailAddress:
        return None
    return address if address.isascii() else None


def build_address(name: str, email: str) -> Address:
    """Build an address with its display name."""
    local, _, domain = email.rpartition("@")
    return Address(to_header_text(name), username=local, domain=domain)


def to_header_text(text: str) -> str:
    """Make a text safe for a header: what looks like an encoded word stays literal."""
    return to_one_line(text).replace(ENCODED_WORD_START, "= ?")
