"""Every page reads an index, and single rows from the log read the log's index: on 100,000 meetings."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import DictRow

from domain.offer import build_days_interval
from projections import links, meeting_log, single_use_links, usage
from projections.catalogue import READ_MODELS, from_live_tables, from_log
from projections.meeting_log import MeetingFilters
from projections.outbox import OUTBOX
from projections.queries.query import QuerySource, build_query, compile_statement
from projections.rebuild import live_tables
from projections.single_use_links import SingleUseFilters
from projections.usage import GroupBy, UsageFilters
from store.database import Database
from store.reader import COUNT_ERASED_DETAILS, SELECT_DETAILS_BY_ADDRESS
from store.schema import migrate_schema

MEETINGS = 100_000
START = datetime(2026, 1, 1, tzinfo=UTC)
COMMON = "'occurred_at', {at}, 'actor', jsonb_build_object('kind', 'system'), 'request_id', 'r', 'source', 'web'"
AT = "timestamptz '2026-01-01Z' + n * interval '1 minute'"

SAMPLE = f"""
CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT md5(kind || n)::uuid $$;
INSERT INTO {{schema}}.events (stream_id, version, type, data)
SELECT pg_temp.id('person', n), 1, 'PersonAdded.v1', jsonb_build_object({COMMON.format(at=AT)},
    'name', 'Person ' || n, 'email', n || '@example.com', 'time_zone', 'UTC', 'roles', '[]'::jsonb,
    'weekly_hours', '[]'::jsonb,
    'date_overrides', '[]'::jsonb) FROM generate_series(0, 49) AS n;
INSERT INTO {{schema}}.events (stream_id, version, type, data)
SELECT pg_temp.id('type', n), 1, 'MeetingTypeCreated.v1', jsonb_build_object({COMMON.format(at=AT)},
    'name', 'Type ' || n, 'duration_minutes', 30) FROM generate_series(0, 9) AS n;
INSERT INTO {{schema}}.events (stream_id, version, type, data)
SELECT pg_temp.id('link', n), 1, 'LinkCreated.v1', jsonb_build_object({COMMON.format(at=AT)}, 'kind', 'standard',
    'name', 'Topic' || n || ' call', 'slug', 'l' || n, 'owner_id', pg_temp.id('person', n % 50),
    'co_host_ids', '[]'::jsonb, 'meeting_type_id', pg_temp.id('type', n % 10)) FROM generate_series(0, 199) AS n;
INSERT INTO {{schema}}.events (stream_id, version, type, data)
SELECT pg_temp.id('token', n), v, t, jsonb_build_object({COMMON.format(at=AT)},
    'link_id', pg_temp.id('link', n % 200)) || CASE t
    WHEN 'SingleUseIssued.v1' THEN jsonb_build_object('issued_by', pg_temp.id('person', n % 50))
    WHEN 'MeetingBooked.v1' THEN jsonb_build_object('link_kind', 'standard', 'details_id', pg_temp.id('details', n),
        'meeting_type_id', pg_temp.id('type', n % 10), 'starts_at', {AT} + (n * 7919 % 1000) * interval '1 hour',
        'ends_at', {AT} + (n * 7919 % 1000 + 1) * interval '1 hour',
        'host_ids', jsonb_build_array(pg_temp.id('person', n % 50), pg_temp.id('person', (n + 1) % 50)))
    ELSE jsonb_build_object('cancelled_by', 'guest') END
FROM generate_series(1, {MEETINGS}) AS n,
    LATERAL (VALUES (1, CASE WHEN n % 2 = 0 THEN 'SingleUseIssued.v1' ELSE 'DirectIssued.v1' END),
        (2, 'MeetingBooked.v1'), (3, CASE WHEN n % 50 = 0 THEN 'MeetingCancelled.v1' END)) AS happened(v, t)
WHERE t IS NOT NULL;
INSERT INTO {{schema}}.personal_details (id, stream_id, salt, data, words)
SELECT pg_temp.id('details', n), pg_temp.id('token', n), '', jsonb_build_object('guest', jsonb_build_object('name',
    'Guest Number' || n)), {{schema}}.words('Guest Number' || n || ' g' || n || '@example.com')
