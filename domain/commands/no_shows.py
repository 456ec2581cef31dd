"""Commands on meetings whose guest did not come."""

from uuid import UUID

from domain.commands.command_group import CommandGroup
from domain.commands.replacement import Replacement, build_replacement, get_replacement_policy
from domain.commands.team_choice import count_for_another, count_once_more
from domain.event import Context
from domain.link import Link
from domain.log import AppendConditions
from domain.organisation import ORGANISATION_ID
from domain.replacement import derive_replacement_id
from domain.token import Token


class NoShowCommands(CommandGroup):
    """The commands by which a host says that a guest did not come, or came after all."""

    def mark_no_show(self, context: Context, token_id: UUID, tell_guest: bool) -> int | None:
        """Records that the guest did not come. Returns the position, or None if that was recorded.

        A guest who is told gets a replacement with it if no core link is open to them and the organisation gives any.
        Raises NotFound, BookingCancelled, MeetingNotStarted, NoShowTooLate, TryAgain.
        """

        def decide(token: Token, _: bool) -> int | None:
            token.mark_no_show(context, tell_guest)
            replacement = self.prepare_replacement(token, context) if tell_guest and token.pending_events else None
            tally = count_for_another(self, token, None) if token.pending_events else None
            if replacement is None:
                return self.append_events(token, conditions=AppendConditions(tally=tally))
            conditions = AppendConditions(reads=(replacement.link,), details=(replacement.details,), tally=tally)
            return self.append_events(token, replacement.token, conditions=conditions)

        return self.decide_on_aggregate(Token, token_id, context, decide)

    def undo_no_show(self, context: Context, token_id: UUID) -> int | None:
        """Takes a no-show back, and revokes its unused replacement. Returns the position, or None if there is none.

        Raises NotFound, BookingCancelled, MeetingNotStarted, NoShowTooLate, AlreadyBooked, TryAgain.
        """

        def decide(token: Token, fresh: bool) -> int | None:
            token.undo_no_show(context)
            replacement_id = derive_replacement_id(token.id)
            replacement = self.load_aggregates([replacement_id]).get(replacement_id)
            conditions = AppendConditions(tally=count_once_more(self, token) if token.pending_events else None)
            if not token.pending_events or not isinstance(replacement, Token):
                return self.append_events(token, conditions=conditions)
            replacement.revoke(context)
            return self.append_events(token, replacement, conditions=conditions)

        return self.decide_on_aggregate(Token, token_id, context, decide)

    def prepare_replacement(self, token: Token, context: Context) -> Replacement | None:
        """Returns the replacement of a meeting that was missed; None where the guest needs none or gets none."""
        replacement_id = derive_replacement_id(token.id)
        aggregates = self.load_aggregates([ORGANISATION_ID, token.link_id, replacement_id])
        link = aggregates.get(token.link_id)
        if not isinstance(link, Link) or link.deleted or replacement_id in aggregates:
            return None
        is_open = token.issued_event is None and not link.properties.single_use_only
        if is_open or get_replacement_policy(aggregates) == "off":
            return None
        return build_replacement(self.reader, token, link, context)
