"""Idempotent creation: a retry is recognised by the first event of its stream, without a table of keys."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

from domain.aggregate import Aggregate
from domain.commands.command_application import CommandApplication
from domain.event import Context, IdempotentEvent
from domain.log import CommandResult
from domain.personal_details import compute_digest, compute_key_digest
from domain.refusals import IdempotencyKeyReused


class IdempotentCreation:
    """A request that creates an aggregate: the id of its stream, and the digests that recognise a retry."""

    def __init__(self, context: Context, key: str | None, body: Mapping[str, Any]) -> None:
        self.context = context
        self.key = key
        self.id: UUID = uuid4() if key is None else uuid5(context.actor.id or uuid4(), key)
        self.event_fields = {
            "request_key": None if key is None else compute_key_digest(key),
            "request_digest": compute_digest(body),
        }

    def find_previous_result(self, application: CommandApplication, fresh: bool) -> CommandResult | None:
        """Returns what this request created before, or None. Raises IdempotencyKeyReused."""
        if self.key is None and not fresh:
            return None
        aggregate = application.load_aggregates([self.id]).get(self.id)
        return None if aggregate is None else self.replay_result(application, aggregate)

    def replay_result(self, application: CommandApplication, aggregate: Aggregate) -> CommandResult:
        """Returns the result of the request that began this stream. Raises IdempotencyKeyReused for another request."""
        [first_event, *_] = application.reader.read_events_after({aggregate.id: 0})[aggregate.id]
        if (
            not isinstance(first_event, IdempotentEvent)
            or first_event.request_digest != self.event_fields["request_digest"]
        ):
            raise IdempotencyKeyReused
        position = application.reader.find_request_position(aggregate.id, first_event.request_id)
        is_replay = first_event.request_id != self.context.request_id
        return CommandResult(aggregate.id, position, first_event.occurred_at, is_replay)
