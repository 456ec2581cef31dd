"""Example data of the domain's tests: a context, and aggregates in the states that tests begin with."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.event import Actor, Context, Event
from domain.link import Link, LinkProperties
from domain.meeting_type import MeetingType, MeetingTypeProperties
from domain.person import Person, PersonProperties
from domain.token import Token

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
START = NOW + timedelta(days=1)
JULIO = UUID(int=1)
ANNA = UUID(int=2)
LINK = UUID(int=3)
TYPE = UUID(int=4)


def at(now: datetime = NOW, person: UUID | None = JULIO, roles: tuple[str, ...] = ("member",)) -> Context:
    """A context at an instant; of a guest when there is no person."""
    actor = Actor(kind="person", id=person) if person else Actor(kind="guest")
    return Context(now, actor, uuid4().hex, "api", frozenset(roles))


def link(**more: Any) -> Link:
    """An active link of Julio's."""
    given = {"kind": "standard", "name": "Intro", "slug": "intro", "owner_id": JULIO, "meeting_type_id": TYPE}
    return saved(Link.create(LINK, LinkProperties(**{**given, **more}), at()))


def person(**more: Any) -> Person:
    """Julio, in office hours, UTC."""
    given = {"name": "Julio", "email": "julio@nexora.example", "time_zone": "UTC", "roles": ("member",)}
    return saved(Person.add(JULIO, PersonProperties(**{**given, **more}), at()))


def meeting_type(**more: Any) -> MeetingType:
    """Half an hour."""
    return saved(
        MeetingType.create(TYPE, MeetingTypeProperties(**{"name": "Intro", "duration_minutes": 30, **more}), at())
    )


def issued() -> Token:
    """An unused single-use link."""
    token = Token(uuid4())
    token.issue(at(), link_id=LINK, issued_by=JULIO)
    return saved(token)


def booked() -> Token:
    """A single-use link that was booked for START."""
    token = issued()
    token.book(at(person=None), **booking())
    return saved(token)


def booking(start: datetime = START) -> dict[str, Any]:
    """What a booking says, half an hour from `start`."""
    return {
        "link_kind": "standard",
        "link_version": 1,
        "meeting_type_id": TYPE,
        "meeting_type_version": 1,
        "host_ids": (JULIO,),
        "host_versions": (1,),
        **times(start),
    }


def times(start: datetime) -> dict[str, datetime]:
    """The times of a meeting without buffers."""
    end = start + timedelta(minutes=30)
    return {"starts_at": start, "ends_at": end, "held_from": start, "held_until": end}


def saved(aggregate: Any) -> Any:
    """The aggregate with nothing pending, as if it were stored."""
    aggregate.collect_events()
    return aggregate


def happened(aggregate: Any) -> list[type[Event]]:
    """The kinds of event that a command added."""
    return [type(event) for event in aggregate.collect_events()]
