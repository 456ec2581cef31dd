"""Issuing and revoking single-use links: one method per command, each one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

from domain.commands.command_application import Journal, of_kind
from domain.event import Context
from domain.link import Link
from domain.log import Conditions, Outcome
from domain.permissions import require_link_copied, require_token_revoked
from domain.personal_details import Details, digest, kept_beside, key_digest, reason_beside
from domain.refusals import Erased, IdempotencyKeyReused, NotFound
from domain.token import SingleUseIssued, Token


@dataclass(frozen=True, slots=True)
class Given:
    """What an issuer says of one single-use link; all of it is personal."""

    recipient: dict[str, str] | None = None
    label: str | None = None
    metadata: dict[str, str] | None = None


class Issuing(Journal):
    """The commands around unused single-use links."""

    def issue(
        self, context: Context, link_id: UUID, given: Sequence[Given], key: str | None, body: dict[str, Any]
    ) -> tuple[Outcome, list[UUID]]:
        """Makes single-use links of a core link, all in one append; answers a repeated request as it was answered.

        Raises NotFound, Forbidden, LinkDeleted, IdempotencyKeyReused, TryAgain.
        """
        first = uuid4() if key is None else uuid5(context.actor.id or link_id, key)
        ids = [first, *(uuid5(first, str(number)) for number in range(1, len(given)))]

        def decision(fresh: bool) -> tuple[Outcome, list[UUID]]:
            existing = None if key is None and not fresh else self.load([first]).get(first)
            if existing is not None:
                return self.as_it_was_issued(existing, context, body)
            link = self.get(Link, link_id, fresh)
            require_link_copied(context, link)
            link.refuse_if_deleted()
            beside = [given_beside(id, one, link) for id, one in zip(ids, given, strict=True)]
            together = b"".join(one.salt for one in beside)  # no longer to be guessed once one of them is erased
            tokens = [Token(id) for id in ids]
            for number, (token, details) in enumerate(zip(tokens, beside, strict=True)):
                token.issue(
                    context,
                    link_id=link.id,
                    issued_by=context.actor.id,
                    issue_number=number,
                    issue_count=len(given),
                    details_id=details.id,
                    details_digest=details.digest,
                    request_key=None if key is None else key_digest(key),
                    request_digest=digest(body, together),
                )
            position = self.append(*tokens, conditions=Conditions(reads=(link,), details=beside))
            return Outcome(first, position, context.now), ids

        return self.decide(decision)

    def as_it_was_issued(self, found: Any, context: Context, body: dict[str, Any]) -> tuple[Outcome, list[UUID]]:
        """The answer to whoever issued these before. Raises IdempotencyKeyReused, Erased."""
        issued = found.issued if isinstance(found, Token) else None
        if not isinstance(issued, SingleUseIssued) or issued.details_id is None:
            raise IdempotencyKeyReused
        ids = [found.id, *(uuid5(found.id, str(number)) for number in range(1, issued.issue_count))]
        salts = self.salts(ids)
        if issued.request_digest not in (digest(body, b"".join(salts)), digest(body, salts[0])):  # until 0.1: its own
            raise IdempotencyKeyReused
        position = max(self.reader.first_positions(ids).values())
        return Outcome(found.id, position, issued.occurred_at, issued.request_id != context.request_id), ids

    def salts(self, ids: Sequence[UUID]) -> list[bytes]:
        """The salts of what was said of some single-use links, in their order. Raises Erased when one is no more."""
        tokens = self.load(ids)
        details_ids = [issued.details_id for id in ids if (issued := of_kind(Token, tokens.get(id)).issued) is not None]
        kept = self.reader.details([id for id in details_ids if id is not None])
        if len(kept) < len(ids):
            raise Erased
        return [kept[id].salt for id in details_ids if id is not None]

    def revoke(self, context: Context, token_id: UUID, reason: str | None) -> int | None:
        """Withdraws an unused single-use link. Raises NotFound, Forbidden, AlreadyBooked, TryAgain."""

        def change(token: Token) -> Conditions:
            require_token_revoked(context, token, self.get(Link, token.link_id))
            details, named = reason_beside(token.id, token.reason_kept(reason))
            token.revoke(context, **named)
            return Conditions(details=details)

        if self.get(Token, token_id).issued is None:
            raise NotFound
        return self.edit(Token, token_id, context, None, change)


def given_beside(stream_id: UUID, given: Given, link: Link) -> Details:
    """The personal details of one single-use link."""
    recipient = given.recipient or {}
    data = {"recipient": given.recipient, "label": given.label, "metadata": given.metadata or {}}
    return kept_beside(stream_id, data, recipient.get("name"), recipient.get("email"), given.label)
