"""A log from an earlier day: it must load, and project to the same rows, for ever.

A golden log is never edited. A new version of an event gets lines of its own, in a log of its own, and the rows of
its new streams a file of their own. A read model may gain fields, which these rows do not have.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from pydantic_core import to_jsonable_python

from domain.commands.command_application import AGGREGATE_CLASSES
from domain.event import Event
from projections import catalogue, links, managed_links, meeting_log, meeting_types, people, single_use_links
from projections.links import LinkFilters
from projections.managed_links import ManagedLinkFilters
from projections.meeting_log import MeetingFilters
from projections.rebuild import live_tables
from projections.single_use_links import SingleUseFilters
from store.database import Database

GOLDEN = Path(__file__).parent / "golden"
# each continues the one before
LOGS = (
    "log.jsonl",
    "erasure.jsonl",
    "reassigning.jsonl",
    "mail.jsonl",
    "conflict.jsonl",
    "calendar.jsonl",
    "messages.jsonl",
    "managed.jsonl",
    "invitation.jsonl",
    "second_versions.jsonl",
    "organisation.jsonl",
    "link_request.jsonl",
    "teams.jsonl",
    "reminders.jsonl",
    "choices.jsonl",
    "sent_links.jsonl",
)
ROWS = ("rows.json", "second_versions_rows.json", "reminders_rows.json", "choices_rows.json", "sent_links_rows.json")
LINES = [json.loads(line) for log in LOGS for line in (GOLDEN / log).read_text(encoding="utf-8").splitlines()]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
INSERT = """INSERT INTO {schema}.events (position, stream_id, version, type, data)
    OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s)"""


def test_has_every_event_that_there_is() -> None:
    assert {line["type"] for line in LINES} == set(Event.catalogue)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['position']}-{line['type']}")
def test_loads_and_says_the_same_again(line: dict[str, Any]) -> None:
    event = Event.from_stored(line["stream_id"], line["version"], line["type"], line["data"])
    assert event.find_stored_name() == line["type"]
    assert event.to_data() == line["data"]


def test_folds_into_aggregates() -> None:
    streams: dict[str, list[Event]] = {}
    for line in LINES:
        event = Event.from_stored(line["stream_id"], line["version"], line["type"], line["data"])
        streams.setdefault(line["stream_id"], []).append(event)
    for events in streams.values():
        first = events[0]
        aggregate = AGGREGATE_CLASSES[type(first)](first.originator_id).copy_with_events(events)
        assert aggregate.version == len(events)


def test_projects_to_the_same_rows(database: Database, superuser_url: str) -> None:
    with psycopg.connect(superuser_url) as connection:
        for line in LINES:
            row = (line["position"], line["stream_id"], line["version"], line["type"], Jsonb(line["data"]))
            connection.execute(database.compose_query(INSERT), row)
        connection.execute(
            database.compose_query("UPDATE {schema}.follower SET position = %s"),
            (max(line["position"] for line in LINES),),
        )
    live_tables.ensure_tables(database)
    expected = load_expected_rows()
    for source in (catalogue.from_live_tables(database), catalogue.from_log(database)):
        assert keep_expected_fields(collect_rows(source), expected) == expected


def load_expected_rows() -> dict[str, Any]:
    """The rows of every read model, each with its fields, by id."""
    expected: dict[str, Any] = {}
    for name in ROWS:
        for model, rows in json.loads((GOLDEN / name).read_text(encoding="utf-8")).items():
            expected.setdefault(model, {}).update({find_row_id(row): row for row in rows})
    return expected


def keep_expected_fields(rows_by_model: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """All rows, by id, each without the fields that its expected row does not have."""
    return {
        model: {
            find_row_id(row): {name: row[name] for name in expected[model].get(find_row_id(row), row)} for row in rows
        }
        for model, rows in rows_by_model.items()
    }


def find_row_id(row: dict[str, Any]) -> str:
    """The id of a row, which the meeting log calls the id of its booking."""
    return str(row.get("id", row.get("booking_id")))


def collect_rows(source: Any) -> dict[str, Any]:
    """What every read model answers."""
    rows = {
        "people": people.list_people(source).items,
        "meeting_types": meeting_types.list_meeting_types(source).items,
        "managed_links": managed_links.list_managed_links(source, NOW, ManagedLinkFilters()).items,
        "deleted_managed_links": managed_links.list_managed_links(source, NOW, ManagedLinkFilters("deleted")).items,
        "links": links.list_links(source, NOW, LinkFilters()).items,
        "deleted_links": links.list_links(source, NOW, LinkFilters(status="deleted")).items,
        "single_use_links": single_use_links.list_single_use_links(source, NOW, SingleUseFilters()).items,
        "meeting_log": meeting_log.list_meetings(source, MeetingFilters()).items,
    }
    return json.loads(json.dumps(to_jsonable_python(rows)))  # type: ignore[no-any-return]
