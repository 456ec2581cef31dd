"""A log from an earlier day: it must load, and project to the same rows, for ever.

`golden/log.jsonl` is never edited. A new version of an event gets lines of its own, in a log of its own.
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
)
LINES = [json.loads(line) for log in LOGS for line in (GOLDEN / log).read_text(encoding="utf-8").splitlines()]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
INSERT = """INSERT INTO {schema}.events (position, stream_id, version, type, data)
    OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s)"""


def test_has_every_event_that_there_is() -> None:
    assert {line["type"] for line in LINES} == set(Event.catalogue)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['position']}-{line['type']}")
def test_loads_and_says_the_same_again(line: dict[str, Any]) -> None:
    event = Event.from_stored(line["stream_id"], line["version"], line["type"], line["data"])
    assert event.model_dump(mode="json") == line["data"]


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
    expected = json.loads((GOLDEN / "rows.json").read_text(encoding="utf-8"))
    assert collect_rows(catalogue.from_live_tables(database)) == expected
    assert collect_rows(catalogue.from_log(database)) == expected


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
