"""Queries of the past use an index and read no more of the log than needed: on 20,000 tokens."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from projections import links, meeting_log, single_use_links
from projections.catalogue import READ_MODELS
from projections.queries.query import QuerySource, build_query, compile_statement
from replay import instants
from replay.history import event_history
from replay.history.event_history import HistoryFilters
from replay.instants import find_last_position
from store.database import Database
from store.schema import migrate_schema

TOKENS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLE = f"""
CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT md5(kind || n)::uuid $$;
INSERT INTO {{schema}}.events (recorded_at, stream_id, version, type, data)
SELECT timestamptz '2026-01-01Z', pg_temp.id(kind, n), 1, type, jsonb_build_object('name', kind || n,
    'occurred_at', timestamptz '2026-01-01Z', 'actor', jsonb_build_object('kind', 'system', 'id', null),
    'request_id', 'r', 'source', 'web', 'kind', 'standard', 'slug', kind || n, 'owner_id', pg_temp.id('person', n % 9),
    'meeting_type_id', pg_temp.id('type', n % 9), 'co_host_ids', '[]'::jsonb, 'duration_minutes', 30, 'email', 'e' || n,
    'time_zone', 'UTC', 'roles', '[]'::jsonb, 'weekly_hours', '[]'::jsonb, 'date_overrides', '[]'::jsonb)
FROM (VALUES ('person', 'PersonAdded.v1'), ('type', 'MeetingTypeCreated.v1'), ('link', 'LinkCreated.v1'))
    AS thing (kind, type), generate_series(0, 999) AS n WHERE kind = 'link' OR n < 9;
INSERT INTO {{schema}}.events (recorded_at, stream_id, version, type, data)
SELECT timestamptz '2026-01-01Z' + n * interval '1 minute', pg_temp.id('token', n), v, t, jsonb_build_object(
    'occurred_at', timestamptz '2026-01-01Z' + n * interval '1 minute', 'request_id', 'r', 'source', 'web',
    'actor', jsonb_build_object('kind', CASE v WHEN 1 THEN 'person' ELSE 'guest' END,
        'id', CASE v WHEN 1 THEN pg_temp.id('person', n % 9) END), 'details_id', pg_temp.id('details', n),
    'link_id', pg_temp.id('link', n % 1000), 'issued_by', pg_temp.id('person', n % 9), 'link_kind', 'standard',
    'meeting_type_id', pg_temp.id('type', n % 9), 'starts_at', timestamptz '2026-03-01Z' + n * interval '1 hour',
    'ends_at', timestamptz '2026-03-01Z' + n * interval '1 hour', 'cancelled_by', 'guest',
    'host_ids', jsonb_build_array(pg_temp.id('person', n % 9)))
FROM generate_series(1, {TOKENS}) AS n, LATERAL (VALUES (1, 'SingleUseIssued.v1'), (2, 'MeetingBooked.v1'),
    (3, CASE WHEN n % 1000 = 0 THEN 'MeetingCancelled.v1' END)) AS happened(v, t) WHERE t IS NOT NULL;
UPDATE {{schema}}.follower SET position = (SELECT max(position) FROM {{schema}}.events);
"""


@pytest.fixture(scope="module")
def log(superuser_url: str) -> Iterator[Database]:
    """A log of 41,000 events."""
    schema = f"plans{uuid4().hex[:8]}"
    migrate_schema(superuser_url, schema)
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(compile_statement(schema, f"{schema}_reporting", SAMPLE))
        connection.execute(f"VACUUM ANALYZE {schema}.events")
    database = Database(superuser_url, schema).open()
    yield database
    database.close()
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {schema}, {schema}_reporting CASCADE")


@dataclass
class PlanRecorder:
    """The plans of executed statements, with the rows that were really read."""

    plans: list[dict[str, Any]] = field(default_factory=list)

    def record_plan(self, database: Database, text: Any, params: Any) -> None:
        """Execute a statement with EXPLAIN ANALYZE and keep its plan."""
        statement = b"EXPLAIN (ANALYZE, FORMAT JSON) " + (text if isinstance(text, bytes) else text.as_bytes(None))
        with psycopg.connect(database.url, row_factory=dict_row, options="-c timezone=UTC") as connection:
            row = connection.execute(statement, params).fetchone()
        assert row is not None
        self.plans.append(row["QUERY PLAN"][0]["Plan"])

    def list_scans(self, table: str = "events") -> list[dict[str, Any]]:
        """List the scans of a table."""
        return [node for plan in self.plans for node in iterate_nodes(plan) if node.get("Relation Name") == table]

    @property
    def rows_read(self) -> int:
        """How many events were read, including those that a filter then removed."""
        removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        return int(sum((node["Actual Rows"] + sum(node.get(name, 0) for name in removed)) * node["Actual Loops"]
                       for node in self.list_scans()))  # fmt: skip


def iterate_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Iterate over a plan's nodes, inner ones too."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from iterate_nodes(inner)


@pytest.fixture
def plan_recorder(log: Database, monkeypatch: pytest.MonkeyPatch) -> PlanRecorder:
    """Records every statement on connections of the log's pool that reads events."""
    recorder = PlanRecorder()
    execute = psycopg.Connection.execute

    def explain_and_execute(self: Any, query: Any, params: Any = None, **extra: Any) -> Any:
        text = query if isinstance(query, bytes) else getattr(query, "as_bytes", lambda _: b"")(None)
        if b"EXPLAIN" not in text and b'."events"' in text.replace(b".events", b'."events"'):
            recorder.record_plan(log, text, params)
        return execute(self, query, params, **extra)

    monkeypatch.setattr(psycopg.Connection, "execute", explain_and_execute)
    return recorder


