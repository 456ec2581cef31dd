"""An erasure: personal details of one guest or recipient are deleted, and the log says that and when, but not whose."""

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
    """An erasure that has been carried out, whether or not anything was found."""

    ended: PersonalDetailsErased | None = None

    # What may happen

    @classmethod
    def end(cls, id: UUID, context: Context, **request: str | None) -> "Erasure":
        """The last word of an erasure."""
        erasure = cls(id)
        erasure.record(PersonalDetailsErased, context, erasure_id=id, details_ids=(), **request)
        return erasure

    # How history becomes state

    def evolve(self, event: Event) -> None:
        match event:
            case PersonalDetailsErased():
                self.ended = event
