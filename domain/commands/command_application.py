"""The one application of the eventsourcing library: it loads aggregates, appends events and runs decisions."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import local
from typing import Any, TypeVar, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import AggregateRecorder
from eventsourcing.utils import Environment, EnvType

from domain.aggregate import Aggregate
from domain.commands.aggregate_cache import AggregateCache
from domain.erasure import Erasure, PersonalDetailsErased
from domain.event import Event
from domain.event_mapper import EventMapper
from domain.invitation import Invitation, PersonInvited
from domain.link import Link, LinkCreated
from domain.link_request import LinkRequest, NewLinkRequested
from domain.log import AppendConditions, LogReader, OutcomeUnknown, StaleRead
from domain.managed_link import ManagedLink, ManagedLinkCreated
from domain.meeting_type import MeetingType, MeetingTypeCreated
from domain.organisation import Organisation, OrganisationUpdated
from domain.person import Person, PersonAdded
from domain.refusals import NotFound, Refusal, SlotTaken, TryAgain
from domain.team import Team, TeamCreated
from domain.token import Token
from domain.token_events import DirectIssued, SingleUseIssued

MAX_ATTEMPTS = 5
MAX_STALE_TALLIES = 2  # then the tally is locked before it is read
AGGREGATE_CLASSES: dict[type[Event], type[Aggregate]] = {
    PersonAdded: Person,
    MeetingTypeCreated: MeetingType,
    TeamCreated: Team,
    ManagedLinkCreated: ManagedLink,
    PersonInvited: Invitation,
    NewLinkRequested: LinkRequest,
    LinkCreated: Link,
    SingleUseIssued: Token,
    DirectIssued: Token,
    PersonalDetailsErased: Erasure,
    OrganisationUpdated: Organisation,
}

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")


class CommandApplication(Application[UUID]):
    """The application of the service, which all groups of commands share. Threads may use it at the same time."""

    def __init__(self, recorder: AggregateRecorder, reader: LogReader, cache: AggregateCache) -> None:
        self.log_recorder = recorder
        self.reader = reader
        self.cache = cache
        self.current_attempt = local()  # per thread: whether the attempt that it runs has appended
        super().__init__()

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Returns the library's settings: none, because they must not come from the process's environment."""
        return Environment(name, dict(env or {}))

    def construct_mapper(self) -> EventMapper:
        """Returns the mapper of domain events."""
        return EventMapper()

    def construct_recorder(self) -> Any:
        """Returns the recorder that this application was created with. It has no notification log: see ADR 9."""
        return self.log_recorder

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

    def load_aggregate_at_version(self, kind: type[A], id: UUID, version: int) -> A:
        """Returns an aggregate as it was at a version, through the library's repository."""
        aggregate: Any = self.repository.get(
            id,
            version=version,
            projector_func=lambda _, events: cast(Any, kind(id).copy_with_events(cast(Any, events))),
        )
        return cast(A, aggregate)

    def append_events(self, *aggregates: Aggregate, conditions: AppendConditions | None = None) -> int | None:
        """Saves the pending events under conditions. Returns the last position, or None when nothing is pending."""
        if not any(aggregate.pending_events for aggregate in aggregates):
            return None
        try:
            recordings = self.save(*cast(Any, aggregates), conditions=conditions or AppendConditions())
        except SlotTaken as error:
            if conditions is None or conditions.tally is None:
                raise
            raise StaleRead from error  # another member may be free
        self.current_attempt.has_appended = True
        for aggregate in aggregates:
            self.cache.put_aggregate(aggregate)
        return recordings[-1].notification.id

    def run_decision(self, decide: Callable[[bool], T], fresh: bool = False) -> T:
        """Runs a decision, first on cached aggregates. A refusal counts only after fresh reads.

        `decide` gets whether to read fresh, which is always true from the second attempt on. An append with an unknown
        outcome may still happen while the next decision reads, which is then refused because of it: so the first
        refusal after an unknown outcome is not final. Raises TryAgain after MAX_ATTEMPTS.
        """
        outcome_unknown = False
        stale_teams: list[UUID] = []
        for _ in range(MAX_ATTEMPTS):
            try:
                with self.hold_contended_tally(stale_teams):
                    return self.attempt_decision(decide, fresh)
            except SlotTaken:
                if not outcome_unknown:
                    raise
                outcome_unknown = False
            except Refusal:
                if fresh and not outcome_unknown:
                    raise
                outcome_unknown = False
            except StaleRead as error:
                stale_teams += [error.team_id] if error.team_id else []
            except OutcomeUnknown:
                outcome_unknown = True
            fresh = True
        raise TryAgain

    def hold_contended_tally(self, stale_teams: Sequence[UUID]) -> AbstractContextManager[None]:
        """Holds the tally of a team that others changed during two attempts; then nobody changes it during the next."""
        if len(stale_teams) < MAX_STALE_TALLIES:
            return nullcontext()
        return self.reader.hold_tally(stale_teams[-1])

    def attempt_decision(self, decide: Callable[[bool], T], fresh: bool) -> T:
        """Returns the result of one attempt: its append was acknowledged, or what it read is as safe as that."""
        self.current_attempt.has_appended = False
        result = decide(fresh)
        if not self.current_attempt.has_appended:
            self.reader.await_standbys()
        return result


def require_kind(kind: type[A], aggregate: Aggregate | None) -> A:
    """Returns the aggregate if it is of that class. Raises NotFound."""
    if not isinstance(aggregate, kind):
        raise NotFound
    return aggregate


def require_all(kind: type[A], ids: Collection[UUID], aggregates: Mapping[UUID, Aggregate]) -> tuple[A, ...]:
    """Returns the aggregates of these ids, in their order. Raises NotFound when one is missing."""
    return tuple(require_kind(kind, aggregates.get(id)) for id in ids)
