"""A stream of events as an object that guards what may happen next."""

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
        self.pending: tuple[Event, ...] = ()

    def evolve(self, event: Event) -> None:
        """Turns one event into state: total, without guards, clock or I/O, because it also runs on replay."""
        raise NotImplementedError

    def record(self, event_class: type[Event], context: Context, **payload: Any) -> None:
        """Makes the stream's next event, applies it and keeps it for saving."""
        event = event_class.next_of(self.id, self.version + 1, context, **payload)
        self.fold(event)
        self.pending = (*self.pending, event)

    def collect_events(self) -> Sequence[Event]:
        """Hands over the events that are not saved yet."""
        pending, self.pending = self.pending, ()
        return pending

    def after(self, events: Iterable[Event]) -> Self:
        """A copy of this aggregate with more of its history applied."""
        later = copy(self)
        for event in events:
            later.fold(event)
        return later

    def fold(self, event: Event) -> None:
        """Applies one event, and remembers up to where the stream got."""
        self.evolve(event)
        self.version = event.originator_version

    def expect(self, version: int | None) -> None:
        """Refuses an edit that was made on an older version. Raises VersionConflict."""
        if version is not None and version != self.version:
            raise VersionConflict
