"""The command that erases the personal details given with one e-mail address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4, uuid5

from eventsourcing.persistence import InfrastructureFactory

from domain.commands.command_application import AggregateCache, CommandApplication, require_kind
from domain.erasure import Erasure
from domain.event import Context
from domain.log import AppendConditions, LogReader
from domain.permissions import require_role
from domain.personal_details import compute_address_hmac, compute_key_digest
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


class ErasureCommands(CommandApplication):
    """The command that erases. The `secrets` are keys of the HMAC of the address, by which a retry is recognised."""

    def __init__(
        self, factory: InfrastructureFactory, log: LogReader, cache: AggregateCache, secrets: Sequence[str]
    ) -> None:
        super().__init__(factory, log, cache)
        self.secrets = secrets

    def erase_personal_details(self, context: Context, email: str, key: str | None = None) -> ErasureResult:
        """Erases the personal details of an address, whatever its case, or repeats the answer to a repeated request.

        Everything that was booked or issued with that address before is erased, and nothing can be added in between. An
        address with more streams than fit into one append is erased in several: a repeated request finishes what was
        interrupted. Raises Forbidden, IdempotencyKeyReused, TryAgain.
        """
        require_role(context, "admin")
        id = uuid4() if key is None else uuid5(context.actor.id or uuid4(), key)

        def decide(fresh: bool) -> ErasureResult:
            existing_aggregate = None if key is None and not fresh else self.load_aggregates([id]).get(id)
            if existing_aggregate is not None:
                return self.replay_erasure(existing_aggregate, context, email)
            details_ids_by_stream = self.reader.find_details_by_address(email, MAX_STREAMS_PER_APPEND)
            while len(details_ids_by_stream) == MAX_STREAMS_PER_APPEND:
                self.append_events(*self.erase_token_details(details_ids_by_stream, id, context))
                details_ids_by_stream = self.reader.find_details_by_address(email, MAX_STREAMS_PER_APPEND)
            event_fields = {
                "request_key": key and compute_key_digest(key),
                "request_digest": compute_address_hmac(email, self.secrets[0]),
            }
            erasure = Erasure.create(id, context, **event_fields)
            position = self.append_events(
                *self.erase_token_details(details_ids_by_stream, id, context),
                erasure,
                conditions=AppendConditions(erased_address=email),
            )
            assert position is not None
            return ErasureResult(id, position, context.now, self.reader.count_erased_details(id))

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

    def replay_erasure(self, aggregate: object, context: Context, email: str) -> ErasureResult:
        """Returns the first answer to a repeated request. Raises IdempotencyKeyReused."""
        ended_event = aggregate.ended_event if isinstance(aggregate, Erasure) else None
        if ended_event is None or ended_event.request_digest not in [
            compute_address_hmac(email, secret) for secret in self.secrets
        ]:
            raise IdempotencyKeyReused
        position = self.reader.find_last_position(ended_event.originator_id)
        assert position is not None
        is_replay = ended_event.request_id != context.request_id
        return ErasureResult(
            ended_event.erasure_id,
            position,
            ended_event.occurred_at,
            self.reader.count_erased_details(ended_event.erasure_id),
            is_replay,
        )