FROM generate_series(1, {MEETINGS}) AS n;
UPDATE {{schema}}.follower SET position = (SELECT max(position) FROM {{schema}}.events);
ANALYZE {{schema}}.events;
"""


@pytest.fixture(scope="module")
def sample(owner_url: str) -> Iterator[Database]:
    """200,000 events and more of 100,000 meetings, live."""
    migrate_schema(owner_url, "sample")
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(compile_statement("sample", "sample_reporting", SAMPLE))
        connection.execute("VACUUM ANALYZE sample.personal_details")
    database = Database(owner_url, "sample").open()
    live_tables.ensure_tables(
        database, [model for model in READ_MODELS if model is not OUTBOX]
    )  # of which nothing is asked
    yield database
    database.close()


@dataclass(frozen=True)
class ExplainingSource(QuerySource):
    """A source that records the plan of each query."""

    plans: list[dict[str, Any]] = field(default_factory=list)

    def _fetch_rows(self, query: str, params: Mapping[str, Any], prepare: bool | None) -> list[DictRow]:
        text = compile_statement(
            self.db.schema, self.db.reporting, f"EXPLAIN (FORMAT JSON) {build_query(query, self.resolve_tables(query))}"
        )
        with self.db.acquire_connection() as connection:
            row = connection.execute(text, {**params, "log_until": self.until}, prepare=False).fetchone()
        assert row is not None
        self.plans.append(row["QUERY PLAN"][0]["Plan"])
        return super()._fetch_rows(query, params, prepare)


def iterate_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Iterate over a plan's nodes, inner ones too."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from iterate_nodes(inner)


def list_scans(source: ExplainingSource) -> list[tuple[str, str]]:
    """List how each table was read, in all plans, as (table, node type)."""
    plan_nodes = (node for plan in source.plans for node in iterate_nodes(plan))
    return [(node["Relation Name"], node["Node Type"]) for node in plan_nodes if "Relation Name" in node]


def build_source(database: Database) -> ExplainingSource:
    return ExplainingSource(database, READ_MODELS)


def derive_id(database: Database, kind: str, number: int) -> UUID:
    """Derive the id of an object of the sample."""
    id: UUID = database.fetch_rows("SELECT md5(%s || %s::bigint)::uuid AS id", (kind, number))[0]["id"]
    return id


FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "link_type": {"link_type": "single_use"},
    "hide_single_use": {"hide_single_use": True},
    "status": {"status": "cancelled"},
    "status of all": {"status": "scheduled"},
    "status of none": {"status": "rescheduled"},
    "host_id": {"host_id": ("person", 7)},
    "link_id": {"link_id": ("link", 7)},
    "meeting_type_id": {"meeting_type_id": ("type", 7)},
    "q, rare": {"q": "number77"},
    "q, one": {"q": "g4242@exam"},
    "q, all": {"q": "guest"},
    "q, link": {"q": "topic17"},
    "q, all links": {"q": "call"},
    "q, two words": {"q": "guest topic3"},
    "q, none": {"q": "nobody"},
    "booked_from": {"booked_from": START + timedelta(days=69)},
    "booked_to": {"booked_to": START + timedelta(days=1)},
    "starts_from": {"starts_from": START + timedelta(days=1)},
    "starts_to": {"starts_to": START + timedelta(days=1)},
    "visible_to": {"visible_to": ("person", 7)},
    "visible_to nobody": {"visible_to": ("person", 7777)},
}


def has_rare_words(name: str) -> bool:
    """Return whether a filter's words are rare, so that the lookup must not read all personal details."""
    return name in {"q, rare", "q, one", "q, none", "q, link"}


@pytest.mark.parametrize("sort", ["booked_at", "-booked_at", "starts_at", "-starts_at"])
@pytest.mark.parametrize("name", FILTERS)
def test_no_page_of_the_meeting_log_reads_all_of_it(sample: Database, name: str, sort: str) -> None:
    filter_values = {
        key: derive_id(sample, *value) if isinstance(value, tuple) else value for key, value in FILTERS[name].items()
    }
    source = build_source(sample)
    page = meeting_log.list_meetings(source, MeetingFilters(**filter_values), sort)
    if page.next_cursor:
        meeting_log.list_meetings(source, MeetingFilters(**filter_values), sort, cursor=page.next_cursor)
    scan_types = [scan_type for table, scan_type in list_scans(source) if table.startswith("meeting_log")]
    assert scan_types
    assert set(scan_types) <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    if has_rare_words(name):
        assert ("personal_details", "Seq Scan") not in list_scans(source)


