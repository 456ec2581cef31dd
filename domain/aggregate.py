"""The base class of aggregates: state folded from one stream of events."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Self
from uuid import UUID

from domain.event import Context, Event
from domain.refusals import VersionConflict


class Aggregate:
    """State folded from one stream. `evolve` only assigns attributes, so a shallow copy is a safe snapshot."""

    def __init__(self, id: UUID) -> None:
        self.id = id
        self.version = 0
        self.pending_events: tuple[Event, ...] = ()

    def evolve(self, event: Event) -> None:
        """Applies one event to the state. It never fails and uses no guards, clock or I/O: it also runs on replay."""
        raise NotImplementedError

    def record_event(self, event_class: type[Event], context: Context, **payload: Any) -> None:
        """Creates the stream's next event, applies it and adds it to the pending events."""
        event = event_class.from_context(self.id, self.version + 1, context, **payload)
        self.fold_event(event)
        self.pending_events = (*self.pending_events, event)

    def collect_events(self) -> Sequence[Event]:
        """Returns the pending events and clears them. The library calls it when it saves."""
        pending_events, self.pending_events = self.pending_events, ()
        return pending_events

    def copy_with_events(self, events: Iterable[Event]) -> Self:
        """Returns a copy of this aggregate with more events applied."""
        aggregate = copy(self)
        for event in events:
            aggregate.fold_event(event)
        return aggregate

    def fold_event(self, event: Event) -> None:
        """Applies one event and sets the version to that of the event."""
        self.evolve(event)
        self.version = event.originator_version

    def expect_version(self, version: int | None) -> None:
        """Checks the version that an edit was made on; None passes. Raises VersionConflict."""
        if version is not None and version != self.version:
            raise VersionConflict
