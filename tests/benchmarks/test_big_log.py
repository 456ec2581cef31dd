"""The big log of the benchmarks is a history that the domain could have written, complete with what belongs to it."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import pytest

from benchmarks.big_log import fill, id_of
from domain.aggregate import Aggregate
from domain.commands.command_application import BEGINNINGS
from domain.event import Event
from domain.link import Link
from domain.personal_details import digest
from domain.token import MeetingBooked, Token
from projections.catalogue import READ_MODELS
from projections.rebuild import live_tables
from store.database import Database
from store.embedded.server import Server
from tests.conftest import new_schema
from tests.projections.story import differences

EVENTS = 6_000
LOG = "SELECT position, stream_id, version, type, data FROM {schema}.events ORDER BY stream_id, version"


@pytest.fixture(scope="module")
def filled(server: Server, service_url: str, superuser_url: str) -> Iterator[Database]:
    """A schema with a log of some thousand events, for tests that only read it."""
    with new_schema(server) as schema:
        fill(superuser_url, EVENTS, schema)
        found = Database(service_url, schema).open()
        yield found
        found.close()


# what is said of telling people, and what is rare
NOT_IN_IT = {"PersonalDetailsErased.v1", "MeetingReassigned.v1", "CalendarConflictFound.v1"} | {
    f"{channel}{what}.v1" for channel in ("Mail", "Calendar") for what in ("Sent", "Written", "Failed", "Requested")
}


def stored(row: dict[str, Any]) -> Event:
    """A row as the event that it is."""
    return Event.stored(row["stream_id"], row["version"], row["type"], row["data"])


def streams(database: Database) -> dict[Any, list[Event]]:
    """The events of each stream."""
    rows = database.rows(LOG)
    return {id: [stored(row) for row in found] for id, found in groupby(rows, lambda row: row["stream_id"])}


@pytest.fixture(scope="module")
def told(filled: Database) -> dict[Any, list[Event]]:
    """The events of each stream of that log."""
    return streams(filled)


def loaded(id: Any, events: list[Event]) -> Aggregate:
    """A stream as the domain sees it."""
    return BEGINNINGS[type(events[0])](id).after(events)


def test_every_event_and_every_stream_loads(told: dict[Any, list[Event]]) -> None:
    kinds = Counter(event.stored_name for events in told.values() for event in events)
    assert kinds.total() == EVENTS
    assert kinds.keys() == Event.catalogue.keys() - NOT_IN_IT
    for id, events in told.items():
        assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
        assert loaded(id, events).version == len(events)
    assert isinstance(loaded(id_of("link", 3), told[id_of("link", 3)]), Link)


def test_bookings_were_possible_when_they_were_made(told: dict[Any, list[Event]]) -> None:
    booked = [event for events in told.values() for event in events if isinstance(event, MeetingBooked)]
    assert len(booked) > 1_000
    for event in booked:
        link = loaded(event.link_id, told[event.link_id][: event.link_version])
        following = told[event.link_id][event.link_version : event.link_version + 1]
        assert isinstance(link, Link)
        assert told[event.link_id][event.link_version - 1].occurred_at <= event.occurred_at
        assert all(event.occurred_at <= after.occurred_at for after in following)
        assert link.status(event.occurred_at) == "active"
        assert link.host_ids == event.host_ids
        assert link.properties.kind == event.link_kind
        assert event.occurred_at < event.starts_at
        for person, version in zip(event.host_ids, event.host_versions, strict=True):
            assert len(told[person]) == version
        assert len(told[event.meeting_type_id]) == event.meeting_type_version


def test_reservations_are_those_of_the_log(filled: Database, told: dict[Any, list[Event]]) -> None:
    held: dict[tuple[Any, Any], tuple[datetime, datetime]] = {}
    for id, events in told.items():
        token = loaded(id, events)
        if isinstance(token, Token) and token.booked and token.meeting and not token.cancelled:
            for host in token.booked.host_ids:
                held[id, host] = (token.meeting.held_from, token.meeting.held_until)
    rows = filled.rows("SELECT booking_id, host_id, lower(during) AS a, upper(during) AS b FROM {schema}.reservations")
    assert {(row["booking_id"], row["host_id"]): (row["a"], row["b"]) for row in rows} == held


def test_personal_details_are_those_that_the_log_speaks_of(filled: Database, told: dict[Any, list[Event]]) -> None:
    rows = filled.rows("SELECT id, stream_id, salt, data FROM {schema}.personal_details")
    spoken_of = {
        event.details_id: (event.originator_id, event.details_digest)  # type: ignore[attr-defined]
        for events in told.values()
        for event in events
        if getattr(event, "details_id", None)
    }
    assert {row["id"]: (row["stream_id"], digest(row["data"], bytes(row["salt"]))) for row in rows} == spoken_of
    assert len(spoken_of) > 2_000


def test_claims_are_those_of_the_log(filled: Database) -> None:
    claims = {(row["kind"], row["value"]) for row in filled.rows("SELECT kind, value FROM {schema}.claims")}
    assert {("slug", "link-3"), ("slug", "managed-0"), ("email", "person0@nexora.example")} <= claims
    first = filled.rows("SELECT count(*) AS n FROM {schema}.events WHERE type ~ '^(PersonAdded|LinkC|ManagedLinkC)'")
    assert len(claims) == first[0]["n"]


def test_all_read_models_can_be_built_from_it(filled: Database) -> None:
    assert len(live_tables.ensure(filled)) == len(READ_MODELS)
    assert list(differences(filled)) == []


def test_personal_details_can_be_left_out(database: Database, superuser_url: str) -> None:
    fill(superuser_url, EVENTS, database.schema, details=False)
    assert database.rows("SELECT FROM {schema}.personal_details") == []
    assert {getattr(event, "details_id", None) for events in streams(database).values() for event in events} == {None}


def test_a_log_that_is_not_empty_is_left_alone(filled: Database, superuser_url: str) -> None:
    with pytest.raises(AssertionError, match="empty"):
        fill(superuser_url, EVENTS, filled.schema)
