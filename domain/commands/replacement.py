"""Replacements: a new single-use link because the meeting of an old one fell through. The old one stays spent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.commands.command_application import require_kind
from domain.commands.command_group import CommandGroup
from domain.commands.single_use_links import (
    SingleUseDetails,
    SingleUseTerms,
    build_personal_details,
    refuse_without_address,
    request_sending,
)
from domain.event import Context, PersonalDetailsReference
from domain.link import Link
from domain.log import AppendConditions, CommandResult, LogReader
from domain.organisation import ORGANISATION_ID, Organisation
from domain.permissions import require_booking_changeable
from domain.personal_details import PersonalDetails, compute_digest, compute_key_digest
from domain.refusals import IdempotencyKeyReused, NotReplaceable
from domain.replacement import derive_replacement_id
from domain.token import Token


@dataclass(frozen=True, slots=True)
class Replacement:
    """A replacement with its pending event, the link that it was decided on, and the row of its personal details."""

    token: Token
    link: Link
    details: PersonalDetails


class ReplacementCommands(CommandGroup):
    """The command that replaces the single-use link of a meeting that fell through."""

    def replace_link(
        self, context: Context, booking_id: UUID, key: str | None = None, send: bool = False
    ) -> CommandResult:
        """Issues the replacement of a booking, of the same core link and for the same recipient, once ever.

        With `send` it is mailed to them.
        Its id follows from that of the booking, so that of two at once one begins the stream, and the other one is
        refused. A repeated request, by its id or key, is answered as it was.
        Raises NotFound, Forbidden, Invalid, NotReplaceable, LinkDeleted, IdempotencyKeyReused, TryAgain.
        """
        replacement_id = derive_replacement_id(booking_id)

        def decide(fresh: bool) -> CommandResult:
            aggregates = self.load_aggregates([booking_id, replacement_id, ORGANISATION_ID])
            token = require_kind(Token, aggregates.get(booking_id))
            link = self.load_aggregate(Link, token.link_id)
            require_booking_changeable(context, token, link)
            existing = aggregates.get(replacement_id)
            if isinstance(existing, Token):
                return self.replay_result(existing, context, key, send)
            if not token.has_fallen_through or get_replacement_policy(aggregates) == "off":
                raise NotReplaceable
            link.refuse_if_deleted()
            request_fields = {
                "request_key": compute_key_digest(key),
                "request_digest": compute_digest(describe_request(booking_id, send)),
            }
            new_link = build_replacement(self.reader, token, link, context, request_fields)
            message_details = prepare_sending(new_link, context) if send else []
            conditions = AppendConditions(reads=(token, link), details=(new_link.details, *message_details))
            return CommandResult(replacement_id, self.append_events(new_link.token, conditions=conditions), context.now)

        return self.run_decision(decide)

    def replay_result(self, replacement: Token, context: Context, key: str | None, send: bool) -> CommandResult:
        """Returns the first answer to a repeated request. Raises NotReplaceable, IdempotencyKeyReused."""
        issued_event = replacement.issued_event
        assert issued_event is not None
        is_same_request = issued_event.request_id == context.request_id
        if not is_same_request and (key is None or issued_event.request_key != compute_key_digest(key)):
            raise NotReplaceable
        if issued_event.replaces is None or issued_event.request_digest != compute_digest(
            describe_request(issued_event.replaces, send)
        ):
            raise IdempotencyKeyReused
        position = self.reader.find_request_position(replacement.id, issued_event.request_id)
        return CommandResult(replacement.id, position, issued_event.occurred_at, not is_same_request)


def describe_request(booking_id: UUID, send: bool) -> Mapping[str, Any]:
    """Returns a request as values, which its Idempotency-Key stands for."""
    return {"route": "replacement", "booking": str(booking_id), "send": send}


def prepare_sending(replacement: Replacement, context: Context) -> list[PersonalDetails]:
    """Asks for a replacement to be mailed. Returns rows of personal details to append with it.

    Raises Invalid without a recipient's address, and when the link cannot be booked.
    """
    SingleUseTerms(send=True).refuse_unless_possible(replacement.link, context.now)
    refuse_without_address("send", [SingleUseDetails(replacement.details.data["recipient"])])
    return request_sending([replacement.token], context, None)


def get_replacement_policy(aggregates: Mapping[UUID, Any]) -> str:
    """Returns the organisation's policy; the default one before the organisation was ever changed."""
    organisation = aggregates.get(ORGANISATION_ID) or Organisation()
    return str(organisation.properties.replacement)


def give_replacement(commands: CommandGroup, token: Token, context: Context) -> Replacement | None:
    """Returns the replacement of a meeting that its host cancels; None where policy or link give none."""
    aggregates = commands.load_aggregates([ORGANISATION_ID, token.link_id])
    link = aggregates.get(token.link_id)
    if get_replacement_policy(aggregates) != "host_cancelled" or not isinstance(link, Link) or link.deleted:
        return None
    return build_replacement(commands.reader, token, link, context)


def load_details(reader: LogReader, event: PersonalDetailsReference | None) -> Mapping[str, Any]:
    """Returns the personal details that an event refers to; an empty object once they are erased."""
    id = event.details_id if event else None
    row = reader.load_personal_details([id]).get(id) if id else None
    return row.data if row else {}


def build_replacement(
    reader: LogReader, token: Token, link: Link, context: Context, request_fields: Mapping[str, Any] | None = None
) -> Replacement:
    """Returns the replacement of a booking.

    The recipient is that of the single-use link, or else the guest who booked. Append it under the version of `token`:
    an erasure meanwhile appends to it, so that nothing that is erased is copied.
    """
    booked_event, issued_event = token.booked_event, token.issued_event
    assert booked_event is not None
    issue_details, guest = load_details(reader, issued_event), load_details(reader, booked_event).get("guest")
    recipient = issue_details.get("recipient") or (guest and {"name": guest["name"], "email": guest["email"]})
    details = build_personal_details(
        derive_replacement_id(token.id),
        SingleUseDetails(recipient=recipient, label=issue_details.get("label"), metadata=issue_details.get("metadata")),
    )
    replacement = Token(details.stream_id)
    replacement.issue(
        context,
        link_id=link.id,
        issued_by=context.actor.id or token.host_ids[0],
        replaces=token.id,
        only_recipient=bool(issued_event and issued_event.only_recipient and recipient and recipient.get("email")),
        locale=(issued_event and issued_event.locale) or booked_event.locale,
        details_id=details.id,
        details_digest=details.digest,
        **(request_fields or {}),
    )
    return Replacement(replacement, link, details)
