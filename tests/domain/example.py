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
LATER = START + timedelta(hours=1)
JULIO = UUID(int=1)
ANNA = UUID(int=2)
LINK = UUID(int=3)
TYPE = UUID(int=4)
DETAILS = UUID(int=5)


def build_context(now: datetime = NOW, person: UUID | None = JULIO, roles: tuple[str, ...] = ("member",)) -> Context:
    """A context at an instant, of a guest when there is no person."""
    actor = Actor(kind="person", id=person) if person else Actor(kind="guest")
    return Context(now, actor, uuid4().hex, "api", frozenset(roles))


def create_link(**extra: Any) -> Link:
    """An active link of Julio's."""
    properties = {"kind": "standard", "name": "Intro", "slug": "intro", "owner_id": JULIO, "meeting_type_id": TYPE}
    return mark_saved(Link.create(LINK, LinkProperties(**{**properties, **extra}), build_context()))


def add_person(**extra: Any) -> Person:
    """Julio, in office hours, UTC."""
    properties = {"name": "Julio", "email": "julio@nexora.example", "time_zone": "UTC", "roles": ("member",)}
    return mark_saved(Person.add(JULIO, PersonProperties(**{**properties, **extra}), build_context()))


def create_meeting_type(**extra: Any) -> MeetingType:
    """Half an hour."""
    return mark_saved(
        MeetingType.create(
            TYPE, MeetingTypeProperties(**{"name": "Intro", "duration_minutes": 30, **extra}), build_context()
        )
    )


def issue_token() -> Token:
    """An unused single-use link."""
    token = Token(uuid4())
    token.issue(build_context(), link_id=LINK, issued_by=JULIO)
    return mark_saved(token)


def book_token() -> Token:
    """A single-use link that was booked for START."""
    token = issue_token()
    token.book(build_context(person=None), **build_booking_fields())
    return mark_saved(token)


def book_with_co_host() -> Token:
    """A meeting of Julio's at START, with Anna as a co-host; its guest left personal details with the id DETAILS."""
    token = Token(uuid4())
    token.issue_directly(LINK, build_context())
    hosts = {"host_ids": (JULIO, ANNA), "host_versions": (1, 1)}
    token.book(build_context(person=None), **{**build_booking_fields(), **hosts}, details_id=DETAILS)
    return mark_saved(token)


def reschedule_meeting(token: Token) -> None:
    """Move the meeting to LATER."""
    token.reschedule(build_context(), meeting_type_version=1, **build_times(LATER))


def cancel_meeting(token: Token) -> None:
    """Cancel the meeting as its host."""
    token.cancel(build_context(), cancelled_by="host")


def build_booking_fields(start: datetime = START) -> dict[str, Any]:
    """What a booking says, half an hour from `start`."""
    return {
        "link_kind": "standard",
        "link_version": 1,
        "meeting_type_id": TYPE,
        "meeting_type_version": 1,
        "host_ids": (JULIO,),
        "host_versions": (1,),
        **build_times(start),
    }


def build_times(start: datetime) -> dict[str, datetime]:
    """The times of a meeting without buffers."""
    end = start + timedelta(minutes=30)
    return {"starts_at": start, "ends_at": end, "held_from": start, "held_until": end}


def mark_saved(aggregate: Any) -> Any:
    """The aggregate with nothing pending, as if it were stored."""
    aggregate.collect_events()
    return aggregate


def list_event_types(aggregate: Any) -> list[type[Event]]:
    """The kinds of event that a command added."""
    return [type(event) for event in aggregate.collect_events()]
