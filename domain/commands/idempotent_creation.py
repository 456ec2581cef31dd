"""Idempotent creation: a retry is recognised by the first event of its stream, without a table of keys."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

from domain.aggregate import Aggregate
from domain.event import Context, IdempotentEvent
from domain.log import CommandResult, LogReader
from domain.personal_details import compute_digest, compute_key_digest
from domain.refusals import IdempotencyKeyReused


def derive_id(requester_id: UUID | None, key: str | None) -> UUID:
    """Returns the id of what a request creates: always the same for a requester's key, a new one without either."""
    return uuid4() if requester_id is None or key is None else uuid5(requester_id, key)


class IdempotentCreation:
    """A request that creates an aggregate: the id of its stream, and the digests that recognise a retry."""

    def __init__(self, context: Context, key: str | None, body: Mapping[str, Any]) -> None:
        self.context = context
        self.key = key
        self.body = body
        self.id = derive_id(context.actor.id, key)

    def build_event_fields(self) -> dict[str, str | None]:
        """Returns the fields of the stream's first event that recognise a retry."""
        return {"request_key": compute_key_digest(self.key), "request_digest": compute_digest(self.body)}

    def replay_result(self, reader: LogReader, aggregate: Aggregate) -> CommandResult:
        """Returns the result of the request that began this stream. Raises IdempotencyKeyReused for another request."""
        [first_event, *_] = reader.read_events_after({aggregate.id: 0})[aggregate.id]
        if not isinstance(first_event, IdempotentEvent) or first_event.request_digest != compute_digest(self.body):
            raise IdempotencyKeyReused
        position = reader.find_request_position(aggregate.id, first_event.request_id)
        is_replay = first_event.request_id != self.context.request_id
        return CommandResult(aggregate.id, position, first_event.occurred_at, is_replay)
