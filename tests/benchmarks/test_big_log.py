"""The big log of the benchmarks is a history that the domain could have written, complete with what belongs to it."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import pytest

from benchmarks.big_log import derive_id, fill_log
from domain.aggregate import Aggregate
from domain.commands.command_application import AGGREGATE_CLASSES
from domain.event import Event
from domain.link import Link
from domain.personal_details import compute_digest
from domain.token import Token
from domain.token_events import MeetingBooked
from projections.catalogue import READ_MODELS
from projections.rebuild import live_tables
from store.database import Database
from store.embedded.server import Server
from tests.conftest import use_new_schema
from tests.projections.story import find_differences

EVENTS = 6_000
LOG = "SELECT position, stream_id, version, type, data FROM {schema}.events ORDER BY stream_id, version"


@pytest.fixture(scope="module")
def filled_database(server: Server, service_url: str, superuser_url: str) -> Iterator[Database]:
    """A schema with a log of some thousand events, for tests that only read it."""
    with use_new_schema(server) as schema:
        fill_log(superuser_url, EVENTS, schema)
        database = Database(service_url, schema).open()
        yield database
        database.close()


# the big log has no teams, no notifications and only first versions; nothing that is seldom, and no host's message
ABSENT_EVENTS = {
    *("TeamCreated.v1", "TeamUpdated.v1", "TeamDeleted.v1"),
    *(
        "OrganisationUpdated.v1",
        "NewLinkRequested.v1",
        "PersonInvited.v1",
        "PersonalDetailsErased.v1",
        "CalendarConflictFound.v1",
    ),
    *("ManagedLinkDisabled.v1", "ManagedLinkEnabled.v1", "ManagedLinkDeleted.v1"),
    *("MeetingReassigned.v1", "MeetingReassigned.v2", "Rescheduled.v2"),
    *("NoShowMarked.v1", "NoShowUnmarked.v1", "SingleUseSendRequested.v1"),
    *(name for event in Event.catalogue.values() for name in list(event.versions)[1:]),
} | {f"{channel}{what}.v1" for channel in ("Mail", "Calendar") for what in ("Sent", "Written", "Failed", "Requested")}


def to_event(row: dict[str, Any]) -> Event:
    """Convert a row to its event."""
    return Event.from_stored(row["stream_id"], row["version"], row["type"], row["data"])


def load_streams(database: Database) -> dict[Any, list[Event]]:
    """The events of each stream."""
    rows = database.fetch_rows(LOG)
    return {
        id: [to_event(row) for row in stream_rows] for id, stream_rows in groupby(rows, lambda row: row["stream_id"])
    }


@pytest.fixture(scope="module")
def event_streams(filled_database: Database) -> dict[Any, list[Event]]:
    """The events of each stream of that log."""
    return load_streams(filled_database)


def load_aggregate(id: Any, events: list[Event]) -> Aggregate:
    """Load an aggregate from its events."""
    return AGGREGATE_CLASSES[type(events[0])](id).copy_with_events(events)


def test_every_event_and_every_stream_loads(event_streams: dict[Any, list[Event]]) -> None:
    kinds = Counter(event.find_stored_name() for events in event_streams.values() for event in events)
    assert kinds.total() == EVENTS
    assert kinds.keys() == Event.catalogue.keys() - ABSENT_EVENTS
    for id, events in event_streams.items():
        assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
        assert load_aggregate(id, events).version == len(events)
    assert isinstance(load_aggregate(derive_id("link", 3), event_streams[derive_id("link", 3)]), Link)


def test_bookings_were_possible_when_they_were_made(event_streams: dict[Any, list[Event]]) -> None:
    bookings = [event for events in event_streams.values() for event in events if isinstance(event, MeetingBooked)]
    assert len(bookings) > 1_000
    for event in bookings:
        link = load_aggregate(event.link_id, event_streams[event.link_id][: event.link_version])
        next_events = event_streams[event.link_id][event.link_version : event.link_version + 1]
        assert isinstance(link, Link)
        assert event_streams[event.link_id][event.link_version - 1].occurred_at <= event.occurred_at
        assert all(event.occurred_at <= next_event.occurred_at for next_event in next_events)
        assert link.get_status(event.occurred_at) == "active"
        assert link.host_ids == event.host_ids
        assert link.properties.kind == event.link_kind
        assert event.occurred_at < event.starts_at
        for person, version in zip(event.host_ids, event.host_versions, strict=True):
            assert len(event_streams[person]) == version
        assert len(event_streams[event.meeting_type_id]) == event.meeting_type_version


def test_reservations_are_those_of_the_log(filled_database: Database, event_streams: dict[Any, list[Event]]) -> None:
    expected: dict[tuple[Any, Any], tuple[datetime, datetime]] = {}
    for id, events in event_streams.items():
        token = load_aggregate(id, events)
        if isinstance(token, Token) and token.booked_event and token.meeting and not token.cancelled:
            for host in token.booked_event.host_ids:
                expected[id, host] = (token.meeting.held_from, token.meeting.held_until)
    rows = filled_database.fetch_rows(
        "SELECT booking_id, host_id, lower(during) AS a, upper(during) AS b FROM {schema}.reservations"
    )
    assert {(row["booking_id"], row["host_id"]): (row["a"], row["b"]) for row in rows} == expected


def test_personal_details_are_those_that_the_log_speaks_of(
    filled_database: Database, event_streams: dict[Any, list[Event]]
) -> None:
    rows = filled_database.fetch_rows("SELECT id, stream_id, salt, data FROM {schema}.personal_details")
    expected = {
        event.details_id: (event.originator_id, event.details_digest)  # type: ignore[attr-defined]
        for events in event_streams.values()
        for event in events
        if getattr(event, "details_id", None)
    }
    assert {row["id"]: (row["stream_id"], compute_digest(row["data"], bytes(row["salt"]))) for row in rows} == expected
    assert len(expected) > 2_000


def test_claims_are_those_of_the_log(filled_database: Database) -> None:
    claims = {
        (row["kind"], row["value"]) for row in filled_database.fetch_rows("SELECT kind, value FROM {schema}.claims")
    }
    assert {("slug", "link-3"), ("slug", "managed-0"), ("email", "person0@nexora.example")} <= claims
    first = filled_database.fetch_rows(
        "SELECT count(*) AS n FROM {schema}.events WHERE type ~ '^(PersonAdded|LinkC|ManagedLinkC)'"
    )
    assert len(claims) == first[0]["n"]


def test_all_read_models_can_be_built_from_it(filled_database: Database) -> None:
    assert len(live_tables.ensure_tables(filled_database)) == len(READ_MODELS)
    assert list(find_differences(filled_database)) == []


def test_personal_details_can_be_left_out(database: Database, superuser_url: str) -> None:
    fill_log(superuser_url, EVENTS, database.schema, details=False)
    assert database.fetch_rows("SELECT FROM {schema}.personal_details") == []
    assert {getattr(event, "details_id", None) for events in load_streams(database).values() for event in events} == {
        None
    }


def test_a_log_that_is_not_empty_is_left_alone(filled_database: Database, superuser_url: str) -> None:
    with pytest.raises(AssertionError, match="empty"):
        fill_log(superuser_url, EVENTS, filled_database.schema)
