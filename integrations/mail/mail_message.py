"""Letters: what a mail says, and the message that it becomes; every mail of ours is written here."""

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

from email_validator import EmailNotValidError, validate_email
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from integrations.icalendar import Method
from integrations.plain_text import lines, one_line

TEMPLATES = Path(str(files("web") / "templates" / "mail"))
POLICY = SMTP.clone(utf8=False)
ENCODED = "=?"  # how an encoded word begins (RFC 2047)


class NotAnAddress(ValueError):
    """An address that no mail can be sent to."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what a letter is about; `before` is what it was."""

    label: str
    value: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What one reader is told. Texts may be anybody's: they are made harmless where the letter is written."""

    to_name: str
    to_email: str
    subject: str
    headline: str
    sentence: str
    facts: Sequence[Fact] = ()
    words: Sequence[tuple[str, str]] = ()  # what somebody wrote, under a heading
    button: str = ""
    url: str = ""
    closing: str = ""
    reply_to: tuple[str, str] | None = None
    calendar: bytes | None = None
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mail is from."""

    name: str
    email: str

    @classmethod
    def of(cls, mail_from: str) -> "Sender":
        """The sender of a setting such as `Oncelink <booking@example.com>`; a local one where there is none."""
        name, email = parseaddr(mail_from)
        return cls(name or "Oncelink", email or "oncelink@localhost.localdomain")

    @property
    def domain(self) -> str:
        """Where our Message-IDs are from."""
        return self.email.rpartition("@")[2] or "localhost.localdomain"


@cache
def environment() -> Environment:
    """The templates of mails: HTML is escaped, plain text has nothing to escape."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def written(letter: Letter, template: str) -> str:
    """A letter in one of its forms, `letter.txt` or `letter.html`."""
    facts = [
        Fact(fact.label, one_line(fact.value, 2_000), fact.before and one_line(fact.before)) for fact in letter.facts
    ]
    words = [(heading, lines(text)) for heading, text in letter.words]
    return environment().get_template(template).render(letter=letter, facts=facts, words=words, one_line=one_line)


def message(letter: Letter, sender: Sender, message_id: str, now: datetime) -> EmailMessage:
    """The mail as it goes out: plain text, HTML, and what a calendar understands. Raises NotAnAddress."""
    to = deliverable(letter.to_email)
    found = EmailMessage(policy=POLICY if to.isascii() else POLICY.clone(utf8=True))
    found["From"] = address(sender.name, sender.email)
    found["To"] = address(letter.to_name, to)
    if letter.reply_to and (back := answerable(letter.reply_to[1])):
        found["Reply-To"] = address(letter.reply_to[0], back)
    found["Subject"] = in_header(letter.subject)
    found["Date"] = format_datetime(now)
    found["Message-ID"] = f"<{message_id}>"
    found["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers
    found["X-Auto-Response-Suppress"] = "All"
    found.set_content(written(letter, "letter.txt"), cte="quoted-printable")
    found.add_alternative(written(letter, "letter.html"), subtype="html", cte="quoted-printable")
    if letter.calendar and letter.method:
        as_alternative(found, letter.calendar, letter.method)
    return found


def as_alternative(found: EmailMessage, calendar: bytes, method: Method) -> None:
    """Adds what mail programs show as an invitation, and the file for those that show none."""
    text = calendar.decode()
    found.add_alternative(text, subtype="calendar", params={"method": method}, cte="base64")
    found.add_attachment(calendar, maintype="application", subtype="ics", filename="invite.ics")


def deliverable(email: str) -> str:
    """An address as mail servers want it: its domain in ASCII. Raises NotAnAddress."""
    try:
        found = validate_email(email, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise NotAnAddress from error
    if ENCODED in found.local_part:  # mail programs would read another address
        raise NotAnAddress
    return f"{found.local_part}@{found.ascii_domain}"


def answerable(email: str) -> str | None:
    """An address that any reader's mail server can answer to; None where there is none such."""
    try:
        found = deliverable(email)
    except NotAnAddress:
        return None
    return found if found.isascii() else None


def address(name: str, email: str) -> Address:
    """An address with its name."""
    local, _, domain = email.rpartition("@")
    return Address(in_header(name), username=local, domain=domain)


def in_header(text: str) -> str:
    """A text as a header may hold it: what looks encoded stays what was typed."""
    return one_line(text).replace(ENCODED, "= ?")
