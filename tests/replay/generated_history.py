"""Valid histories for tests: commands on the domain's aggregates, chosen by numbers. Refusals append nothing."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.aggregate import Aggregate
from domain.event import Actor, Context
from domain.link import Link, LinkProperties
from domain.managed_link import ManagedLink, ManagedLinkProperties
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.person import Person, PersonProperties
from domain.refusals import Refusal
from domain.token import Token
from store.database import Database

APPEND = "SELECT {schema}.append(%s, '[]', '[]', '[]', '{{}}', '[]') AS positions"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class GeneratedHistory:
    """An organisation in memory that appends the events of its commands."""

    database: Database
    now: datetime = START
    aggregates: dict[type[Aggregate], list[Any]] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """The context of the next command; each call advances the clock by a minute."""
        self.now += timedelta(minutes=1)
        return Context(self.now, Actor(kind="system"), uuid4().hex, "web", frozenset({"admin", "member", "manager"}))

    def run_commands(self, commands: Sequence[tuple[int, int, int]]) -> None:
        """Run a command for each (command, target, value) and append all events in one call."""
        changed: dict[UUID, Any] = {}
        for command_number, target, value in commands:
            with suppress(Refusal, IndexError):
                aggregate = COMMANDS[command_number % len(COMMANDS)](self, target, value)
                changed[aggregate.id] = aggregate
        events = [event for aggregate in changed.values() for event in aggregate.collect_events()]
        rows = [
            {
                "stream": str(event.originator_id),
                "version": event.originator_version,
                "type": event.find_stored_name(),
                "data": event.to_data(),
            }
            for event in events
        ]
        if rows:
            self.database.fetch_rows(APPEND, (json.dumps(rows),))

    def add_aggregate(self, aggregate: Any) -> Any:
        """Add a new aggregate. Return it."""
        self.aggregates.setdefault(type(aggregate), []).append(aggregate)
        return aggregate

    def choose_aggregate(self, kind: type[Aggregate], number: int) -> Any:
        """Choose an existing aggregate. Raises IndexError when there is none."""
        aggregates = self.aggregates.get(kind, [])
        return aggregates[number % len(aggregates)] if aggregates else aggregates[0]

    def choose_id(self, kind: type[Aggregate], number: int) -> UUID:
        """Choose the id of an existing aggregate. Raises IndexError when there is none."""
        id: UUID = self.choose_aggregate(kind, number).id
        return id

    def compute_instant(self, value: int) -> datetime:
        """Compute an instant in the future."""
        return self.now + timedelta(hours=1 + value)


def build_person_properties(value: int) -> PersonProperties:
    """Build the properties of a person."""
    hours = {"mon": (("09:00", f"{10 + value % 10}:00"),)}
    return PersonProperties(
        name=f"Ada {value}", email=f"a{value}@nexora.example", time_zone="UTC", roles=("member",), weekly_hours=hours
    )


def build_meeting_type_properties(value: int) -> MeetingTypeProperties:
    """Build the properties of a meeting type."""
    step = None if value % 2 else 15
    return MeetingTypeProperties(name=f"Intro {value}", duration_minutes=15 + value, slot_step_minutes=step)


def build_link_properties(history: GeneratedHistory, target: int, value: int, kind: Any = "standard") -> LinkProperties:
    """Build the properties of a link."""
    return LinkProperties(
        kind=kind,
        name=f"Link {value}",
        slug=f"link-{value}",
        owner_id=history.choose_id(Person, target),
        co_host_ids=(history.choose_id(Person, value),) if value % 3 == 0 else (),
        meeting_type_id=history.choose_id(MeetingType, value),
        expires_at=history.compute_instant(value) if value % 2 else None,
        in_library=value % 4 == 0,
    )


def build_managed_link_properties(history: GeneratedHistory, target: int, value: int) -> ManagedLinkProperties:
    """Build the properties of a managed link."""
    hosts = tuple({history.choose_id(Person, target), history.choose_id(Person, value)})
    meeting_type = history.choose_id(MeetingType, value)
    return ManagedLinkProperties(name=f"All {value}", slug=f"all-{value}", meeting_type_id=meeting_type, host_ids=hosts)


def update_aggregate(history: GeneratedHistory, aggregate: Any, properties: Any) -> Any:
    """Update an aggregate. Return it."""
    aggregate.update(properties, history.context)
    return aggregate


def execute_command(history: GeneratedHistory, kind: type[Aggregate], target: int, name: str, **payload: Any) -> Any:
    """Call a method of an existing aggregate. Return the aggregate."""
    aggregate = history.choose_aggregate(kind, target)
    getattr(aggregate, name)(history.context, **payload)
    return aggregate


def issue_single_use_link(history: GeneratedHistory, target: int, value: int) -> Any:
    """Issue a single-use link."""
    token = Token(uuid4())
    issuer_id = history.choose_id(Person, value)
    token.issue(
        history.context,
        link_id=history.choose_id(Link, target),
        issued_by=issuer_id,
        details_id=uuid4() if value % 2 else None,
    )
    return history.add_aggregate(token)


def build_meeting_times(history: GeneratedHistory, value: int) -> dict[str, Any]:
    """Build the times of a meeting."""
    starts_at = history.compute_instant(value)
    ends_at = starts_at + timedelta(minutes=30)
    return {"starts_at": starts_at, "ends_at": ends_at, "held_from": starts_at, "held_until": ends_at}


def book_meeting(history: GeneratedHistory, token: Token, value: int) -> Token:
    """Book a meeting on a token."""
    link = next(link for link in history.aggregates[Link] if link.id == token.link_id)
    token.book(
        history.context,
        details_id=uuid4(),
        link_kind=link.properties.kind,
        link_version=link.version,
        meeting_type_id=link.properties.meeting_type_id,
        meeting_type_version=1,
        host_ids=link.host_ids,
        host_versions=(1,) * len(link.host_ids),
        **build_meeting_times(history, value),
    )
    return token


def book_core_link(history: GeneratedHistory, target: int, value: int) -> Any:
    """Book a meeting on a core link."""
    token = Token(uuid4())
    token.issue_directly(history.choose_id(Link, target), history.context)
    return book_meeting(history, history.add_aggregate(token), value)


Command = Callable[[GeneratedHistory, int, int], Any]
COMMANDS: tuple[Command, ...] = (
    lambda h, t, v: h.add_aggregate(Person.add(uuid4(), build_person_properties(v), h.context)),
    lambda h, t, v: update_aggregate(h, h.choose_aggregate(Person, t), build_person_properties(v)),
    lambda h, t, v: execute_command(h, Person, t, "deactivate" if v % 2 else "activate"),
    lambda h, t, v: h.add_aggregate(MeetingType.create(uuid4(), build_meeting_type_properties(v), h.context)),
    lambda h, t, v: update_aggregate(h, h.choose_aggregate(MeetingType, t), build_meeting_type_properties(v)),
    lambda h, t, v: h.add_aggregate(ManagedLink.create(uuid4(), build_managed_link_properties(h, t, v), h.context)),
    lambda h, t, v: update_aggregate(h, h.choose_aggregate(ManagedLink, t), build_managed_link_properties(h, t, v)),
    lambda h, t, v: h.add_aggregate(Link.create(uuid4(), build_link_properties(h, t, v), h.context)),
    lambda h, t, v: update_aggregate(h, h.choose_aggregate(Link, t), build_link_properties(h, t, v)),
    lambda h, t, v: execute_command(h, Link, t, ("disable", "enable", "delete")[v % 3]),
    issue_single_use_link,
    issue_single_use_link,
    lambda h, t, v: execute_command(h, Token, t, "revoke", details_id=uuid4()),
    lambda h, t, v: book_meeting(h, h.choose_aggregate(Token, t), v),
    book_core_link,
    lambda h, t, v: execute_command(h, Token, t, "reschedule", meeting_type_version=1, **build_meeting_times(h, v)),
    lambda h, t, v: execute_command(h, Token, t, "reassign", host_ids=(h.choose_id(Person, v),), host_versions=(1,)),
    lambda h, t, v: execute_command(h, Token, t, "cancel", cancelled_by="guest", details_id=uuid4()),
)
