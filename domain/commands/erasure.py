"""Commands that erase personal details: those given with one e-mail address, and those that are kept no longer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from domain.aggregate import Aggregate
from domain.commands.command_application import CommandApplication, require_kind
from domain.commands.command_group import CommandGroup
from domain.commands.idempotent_creation import IdempotentCreation
from domain.email_addresses import fold_address
from domain.erasure import Erasure
from domain.event import Context
from domain.log import AppendConditions
from domain.permissions import require_role
from domain.personal_details import compute_address_hmac
from domain.refusals import IdempotencyKeyReused
from domain.token import Token

MAX_STREAMS_PER_APPEND = 200  # of one append, each of which holds a lock


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """The result of an erasure, with the number of rows of details that it erased."""

    id: UUID
    position: int
    at: datetime
    erased_details: int
    replayed: bool = False


class ErasureCommands(CommandGroup):
    """The commands that erase. The `secrets` are keys of the HMAC of the address, by which a retry is recognised."""

    def __init__(self, application: CommandApplication, secrets: Sequence[str]) -> None:
        super().__init__(application)
        self.secrets = secrets

    def erase_personal_details(self, context: Context, email: str, key: str | None = None) -> ErasureResult:
        """Erases the personal details of an address, whatever its case, or repeats the answer to a repeated request.

        Everything that was booked or issued with that address before is erased, and nothing can be added in between. An
        address with more streams than fit into one append is erased in several: a repeated request finishes what was
        interrupted. Raises Forbidden, IdempotencyKeyReused, TryAgain.
        """
        require_role(context, "admin")
        email = fold_address(email)
        creation = IdempotentCreation(context, key, {})

        def decide(_: bool) -> ErasureResult:
            id = creation.id
            details_ids_by_stream = self.reader.find_details_by_address(email, MAX_STREAMS_PER_APPEND)
            while len(details_ids_by_stream) == MAX_STREAMS_PER_APPEND:
                self.append_events(*self.erase_token_details(details_ids_by_stream, id, context))
                details_ids_by_stream = self.reader.find_details_by_address(email, MAX_STREAMS_PER_APPEND)
            tokens = self.erase_token_details(details_ids_by_stream, id, context)
            address_digest = compute_address_hmac(email, self.secrets[0])
            erasure = Erasure.create(id, context, **creation.build_event_fields() | {"request_digest": address_digest})
            position = self.append_events(*tokens, erasure, conditions=AppendConditions(erased_address=email))
            assert position is not None
            return ErasureResult(id, position, context.now, self.reader.count_erased_details(id))

        return self.answer_once(creation, lambda aggregate: self.replay_erasure(aggregate, context, email), decide)

    def erase_overdue_details(self, context: Context, token_ids: Sequence[UUID], until: datetime) -> int:
        """Erases all personal details of those meetings that ended by an instant, in one append.

        Meetings that stand later, or have no details, are left alone. Returns the number of meetings; for none, nothing
        is appended. Raises TryAgain.
        """
        id = uuid4()

        def decide(_: bool) -> int:
            aggregates = self.load_aggregates(token_ids)
            overdue_ids = [
                token.id for token in aggregates.values() if isinstance(token, Token) and token.has_ended_by(until)
            ]
            details_ids_by_stream = self.reader.find_details_of_streams(overdue_ids)
            if not details_ids_by_stream:
                return 0
            tokens = self.erase_token_details(details_ids_by_stream, id, context)
            self.append_events(*tokens, Erasure.create(id, context))
            return len(tokens)

        return self.run_decision(decide)

    def erase_token_details(
        self, details_ids_by_stream: Mapping[UUID, Sequence[UUID]], id: UUID, context: Context
    ) -> list[Token]:
        """Returns the tokens whose details are to be erased, each with its pending event."""
        aggregates = self.load_aggregates(details_ids_by_stream)
        tokens = [
            require_kind(Token, aggregates.get(stream_id)).copy_with_events(()) for stream_id in details_ids_by_stream
        ]
        for token in tokens:
            token.erase(context, erasure_id=id, details_ids=tuple(details_ids_by_stream[token.id]))
        return tokens

    def replay_erasure(self, aggregate: Aggregate, context: Context, email: str) -> ErasureResult:
        """Returns the first answer to a repeated request. Raises IdempotencyKeyReused."""
        ended_event = aggregate.ended_event if isinstance(aggregate, Erasure) else None
        address_digests = [compute_address_hmac(email, secret) for secret in self.secrets]
        if ended_event is None or ended_event.request_digest not in address_digests:
            raise IdempotencyKeyReused
        position = self.reader.find_last_position(ended_event.originator_id)
        assert position is not None
        return ErasureResult(
            ended_event.erasure_id,
            position,
            ended_event.occurred_at,
            self.reader.count_erased_details(ended_event.erasure_id),
            replayed=ended_event.request_id != context.request_id,
        )