@pytest.mark.parametrize("sort", ["issued_at", "-issued_at"])
@pytest.mark.parametrize(
    "filters",
    [{}, {"link_id": ("link", 6)}, {"issued_by": ("person", 6)}, {"visible_to": ("person", 6)}, {"status": "active"},
     {"status": "booked"}, {"status": "revoked"}, {"status": "expired"}, {"q": "topic16"}, {"q": "nobody"}],
    ids=str,
)  # fmt: skip
def test_no_page_of_single_use_links_reads_all_of_them(sample: Database, filters: dict[str, Any], sort: str) -> None:
    filter_values = {
        key: derive_id(sample, *value) if isinstance(value, tuple) else value for key, value in filters.items()
    }
    source = build_source(sample)
    single_use_links.list_single_use_links(source, datetime.now(UTC), SingleUseFilters(**filter_values), sort)
    scan_types = [scan_type for table, scan_type in list_scans(source) if table.startswith("single_use_links")]
    assert scan_types
    assert "Seq Scan" not in scan_types


@pytest.mark.parametrize("until", [None, 150_000])
def test_one_thing_from_the_log_reads_only_its_streams(sample: Database, until: int | None) -> None:
    source = ExplainingSource(sample, READ_MODELS, reads_log=True, until=until)
    now = datetime.now(UTC)
    token = derive_id(sample, "token", 4242)
    assert meeting_log.find_meeting(source, token) is not None
    assert single_use_links.find_single_use_link(source, token, now) is not None
    assert (
        len(
            single_use_links.find_single_use_links(
                source, [derive_id(sample, "token", 2 * n) for n in range(1, 101)], now
            )
        )
        == 100
    )
    assert links.find_link(source, derive_id(sample, "link", 42), now) is not None
    scan_types = [scan_type for table, scan_type in list_scans(source) if table == "events"]
    assert scan_types
    assert "Seq Scan" not in scan_types


def test_one_thing_from_the_log_is_quick(sample: Database) -> None:
    token = derive_id(sample, "token", 4242)
    seconds = []
    for _ in range(20):
        started_at = time.perf_counter()
        meeting_log.find_meeting(from_log(sample), token)
        seconds.append(time.perf_counter() - started_at)
    assert sorted(seconds)[10] < 0.05
    assert meeting_log.find_meeting(from_log(sample), token) == meeting_log.find_meeting(
        from_live_tables(sample), token
    )


def test_a_batch_of_meetings_from_the_log_reads_only_their_streams(sample: Database) -> None:
    """What an export does again and again."""
    source = ExplainingSource(sample, READ_MODELS, reads_log=True, until=150_000)
    ids = [derive_id(sample, "token", n) for n in range(1, 501)]
    assert len(meeting_log.find_meetings(source, ids)) == 500
    assert "Seq Scan" not in [scan_type for table, scan_type in list_scans(source) if table == "events"]


@pytest.mark.parametrize(
    ("question", "params"),
    [(SELECT_DETAILS_BY_ADDRESS, {"email": "a@b.example", "most": 200}), (COUNT_ERASED_DETAILS, (str(UUID(int=1)),))],
    ids=["details of an address", "what an erasure erased"],
)
def test_erasing_finds_by_index(sample: Database, question: str, params: Any) -> None:
    rows = sample.fetch_rows(f"EXPLAIN {question}", params)
    plan = "\n".join(row["QUERY PLAN"] for row in rows)
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("by", ["day", "link", "issuer", "meeting_type", "source"])
def test_usage_reads_its_period_alone_and_a_year_of_it_in_a_moment(sample: Database, by: GroupBy) -> None:
    now = datetime.now(UTC)
    source = build_source(sample)
    usage.list_usage(source, now, by, build_usage_filters(3))
    scan_types = {
        scan_type for table, scan_type in list_scans(source) if table.startswith(("meeting_log", "single_use_links"))
    }
    assert scan_types
    # what became of each link, and what it was issued by, may cost a hash of all
    assert by in ("meeting_type", "source") or "Seq Scan" not in scan_types
    started_at = time.perf_counter()
    rows = usage.list_usage(from_live_tables(sample), now, by, build_usage_filters(366), 200).items
    assert time.perf_counter() - started_at < 5
    assert sum(row["booked"] for row in rows) == MEETINGS


def build_usage_filters(count: int) -> UsageFilters:
    """Build filters for this many days of the sample, which has 1,440 meetings on each."""
    days = [START.date() + timedelta(days=n) for n in range(count)]
    starts = [build_days_interval(day, day, "UTC").start for day in days]
    return UsageFilters(days, starts, build_days_interval(days[-1], days[-1], "UTC").end)
