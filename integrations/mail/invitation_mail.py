"""The mail that invites a person who was added: its sign-in link is made when the mail is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.person import Person
from integrations.clock import Clock
from integrations.mail.mail_message import MailDetail, MailMessage


@dataclass(frozen=True, slots=True)
class InvitationMailBuilder:
    """Builds invitations. `create_code` creates a one-time sign-in code of a person: it works once, for 15 minutes."""

    base_url: str
    create_code: Callable[[UUID, datetime], str]
    clock: Clock

    def build_mail(self, person: Person) -> MailMessage:
        """Build the invitation of a person, with a sign-in link of its own. Raises DatabaseAway."""
        properties = person.properties
        return MailMessage(
            to_name=properties.name,
            to_email=properties.email,
            subject="You are invited to Oncelink",
            headline=f"Hello {properties.name},",
            sentence="you were added to Oncelink, where guests book your time. Press the button on the page that this"
            " link opens to sign in. It works once, within 15 minutes.",
            details=(MailDetail("Later", f"Ask for a new link with this address at {self.base_url}/sign-in"),),
            button="Sign in to Oncelink",
            url=f"{self.base_url}/sign-in/{self.create_code(person.id, self.clock())}",
            closing="There is no password: you sign in by mail.",
        )
