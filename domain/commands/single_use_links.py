"""Commands that issue and revoke single-use links: one method per command, each one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

from domain.commands.command_application import CommandApplication, require_kind
from domain.event import Context
from domain.link import Link
from domain.log import AppendConditions, CommandResult
from domain.permissions import require_link_copyable, require_token_revocable
from domain.personal_details import (
    PersonalDetails,
    compute_digest,
    compute_key_digest,
    create_personal_details,
    create_reason_details,
)
from domain.refusals import Erased, IdempotencyKeyReused, NotFound
from domain.token import SingleUseIssued, Token


@dataclass(frozen=True, slots=True)
class SingleUseDetails:
    """The personal details of one single-use link, as its issuer gives them."""

    recipient: dict[str, str] | None = None
    label: str | None = None
    metadata: dict[str, str] | None = None


class SingleUseLinkCommands(CommandApplication):
    """The commands on unused single-use links."""

    def issue_links(
        self,
        context: Context,
        link_id: UUID,
        single_use_details: Sequence[SingleUseDetails],
        key: str | None,
        body: dict[str, Any],
    ) -> tuple[CommandResult, list[UUID]]:
        """Issues single-use links of a core link in one append, or answers a repeated request as it was answered.

        Raises NotFound, Forbidden, LinkDeleted, IdempotencyKeyReused, TryAgain.
        """
        first_id = uuid4() if key is None else uuid5(context.actor.id or link_id, key)
        ids = [first_id, *(uuid5(first_id, str(number)) for number in range(1, len(single_use_details)))]

        def decide(fresh: bool) -> tuple[CommandResult, list[UUID]]:
            existing_aggregate = None if key is None and not fresh else self.load_aggregates([first_id]).get(first_id)
            if existing_aggregate is not None:
                return self.replay_issue(existing_aggregate, context, body)
            link = self.load_aggregate(Link, link_id, fresh)
            require_link_copyable(context, link)
            link.refuse_if_deleted()
            personal_details = [
                build_personal_details(id, one_details, link)
                for id, one_details in zip(ids, single_use_details, strict=True)
            ]
            salts = b"".join(
                details.salt for details in personal_details
            )  # no longer to be guessed once one of them is erased
            tokens = [Token(id) for id in ids]
            for number, (token, details) in enumerate(zip(tokens, personal_details, strict=True)):
                token.issue(
                    context,
                    link_id=link.id,
                    issued_by=context.actor.id,
                    issue_number=number,
                    issue_count=len(single_use_details),
                    details_id=details.id,
                    details_digest=details.digest,
                    request_key=None if key is None else compute_key_digest(key),
                    request_digest=compute_digest(body, salts),
                )
            position = self.append_events(*tokens, conditions=AppendConditions(reads=(link,), details=personal_details))
            return CommandResult(first_id, position, context.now), ids

        return self.run_decision(decide)

    def replay_issue(self, aggregate: Any, context: Context, body: dict[str, Any]) -> tuple[CommandResult, list[UUID]]:
        """Returns the first answer to a repeated request. Raises IdempotencyKeyReused, Erased."""
        issued_event = aggregate.issued_event if isinstance(aggregate, Token) else None
        if not isinstance(issued_event, SingleUseIssued) or issued_event.details_id is None:
            raise IdempotencyKeyReused
        ids = [aggregate.id, *(uuid5(aggregate.id, str(number)) for number in range(1, issued_event.issue_count))]
        salts = self.load_salts(ids)
        if issued_event.request_digest not in (
            compute_digest(body, b"".join(salts)),
            compute_digest(body, salts[0]),
        ):  # until 0.1: its own
            raise IdempotencyKeyReused
        position = max(self.reader.find_first_positions(ids).values())
        return CommandResult(
            aggregate.id, position, issued_event.occurred_at, issued_event.request_id != context.request_id
        ), ids

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

    def revoke_link(self, context: Context, token_id: UUID, reason: str | None) -> int | None:
        """Revokes an unused single-use link. Raises NotFound, Forbidden, AlreadyBooked, TryAgain."""

        def apply_change(token: Token) -> AppendConditions:
            require_token_revocable(context, token, self.load_aggregate(Link, token.link_id))
            details, details_fields = create_reason_details(token.id, token.filter_reason(reason))
            token.revoke(context, **details_fields)
            return AppendConditions(details=details)

        if self.load_aggregate(Token, token_id).issued_event is None:
            raise NotFound
        return self.edit_aggregate(Token, token_id, context, None, apply_change)


def build_personal_details(stream_id: UUID, single_use_details: SingleUseDetails, link: Link) -> PersonalDetails:
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
