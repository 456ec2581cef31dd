"""The aggregate of an erasure. The log says that and when personal details were erased, but not whose."""

from uuid import UUID

from domain.aggregate import Aggregate
from domain.event import Context, Event, IdempotentEvent

# What happened


class PersonalDetailsErased(IdempotentEvent, name="PersonalDetailsErased.v1"):
    """Personal details of a guest or recipient were erased; whose they were, nobody can tell any more.

    `details_ids` are those of this stream; they were deleted by the append of this event, and only by it. An erasure
    touches many streams and ends with an event of its own, in the stream `erasure_id`, which has none.
    """

    erasure_id: UUID
    details_ids: tuple[UUID, ...]


class Erasure(Aggregate):
    """A finished erasure, whether or not it found anything."""

    ended_event: PersonalDetailsErased | None = None

    # What may happen

    @classmethod
    def create(cls, id: UUID, context: Context, **event_fields: str | None) -> "Erasure":
        """Creates the erasure, with the event that ends it."""
        erasure = cls(id)
        erasure.record_event(PersonalDetailsErased, context, erasure_id=id, details_ids=(), **event_fields)
        return erasure

    # How history becomes state

    def evolve(self, event: Event) -> None:
        match event:
            case PersonalDetailsErased():
                self.ended_event = event
