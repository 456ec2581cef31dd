"""A request that creates something, and how a retry of it is recognised without a table of keys."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

from domain.aggregate import Aggregate
from domain.commands.command_application import Journal
from domain.event import Context, IdempotentEvent
from domain.log import Outcome
from domain.personal_details import digest, key_digest
from domain.refusals import IdempotencyKeyReused


class Request:
    """A request that creates something: where its stream begins, and how a retry is recognised."""

    def __init__(self, context: Context, key: str | None, body: Mapping[str, Any]) -> None:
        self.context = context
        self.key = key
        self.id: UUID = uuid4() if key is None else uuid5(context.actor.id or uuid4(), key)
        self.signature = {"request_key": None if key is None else key_digest(key), "request_digest": digest(body)}

    def already(self, journal: Journal, fresh: bool) -> Outcome | None:
        """What this request did before, if it did. Raises IdempotencyKeyReused."""
        if self.key is None and not fresh:
            return None
        found = journal.load([self.id]).get(self.id)
        return None if found is None else self.recognised(journal, found)

    def recognised(self, journal: Journal, found: Aggregate) -> Outcome:
        """The outcome of the request that began this stream, if it was this one. Raises IdempotencyKeyReused."""
        [beginning, *_] = journal.reader.events_after({found.id: 0})[found.id]
        if not isinstance(beginning, IdempotentEvent) or beginning.request_digest != self.signature["request_digest"]:
            raise IdempotencyKeyReused
        position = journal.reader.request_position(found.id, beginning.request_id)
        replayed = beginning.request_id != self.context.request_id
        return Outcome(found.id, position, beginning.occurred_at, replayed)
