"""Meeting types: their read model, and its queries."""

from datetime import datetime
from typing import TypedDict, cast
from uuid import UUID

from psycopg.rows import DictRow

from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_own_words
from projections.read_model import FIRST_TIME, LAST_TIME, ReadModel, select_last_payload

MEETING_TYPES = ReadModel(
    name="meeting_types",
    version=1,
    key="meeting_type_id",
    table="""
        meeting_type_id uuid PRIMARY KEY,
        name text NOT NULL,
        description text,
        duration_minutes int NOT NULL,
        location text,
        buffer_before_minutes int NOT NULL,
        buffer_after_minutes int NOT NULL,
        minimum_notice_minutes int NOT NULL,
        booking_window_days int NOT NULL,
        slot_step_minutes int NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        version int NOT NULL,
        words tsvector NOT NULL
    """,
    indexes=("(created_at, meeting_type_id)", "(lower(name), meeting_type_id)", "USING gin (words)"),
    rows=f"""
        SELECT stream_id AS meeting_type_id, told ->> 'name' AS name, told ->> 'description' AS description,
               (told ->> 'duration_minutes')::int AS duration_minutes, told ->> 'location' AS location,
               coalesce((told ->> 'buffer_before_minutes')::int, 0) AS buffer_before_minutes,
               coalesce((told ->> 'buffer_after_minutes')::int, 0) AS buffer_after_minutes,
               coalesce((told ->> 'minimum_notice_minutes')::int, 0) AS minimum_notice_minutes,
               coalesce((told ->> 'booking_window_days')::int, 60) AS booking_window_days,
               coalesce((told ->> 'slot_step_minutes')::int, (told ->> 'duration_minutes')::int) AS slot_step_minutes,
               created_at, updated_at, version, {{schema}}.words(told ->> 'name') AS words
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("MeetingTypeCreated", "MeetingTypeUpdated")} AS told
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS meeting_type
    """,
    events=("MeetingTypeCreated", "MeetingTypeUpdated"),
)


class MeetingTypeRow(TypedDict):
    """A meeting type, as the API answers."""

    id: UUID
    name: str
    description: str | None
    duration_minutes: int
    location: str | None
    buffer_before_minutes: int
    buffer_after_minutes: int
    minimum_notice_minutes: int
    booking_window_days: int
    slot_step_minutes: int
    created_at: datetime
    updated_at: datetime
    version: int


def to_meeting_type_row(record: DictRow) -> MeetingTypeRow:
    """A record as a row of the API."""
    return cast(MeetingTypeRow, record)


LISTING = Listing(
    columns="""t.meeting_type_id AS id, t.name, t.description, t.duration_minutes, t.location, t.buffer_before_minutes,
        t.buffer_after_minutes, t.minimum_notice_minutes, t.booking_window_days, t.slot_step_minutes, t.created_at,
        t.updated_at, t.version""",
    relation="meeting_types AS t",
    key="t.meeting_type_id",
    sorts={"created_at": Sort("t.created_at", "timestamptz"), "name": Sort("lower(t.name)", "text")},
    to_row=to_meeting_type_row,
)


def find_meeting_type(source: QuerySource, id: UUID) -> MeetingTypeRow | None:
    """A meeting type; None when there is none."""
    return LISTING.find_row(source, "t.meeting_type_id = %(id)s", {"id": id})


def find_longest_window(source: QuerySource) -> int:
    """The longest booking window of all meeting types, in days; 0 without any."""
    [row] = source.fetch_rows("SELECT coalesce(max(booking_window_days), 0) AS days FROM meeting_types", {})
    return int(row["days"])


def list_meeting_types(
    source: QuerySource, q: str | None = None, sort: str = "-created_at", limit: int = 50, cursor: str | None = None
) -> Page[MeetingTypeRow]:
    """One page of meeting types, newest first; `q` is a word prefix over the name. Raises Invalid."""
    return LISTING.fetch_page(
        source, WhereClause.from_filters({"q": match_own_words("t.words")}, {"q": q}), sort, limit, cursor
    )