def derive_id(kind: str, number: int) -> UUID:
    """Derive the id of an object of the sample."""
    return UUID(hashlib.md5(f"{kind}{number}".encode()).hexdigest())


MIDDLE = START + timedelta(minutes=TOKENS // 2 + 1)
HISTORY_CASES: dict[str, tuple[HistoryFilters, int]] = {
    "nothing": (HistoryFilters(), 50),
    "after": (HistoryFilters(after=30_000), 50),
    "until": (HistoryFilters(until_position=30_000), 50),
    "a rare name": (HistoryFilters(type="MeetingCancelled"), 20),
    "a name and version": (HistoryFilters(type="MeetingTypeCreated.v1"), 9),
    "a common name": (HistoryFilters(type="MeetingBooked"), 50),
    "a name from the middle": (HistoryFilters(type="MeetingCancelled", after=30_000), 6),
    "a name that never happened": (HistoryFilters(type="LinkDisabled"), 0),
    "a stream": (HistoryFilters(stream_id=derive_id("token", 1000)), 3),
    "a person": (HistoryFilters(actor=str(derive_id("person", 7))), 50),
    "nobody": (HistoryFilters(actor=str(derive_id("person", 7777))), 0),
    "guests": (HistoryFilters(actor="guest"), 50),
    "people": (HistoryFilters(actor="person"), 50),
    "the system": (HistoryFilters(actor="system", after=500), 50),
    "from": (HistoryFilters(recorded_from=MIDDLE), 50),
    "to": (HistoryFilters(recorded_to=START + timedelta(minutes=1)), 50),
    "ten minutes": (HistoryFilters(recorded_from=MIDDLE, recorded_to=MIDDLE + timedelta(minutes=10)), 20),
}


@pytest.mark.parametrize("sort", ["position", "-position"])
@pytest.mark.parametrize("name", HISTORY_CASES)
def test_no_page_of_the_history_reads_all_of_it(
    log: Database, plan_recorder: PlanRecorder, name: str, sort: str
) -> None:
    filters, expected = HISTORY_CASES[name]
    page = event_history.list_events(log, filters, sort, limit=50)
    assert len(page.items) == expected
    assert "Seq Scan" not in {node["Node Type"] for node in plan_recorder.list_scans()}
    assert len(plan_recorder.plans) >= 1
    if name == "people" and sort == "position":
        return  # those who only asked for links come first: it walks past the system's events
    assert plan_recorder.rows_read < 6_000, [
        (node["Node Type"], node["Actual Rows"], node.get("Index Cond")) for node in plan_recorder.list_scans()
    ]


def test_one_stream_reads_only_itself_and_names(log: Database, plan_recorder: PlanRecorder) -> None:
    page = event_history.list_stream_events(log, derive_id("token", 1000))
    assert page is not None
    assert len(page.items) == 3
    assert 0 < plan_recorder.rows_read < 60


@pytest.mark.parametrize("minutes", [1, TOKENS // 2, TOKENS - 1])
def test_an_instant_is_found_without_reading_the_log(log: Database, plan_recorder: PlanRecorder, minutes: int) -> None:
    position = find_last_position(log, START + timedelta(minutes=minutes), 1018 + 2 * TOKENS + TOKENS // 1000)
    expected_rows = log.fetch_rows(
        "SELECT max(position) AS at FROM {schema}.events WHERE recorded_at <= %s", (START + timedelta(minutes=minutes),)
    )
    assert position == expected_rows[0]["at"]
    first_plan = PlanRecorder(plan_recorder.plans[:1])
    assert "Seq Scan" not in {node["Node Type"] for node in first_plan.list_scans()}
    assert first_plan.rows_read < 2_500  # wherever the instant lies


@dataclass(frozen=True)
class PlanRecordingSource(QuerySource):
    """A source that records the plan of each query."""

    recorder: PlanRecorder = field(default_factory=PlanRecorder)

    def _fetch_rows(self, query: str, params: Mapping[str, Any], prepare: bool | None) -> list[DictRow]:
        text = compile_statement(self.db.schema, self.db.reporting, build_query(query, self.resolve_tables(query)))
        self.recorder.record_plan(self.db, text, {**params, "log_until": self.until})
        return super()._fetch_rows(query, params, prepare)


@pytest.mark.parametrize("until", [1018 + TOKENS, 1018 + 2 * TOKENS])
def test_one_thing_as_of_reads_its_own_streams_only(log: Database, until: int) -> None:
    token = derive_id("token", 1000)
    for run_query, max_rows in (
        (lambda source: meeting_log.find_meeting(source, token), 20),
        (lambda source: single_use_links.find_single_use_link(source, token, START), 20),
        # the link counts its own single-use links: 20 of 20,000
        (lambda source: links.find_link(source, derive_id("link", 42), START), 20 * 8),
    ):
        source = PlanRecordingSource(log, READ_MODELS, reads_log=True, until=until)
        assert run_query(source) is not None
        assert 0 < source.recorder.rows_read < max_rows
        assert "Seq Scan" not in {node["Node Type"] for node in source.recorder.list_scans()}


def test_the_sample_is_what_it_says(log: Database) -> None:
    assert (
        log.fetch_rows("SELECT count(*) AS events FROM {schema}.events")[0]["events"]
        == 1018 + 2 * TOKENS + TOKENS // 1000
    )
    assert instants.read_first_event(log)[0] == 1
