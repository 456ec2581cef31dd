"""Commands that issue and revoke single-use links: one method per command, each one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.commands.command_application import require_kind
from domain.commands.command_group import CommandGroup
from domain.commands.idempotent_creation import IdempotentCreation
from domain.event import Context
from domain.link import Link
from domain.log import AppendConditions, CommandResult, LogReader
from domain.permissions import is_own, require_link_copyable, require_token_revocable
from domain.personal_details import (
    PersonalDetails,
    compute_digest,
    create_personal_details,
    create_text_details,
)
from domain.refusals import Erased, Forbidden, IdempotencyKeyReused, Invalid
from domain.token import Token


@dataclass(frozen=True, slots=True)
class SingleUseDetails:
    """The personal details of one single-use link, as its issuer gives them."""

    recipient: dict[str, str] | None = None
    label: str | None = None
    metadata: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SingleUseTerms:
    """What holds for all single-use links of one request: their own expiry, whom they are for, their language.

    With `send`, each is mailed to its recipient, with a message of the issuer.
    """

    expires_at: datetime | None = None
    only_recipient: bool = False
    locale: str | None = None
    send: bool = False
    message: str | None = None

    def refuse_unless_possible(self, link: Link, issued_at: datetime) -> None:
        """Passes an expiry that is to come, and earlier than the link's own and its lifetime's; mails only open links.

        Raises Invalid.
        """
        if self.send and link.get_status(issued_at) != "active":
            raise Invalid("send", "The link cannot be booked now, so that nothing would be mailed.")
        if self.expires_at is None:
            return
        if self.expires_at <= issued_at:
            raise Invalid("expires_at", "Choose an instant that is still to come.")
        limit = link.compute_expiry(issued_at, None)
        if limit is not None and self.expires_at > limit:
            raise Invalid("expires_at", f"Its link lets it live until {limit:%Y-%m-%dT%H:%M:%SZ} at most.")


NO_TERMS = SingleUseTerms()


class SingleUseLinkCommands(CommandGroup):
    """The commands on unused single-use links."""

    def issue_links(
        self,
        context: Context,
        link_id: UUID,
        single_use_details: Sequence[SingleUseDetails],
        key: str | None,
        body: dict[str, Any],
        terms: SingleUseTerms = NO_TERMS,
    ) -> tuple[CommandResult, list[UUID]]:
        """Issues single-use links of a core link in one append, or answers a repeated request as it was answered.

        Raises NotFound, Forbidden, Invalid, LinkDeleted, IdempotencyKeyReused, TryAgain.
        """
        for field in ("only_recipient", "send"):
            if getattr(terms, field):
                refuse_without_address(field, single_use_details)
        if terms.message is not None and not terms.send:
            raise Invalid("message", "A message is mailed with the link: send it with `send`.")
        creation = IdempotentCreation(context, key, body)
        ids = derive_ids(creation.id, len(single_use_details))

        def decide(fresh: bool) -> tuple[CommandResult, list[UUID]]:
            link = self.load_aggregate(Link, link_id, fresh)
            require_link_copyable(context, link)
            link.refuse_if_deleted()
            terms.refuse_unless_possible(link, context.now)
            personal_details = list(map(build_personal_details, ids, single_use_details))
            tokens = issue_tokens(link, personal_details, creation, terms)
            if terms.send:
                personal_details += request_sending(tokens, context, terms.message)
            position = self.append_events(*tokens, conditions=AppendConditions(reads=(link,), details=personal_details))
            return CommandResult(creation.id, position, context.now), ids

        return self.answer_once(creation, lambda aggregate: self.replay_issue(aggregate, context, body), decide)

    def replay_issue(
        self, aggregate: Aggregate, context: Context, body: dict[str, Any]
    ) -> tuple[CommandResult, list[UUID]]:
        """Returns the first answer to a repeated request. Raises IdempotencyKeyReused, Erased."""
        issued_event = aggregate.issued_event if isinstance(aggregate, Token) else None
        if issued_event is None or issued_event.details_id is None:
            raise IdempotencyKeyReused
        ids = derive_ids(aggregate.id, issued_event.issue_count)
        salts = self.load_salts(ids)
        # until 0.1 each digest was salted with the salt of its own details
        if issued_event.request_digest not in (compute_digest(body, b"".join(salts)), compute_digest(body, salts[0])):
            raise IdempotencyKeyReused
        position = max(self.reader.find_first_positions(ids).values())
        is_replay = issued_event.request_id != context.request_id
        return CommandResult(aggregate.id, position, issued_event.occurred_at, is_replay), ids

    def load_salts(self, ids: Sequence[UUID]) -> list[bytes]:
        """Returns the salts of the details of single-use links, in order. Raises Erased when one is erased."""
        tokens = self.load_aggregates(ids)
        details_ids = [
            issued_event.details_id
            for id in ids
            if (issued_event := require_kind(Token, tokens.get(id)).issued_event) is not None
        ]
        details_by_id = self.reader.load_personal_details([id for id in details_ids if id is not None])
        if len(details_by_id) < len(ids):
            raise Erased
        return [details_by_id[id].salt for id in details_ids if id is not None]

    def send_link(self, context: Context, token_id: UUID, message: str | None) -> int | None:
        """Has an unused single-use link mailed to its recipient, by whoever issued it.

        Nothing is recorded while a mail without a message waits. Raises NotFound, Forbidden, Invalid, Erased, TryAgain,
        and the refusals of a link that cannot be booked.
        """

        def change(token: Token) -> AppendConditions:
            link = self.load_aggregate(Link, token.link_id)
            require_token_revocable(context, token, link)
            if token.issued_event is None or not is_own(context, token.issued_event.issued_by):
                raise Forbidden
            token.refuse_if_closed(link, context.now)
            refuse_without_recipient(self.reader, token)
            waits = any(map(token.outbox.is_pending, token.outbox.list_notifications()))
            details = [] if waits and message is None else request_sending([token], context, message)
            return AppendConditions(reads=(link,), details=details)

        return self.change_aggregate(Token, token_id, context, change)

    def revoke_link(self, context: Context, token_id: UUID, reason: str | None) -> int | None:
        """Revokes an unused single-use link. Raises NotFound, Forbidden, AlreadyBooked, TryAgain."""

        def change(token: Token) -> AppendConditions:
            require_token_revocable(context, token, self.load_aggregate(Link, token.link_id))
            details, details_fields = create_text_details(token.id, "reason", token.filter_text(reason))
            token.revoke(context, **details_fields)
            return AppendConditions(details=details)

        return self.change_aggregate(Token, token_id, context, change)


def derive_ids(first_id: UUID, count: int) -> list[UUID]:
    """Returns the ids of the tokens that one request issues, the first of which is its own."""
    return [first_id, *(uuid5(first_id, str(number)) for number in range(1, count))]


def refuse_without_address(field: str, single_use_details: Sequence[SingleUseDetails]) -> None:
    """Passes if every link has a recipient with an e-mail address. Raises Invalid."""
    if not all((details.recipient or {}).get("email") for details in single_use_details):
        raise Invalid(field, "Each link needs a recipient with an e-mail address.")


def refuse_without_recipient(reader: LogReader, token: Token) -> None:
    """Passes if the link has a recipient with an e-mail address. Raises Invalid, Erased."""
    id = token.issued_event.details_id if token.issued_event else None
    details = reader.load_personal_details([id]).get(id) if id else None
    if details is None:
        raise Erased
    if not (details.data.get("recipient") or {}).get("email"):
        raise Invalid("recipient", "This link has no recipient with an e-mail address.")


def request_sending(tokens: Sequence[Token], context: Context, message: str | None) -> list[PersonalDetails]:
    """Asks for links to be mailed to their recipients. Returns the rows of the message, one for each."""
    rows: list[PersonalDetails] = []
    for token in tokens:
        details, details_fields = create_text_details(token.id, "message", message)
        token.request_sending(context, **details_fields)
        rows += details
    return rows


def issue_tokens(
    link: Link, personal_details: Sequence[PersonalDetails], creation: IdempotentCreation, terms: SingleUseTerms
) -> list[Token]:
    """Returns the tokens of one request, each with its pending event.

    The request's digest is salted with all salts: it cannot be guessed any more once one of the details is erased.
    """
    salts = b"".join(details.salt for details in personal_details)
    event_fields = creation.build_event_fields() | {"request_digest": compute_digest(creation.body, salts)}
    tokens = [Token(details.stream_id) for details in personal_details]
    for number, (token, details) in enumerate(zip(tokens, personal_details, strict=True)):
        token.issue(
            creation.context,
            link_id=link.id,
            issued_by=creation.context.actor.id,
            issue_number=number,
            issue_count=len(tokens),
            details_id=details.id,
            details_digest=details.digest,
            expires_at=terms.expires_at,
            only_recipient=terms.only_recipient,
            locale=terms.locale,
            **event_fields,
        )
    return tokens


def build_personal_details(stream_id: UUID, single_use_details: SingleUseDetails) -> PersonalDetails:
    """Creates the row of personal details of one single-use link."""
    recipient = single_use_details.recipient or {}
    data = {
        "recipient": single_use_details.recipient,
        "label": single_use_details.label,
        "metadata": single_use_details.metadata or {},
    }
    return create_personal_details(
        stream_id, data, recipient.get("name"), recipient.get("email"), single_use_details.label
    )
