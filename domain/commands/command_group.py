"""The base class of all command groups: loads, recognises retries, decides, appends, and decides again if needed."""

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

from domain.aggregate import Aggregate
from domain.commands.command_application import CommandApplication
from domain.commands.idempotent_creation import IdempotentCreation
from domain.event import Context
from domain.log import AppendConditions, CommandResult

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")


class CommandGroup:
    """Commands on one subject, over the one application of the service. Each subclass has one method per command."""

    def __init__(self, application: CommandApplication) -> None:
        self.application = application
        self.reader = application.reader
        self.run_decision = application.run_decision

    def load_aggregates(self, ids: Iterable[UUID], fresh: bool = True) -> dict[UUID, Aggregate]:
        """Returns the aggregates that exist, by id. See CommandApplication."""
        return self.application.load_aggregates(ids, fresh)

    def load_aggregate(self, kind: type[A], id: UUID, fresh: bool = True) -> A:
        """Returns one aggregate of a class. Raises NotFound."""
        return self.application.load_aggregate(kind, id, fresh)

    def append_events(self, *aggregates: Aggregate, conditions: AppendConditions | None = None) -> int | None:
        """Saves the pending events under conditions. Returns the last position, or None when nothing is pending."""
        return self.application.append_events(*aggregates, conditions=conditions)

    def answer_once(
        self, creation: IdempotentCreation, replay: Callable[[Aggregate], T], decide: Callable[[bool], T]
    ) -> T:
        """Runs a decision that begins the stream of a creation; where that stream exists, `replay` answers from it.

        Without an Idempotency-Key, the stream can exist only from the second attempt on. Raises TryAgain, and what
        `replay` and `decide` raise.
        """

        def decide_unless_created(fresh: bool) -> T:
            can_exist = fresh or creation.key is not None
            aggregate = self.load_aggregates([creation.id]).get(creation.id) if can_exist else None
            return decide(fresh) if aggregate is None else replay(aggregate)

        return self.run_decision(decide_unless_created)

    def create_aggregate(self, creation: IdempotentCreation, decide: Callable[[bool], int | None]) -> CommandResult:
        """Creates something once for each Idempotency-Key. `decide` appends, and returns the position.

        Raises IdempotencyKeyReused, TryAgain, and what `decide` raises.
        """
        return self.answer_once(
            creation,
            lambda aggregate: creation.replay_result(self.reader, aggregate),
            lambda fresh: CommandResult(creation.id, decide(fresh), creation.context.now),
        )

    def decide_on_aggregate(
        self,
        kind: type[A],
        id: UUID,
        context: Context,
        decide: Callable[[A, bool], int | None],
        version: int | None = None,
    ) -> int | None:
        """Runs a decision on one aggregate, with optimistic locking if a version is given. Returns the position.

        `decide` gets a copy of the aggregate and whether to read other aggregates fresh. From the second attempt on, an
        event of the same request in the stream is the answer: then the lost append has happened. Raises NotFound,
        VersionConflict, TryAgain, and what `decide` raises.
        """

        def decide_unless_appended(fresh: bool) -> int | None:
            aggregate = self.load_aggregate(kind, id)
            if fresh and (position := self.reader.find_request_position(id, context.request_id)):
                return position
            aggregate.expect_version(version)
            return decide(aggregate.copy_with_events(()), fresh)

        return self.run_decision(decide_unless_appended)

    def change_aggregate(
        self,
        kind: type[A],
        id: UUID,
        context: Context,
        change: Callable[[A], AppendConditions | None],
        version: int | None = None,
    ) -> int | None:
        """Appends what `change` records on one aggregate, under the conditions that it returns. Returns the position.

        None when nothing was recorded. Raises as `decide_on_aggregate`.
        """

        def decide(aggregate: A, _: bool) -> int | None:
            return self.append_events(aggregate, conditions=change(aggregate))

        return self.decide_on_aggregate(kind, id, context, decide, version)
