"""What all commands share: loading aggregates, caching those that change rarely, retrying after a concurrent change."""

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
from domain.log import AppendConditions, LogReader, OutcomeUnknown, StaleRead
from domain.managed_link import ManagedLink, ManagedLinkCreated
from domain.meeting_type import MeetingType, MeetingTypeCreated
from domain.person import Person, PersonAdded
from domain.refusals import NotFound, Refusal, SlotTaken, TryAgain
from domain.token import DirectIssued, SingleUseIssued, Token

MAX_ATTEMPTS = 5
CACHE_SIZE = 10_000
AGGREGATE_CLASSES: dict[type[Event], type[Aggregate]] = {
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


class AggregateCache:
    """A cache of links, meeting types and people. Only decisions that append may use it: the append checks it."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self.aggregates: LRUCache[UUID, Aggregate] = LRUCache(size)
        self.link_ids_by_slug: LRUCache[str, UUID] = LRUCache(size)

    def find_aggregate(self, id: UUID) -> Aggregate | None:
        """Returns the cached aggregate, or None."""
        try:
            return self.aggregates.get(id)
        except KeyError:
            return None

    def find_link_id(self, slug: str) -> UUID | None:
        """Returns the id of the link that last had this slug, or None."""
        try:
            return self.link_ids_by_slug.get(slug)
        except KeyError:
            return None

    def put_aggregate(self, aggregate: Aggregate) -> None:
        """Caches an aggregate, unless it is a token: tokens are always read from the log."""
        if not isinstance(aggregate, Token):
            self.aggregates.put(aggregate.id, aggregate)
        if isinstance(aggregate, Link):
            self.link_ids_by_slug.put(aggregate.properties.slug, aggregate.id)


class CommandApplication(Application[UUID]):
    """An event-sourced application over the shared log. Each subclass has one method per command."""

    def __init__(self, factory: InfrastructureFactory, log: LogReader, cache: AggregateCache) -> None:
        self.infrastructure_factory = factory
        self.reader = log
        self.cache = cache
        self.here = local()  # whether the decision that this thread takes has appended
        super().__init__(env={})

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Returns the library's settings. None of them come from the process's environment."""
        return Environment(name, dict(env or {}))

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """Returns the infrastructure factory that this application was created with."""
        return self.infrastructure_factory

    def load_aggregates(self, ids: Iterable[UUID], fresh: bool = True) -> dict[UUID, Aggregate]:
        """Returns the aggregates that exist, by id: from the cache, or brought up to date in one query if `fresh`."""
        cached_aggregates = {id: self.cache.find_aggregate(id) for id in ids}
        aggregates = {id: aggregate for id, aggregate in cached_aggregates.items() if aggregate is not None}
        ids_to_read = cached_aggregates if fresh else cached_aggregates.keys() - aggregates.keys()
        if not ids_to_read:
            return aggregates
        known_versions = {id: aggregates[id].version if id in aggregates else 0 for id in ids_to_read}
        for id, events in self.reader.read_events_after(known_versions).items():
            aggregate = aggregates.get(id) or AGGREGATE_CLASSES[type(events[0])](id)
            aggregates[id] = aggregate.copy_with_events(events)
            self.cache.put_aggregate(aggregates[id])
        return aggregates

    def load_aggregate(self, kind: type[A], id: UUID, fresh: bool = True) -> A:
        """Returns one aggregate of a class. Raises NotFound."""
        return require_kind(kind, self.load_aggregates([id], fresh).get(id))

    def run_decision(self, decide: Callable[[bool], T], fresh: bool = False) -> T:
        """Runs a decision, first on cached aggregates. A refusal counts only after fresh reads.

        `decide` is told whether to read fresh, which is always so from the second attempt on. An append with an unknown
        outcome may still happen while the next decision reads, which is then refused because of it: so the first
        refusal after an unknown outcome is not final. Raises TryAgain after MAX_ATTEMPTS.
        """
        outcome_unknown = False
        for _ in range(MAX_ATTEMPTS):
            try:
                return self.acknowledged(decide, fresh)
            except SlotTaken:
                if not outcome_unknown:
                    raise
                outcome_unknown = False
            except Refusal:
                if fresh and not outcome_unknown:
                    raise
                outcome_unknown = False
            except StaleRead:
                pass
            except OutcomeUnknown:
                outcome_unknown = True
            fresh = True
        raise TryAgain

    def acknowledged(self, decision: Callable[[bool], T], fresh: bool) -> T:
        """What a decision comes to: its append was acknowledged, or what it found in the log is as safe as that."""
        self.here.appended = False
        found = decision(fresh)
        if not self.here.appended:
            self.reader.await_standbys()
        return found

    def append_events(self, *aggregates: Aggregate, conditions: AppendConditions | None = None) -> int | None:
        """Saves the pending events under conditions. Returns the last position, or None when nothing is pending."""
        if not any(aggregate.pending_events for aggregate in aggregates):
            return None
        recordings = self.save(*cast(Any, aggregates), conditions=conditions or AppendConditions())
        self.here.appended = True
        for aggregate in aggregates:
            self.cache.put_aggregate(aggregate)
        return recordings[-1].notification.id

    def edit_aggregate(
        self,
        kind: type[A],
        id: UUID,
        context: Context,
        version: int | None,
        apply_change: Callable[[A], AppendConditions | None],
    ) -> int | None:
        """Changes one aggregate, with optimistic locking if a version is given. Raises NotFound, VersionConflict."""

        def decide(fresh: bool) -> int | None:
            aggregate = self.load_aggregate(kind, id)
            if fresh and (position := self.reader.find_request_position(id, context.request_id)):
                return position
            aggregate.expect_version(version)
            edited_copy = aggregate.copy_with_events(())
            return self.append_events(edited_copy, conditions=apply_change(edited_copy))

        return self.run_decision(decide)


def require_kind(kind: type[A], aggregate: Aggregate | None) -> A:
    """Returns the aggregate if it is of that class. Raises NotFound."""
    if not isinstance(aggregate, kind):
        raise NotFound
    return aggregate


def require_all(kind: type[A], ids: Collection[UUID], aggregates: Mapping[UUID, Aggregate]) -> tuple[A, ...]:
    """Returns the aggregates of these ids, in their order. Raises NotFound when one is missing."""
    return tuple(require_kind(kind, aggregates.get(id)) for id in ids)
