"""Whom a single-use link was made for: read beside the log, where it can be erased."""

from domain.commands.command_group import CommandGroup
from domain.token import Token


class RecipientChecks(CommandGroup):
    """The recipients of single-use links, and whether somebody is one."""

    def refuse_unless_recipient(self, token: Token, email: str) -> None:
        """Reads whom a link is for, if nobody else may book it. Raises NotTheRecipient."""
        if token.is_only_for_recipient:
            recipient = self.load_recipient(token) or {}
            token.refuse_unless_recipient(email, recipient.get("email"))

    def load_recipient(self, token: Token) -> dict[str, str | None] | None:
        """Returns the recipient of a single-use link, {name, email}; None for none, or once it is erased."""
        details_id = token.issued_event.details_id if token.issued_event else None
        details = self.reader.load_personal_details([details_id]).get(details_id) if details_id else None
        return details.data.get("recipient") if details else None
