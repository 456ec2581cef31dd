"""What every command shares: loading streams, remembering the slow-moving ones, deciding again when one moved."""

from collections.abc import Callable, Collection, Iterable, Mapping
from threading import local
from typing import Any, TypeVar, cast
from uuid import UUID

from eventsourcing.application import Application, LRUCache
from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment, EnvType

from domain.aggregate import Aggregate
from domain.erasure import Erasure, PersonalDetailsErased
from domain.event import Context, Event
from domain.link import Link, LinkCreated
from domain.log import Conditions, Log, OutcomeUnknown, StaleRead
from domain.managed_link import ManagedLink, ManagedLinkCreated
from domain.meeting_type import MeetingType, MeetingTypeCreated
from domain.person import Person, PersonAdded
from domain.refusals import NotFound, Refusal, SlotTaken, TryAgain
from domain.token import DirectIssued, SingleUseIssued, Token

ATTEMPTS = 5
REMEMBERED = 10_000
BEGINNINGS: dict[type[Event], type[Aggregate]] = {
    PersonAdded: Person,
    MeetingTypeCreated: MeetingType,
    ManagedLinkCreated: ManagedLink,
    LinkCreated: Link,
    SingleUseIssued: Token,
    DirectIssued: Token,
    PersonalDetailsErased: Erasure,
}

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")


class Memory:
    """Links, meeting types and people as last seen. It may only feed a decision that appends: the append checks it."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self.streams: LRUCache[UUID, Aggregate] = LRUCache(size)
        self.slugs: LRUCache[str, UUID] = LRUCache(size)

    def aggregate(self, id: UUID) -> Aggregate | None:
        """The stream as last seen, if it was."""
        try:
            return self.streams.get(id)
        except KeyError:
            return None

    def link_id(self, slug: str) -> UUID | None:
        """The link that last answered to this slug."""
        try:
            return self.slugs.get(slug)
        except KeyError:
            return None

    def keep(self, aggregate: Aggregate) -> None:
        """Remembers a stream, unless it is a token: those are always read."""
        if not isinstance(aggregate, Token):
            self.streams.put(aggregate.id, aggregate)
        if isinstance(aggregate, Link):
            self.slugs.put(aggregate.properties.slug, aggregate.id)


class Journal(Application[UUID]):
    """An event-sourced application over the shared log; each subclass has one method per command."""

    def __init__(self, factory: InfrastructureFactory, log: Log, memory: Memory) -> None:
        self.given_factory = factory
        self.reader = log
        self.memory = memory
        self.here = local()  # whether the decision that this thread takes has appended
        super().__init__(env={})

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """The library's settings, none of which come from the process's environment."""
        return Environment(name, dict(env or {}))

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """The store that this application was composed with."""
        return self.given_factory

    def load(self, ids: Iterable[UUID], fresh: bool = True) -> dict[UUID, Aggregate]:
        """Streams by id, those that exist: as remembered, or brought up to date in one query when `fresh`."""
        remembered = {id: self.memory.aggregate(id) for id in ids}
        found = {id: aggregate for id, aggregate in remembered.items() if aggregate is not None}
        unknown = remembered if fresh else remembered.keys() - found.keys()
        if not unknown:
            return found
        known = {id: found[id].version if id in found else 0 for id in unknown}
        for id, events in self.reader.events_after(known).items():
            beginning = found.get(id) or BEGINNINGS[type(events[0])](id)
            found[id] = beginning.after(events)
            self.memory.keep(found[id])
        return found

    def get(self, kind: type[A], id: UUID, fresh: bool = True) -> A:
        """One stream of a kind. Raises NotFound."""
        return of_kind(kind, self.load([id], fresh).get(id))

    def decide(self, decision: Callable[[bool], T], fresh: bool = False) -> T:
        """Runs a decision, first on what is remembered; refuses only after fresh reads.

        The decision is told whether to read fresh, which it always is from the second time on. An append whose answer
        was lost may still happen while the next decision reads, which then refuses because of it: the first refusal
        after a lost answer is not the last word. Raises TryAgain when the world keeps moving or does not answer.
        """
        lost = False
        for _ in range(ATTEMPTS):
            try:
                return self.acknowledged(decision, fresh)
            except SlotTaken:
                if not lost:
                    raise
                lost = False
            except Refusal:
                if fresh and not lost:
                    raise
                lost = False
            except StaleRead:
                pass
            except OutcomeUnknown:
                lost = True
            fresh = True
        raise TryAgain

    def acknowledged(self, decision: Callable[[bool], T], fresh: bool) -> T:
        """What a decision comes to: its append was acknowledged, or what it found in the log is as safe as that."""
        self.here.appended = False
        found = decision(fresh)
        if not self.here.appended:
            self.reader.await_standbys()
        return found

    def append(self, *aggregates: Aggregate, conditions: Conditions | None = None) -> int | None:
        """Saves what happened under its conditions; the last position, or None when nothing happened."""
        if not any(aggregate.pending for aggregate in aggregates):
            return None
        recordings = self.save(*cast(Any, aggregates), conditions=conditions or Conditions())
        self.here.appended = True
        for aggregate in aggregates:
            self.memory.keep(aggregate)
        return recordings[-1].notification.id

    def edit(
        self, kind: type[A], id: UUID, context: Context, version: int | None, change: Callable[[A], Conditions | None]
    ) -> int | None:
        """Changes one stream, optimistically where a version is given. Raises NotFound and VersionConflict."""

        def decision(again: bool) -> int | None:
            thing = self.get(kind, id)
            if again and (position := self.reader.request_position(id, context.request_id)):
                return position
            thing.expect(version)
            edited = thing.after(())
            return self.append(edited, conditions=change(edited))

        return self.decide(decision)


def of_kind(kind: type[A], found: Aggregate | None) -> A:
    """The aggregate, if it is of that kind. Raises NotFound."""
    if not isinstance(found, kind):
        raise NotFound
    return found


def all_of(kind: type[A], ids: Collection[UUID], found: Mapping[UUID, Aggregate]) -> tuple[A, ...]:
    """The aggregates of these ids, in their order. Raises NotFound for one that is missing."""
    return tuple(of_kind(kind, found.get(id)) for id in ids)
