"""Valid histories for tests: commands on the domain's aggregates, chosen by numbers; refused ones did not happen."""

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
class History:
    """An organisation in memory that appends what happens to it."""

    database: Database
    now: datetime = START
    made: dict[type[Aggregate], list[Any]] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """Who commands, and when: a minute later each time."""
        self.now += timedelta(minutes=1)
        return Context(self.now, Actor(kind="system"), uuid4().hex, "web", frozenset({"admin", "member", "manager"}))

    def happen(self, commands: Sequence[tuple[int, int, int]]) -> None:
        """One command for each: which, on which of the things there are, with which value; all in one append."""
        touched: dict[UUID, Any] = {}
        for which, target, value in commands:
            with suppress(Refusal, IndexError):
                aggregate = COMMANDS[which % len(COMMANDS)](self, target, value)
                touched[aggregate.id] = aggregate
        events = [event for aggregate in touched.values() for event in aggregate.collect_events()]
        rows = [
            {
                "stream": str(event.originator_id),
                "version": event.originator_version,
                "type": event.stored_name,
                "data": event.model_dump(mode="json"),
            }
            for event in events
        ]
        if rows:
            self.database.rows(APPEND, (json.dumps(rows),))

    def keep(self, aggregate: Any) -> Any:
        """Something new."""
        self.made.setdefault(type(aggregate), []).append(aggregate)
        return aggregate

    def one(self, kind: type[Aggregate], number: int) -> Any:
        """Something that is there. Raises IndexError when there is nothing."""
        there = self.made.get(kind, [])
        return there[number % len(there)] if there else there[0]

    def id(self, kind: type[Aggregate], number: int) -> UUID:
        """Its id."""
        found: UUID = self.one(kind, number).id
        return found

    def instant(self, value: int) -> datetime:
        """Some time to come."""
        return self.now + timedelta(hours=1 + value)


def person_properties(value: int) -> PersonProperties:
    """Somebody."""
    hours = {"mon": (("09:00", f"{10 + value % 10}:00"),)}
    return PersonProperties(
        name=f"Ada {value}", email=f"a{value}@nexora.example", time_zone="UTC", roles=("member",), weekly_hours=hours
    )


def type_properties(value: int) -> MeetingTypeProperties:
    """A meeting type."""
    step = None if value % 2 else 15
    return MeetingTypeProperties(name=f"Intro {value}", duration_minutes=15 + value, slot_step_minutes=step)


def link_properties(history: History, target: int, value: int, kind: Any = "standard") -> LinkProperties:
    """A link."""
    return LinkProperties(
        kind=kind,
        name=f"Link {value}",
        slug=f"link-{value}",
        owner_id=history.id(Person, target),
        co_host_ids=(history.id(Person, value),) if value % 3 == 0 else (),
        meeting_type_id=history.id(MeetingType, value),
        expires_at=history.instant(value) if value % 2 else None,
        in_library=value % 4 == 0,
    )


def managed_properties(history: History, target: int, value: int) -> ManagedLinkProperties:
    """A managed link."""
    hosts = tuple({history.id(Person, target), history.id(Person, value)})
    meeting_type = history.id(MeetingType, value)
    return ManagedLinkProperties(name=f"All {value}", slug=f"all-{value}", meeting_type_id=meeting_type, host_ids=hosts)


def changed(history: History, aggregate: Any, properties: Any) -> Any:
    """An edit of something."""
    aggregate.update(properties, history.context)
    return aggregate


def done(history: History, kind: type[Aggregate], target: int, name: str, **payload: Any) -> Any:
    """A method of something that is there."""
    aggregate = history.one(kind, target)
    getattr(aggregate, name)(history.context, **payload)
    return aggregate


def issued(history: History, target: int, value: int) -> Any:
    """A single-use link."""
    token = Token(uuid4())
    by = history.id(Person, value)
    token.issue(
        history.context, link_id=history.id(Link, target), issued_by=by, details_id=uuid4() if value % 2 else None
    )
    return history.keep(token)


def times(history: History, value: int) -> dict[str, Any]:
    """When a meeting is."""
    starts_at = history.instant(value)
    ends_at = starts_at + timedelta(minutes=30)
    return {"starts_at": starts_at, "ends_at": ends_at, "held_from": starts_at, "held_until": ends_at}


def booked(history: History, token: Token, value: int) -> Token:
    """A meeting."""
    link = next(link for link in history.made[Link] if link.id == token.link_id)
    token.book(
        history.context,
        details_id=uuid4(),
        link_kind=link.properties.kind,
        link_version=link.version,
        meeting_type_id=link.properties.meeting_type_id,
        meeting_type_version=1,
        host_ids=link.host_ids,
        host_versions=(1,) * len(link.host_ids),
        **times(history, value),
    )
    return token


def booked_on_the_spot(history: History, target: int, value: int) -> Any:
    """A meeting on a core link."""
    token = Token(uuid4())
    token.issue_on_the_spot(history.id(Link, target), history.context)
    return booked(history, history.keep(token), value)


Command = Callable[[History, int, int], Any]
COMMANDS: tuple[Command, ...] = (
    lambda h, t, v: h.keep(Person.add(uuid4(), person_properties(v), h.context)),
    lambda h, t, v: changed(h, h.one(Person, t), person_properties(v)),
    lambda h, t, v: done(h, Person, t, "deactivate" if v % 2 else "activate"),
    lambda h, t, v: h.keep(MeetingType.create(uuid4(), type_properties(v), h.context)),
    lambda h, t, v: changed(h, h.one(MeetingType, t), type_properties(v)),
    lambda h, t, v: h.keep(ManagedLink.create(uuid4(), managed_properties(h, t, v), h.context)),
    lambda h, t, v: changed(h, h.one(ManagedLink, t), managed_properties(h, t, v)),
    lambda h, t, v: h.keep(Link.create(uuid4(), link_properties(h, t, v), h.context)),
    lambda h, t, v: changed(h, h.one(Link, t), link_properties(h, t, v)),
    lambda h, t, v: done(h, Link, t, ("disable", "enable", "delete")[v % 3]),
    issued,
    issued,
    lambda h, t, v: done(h, Token, t, "revoke", details_id=uuid4()),
    lambda h, t, v: booked(h, h.one(Token, t), v),
    booked_on_the_spot,
    lambda h, t, v: done(h, Token, t, "reschedule", meeting_type_version=1, **times(h, v)),
    lambda h, t, v: done(h, Token, t, "reassign", host_ids=(h.id(Person, v),), host_versions=(1,)),
    lambda h, t, v: done(h, Token, t, "cancel", cancelled_by="guest", details_id=uuid4()),
)
