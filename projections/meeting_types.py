"""Meeting types: their read model, and its queries."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from typing_extensions import TypedDict

from domain.meeting_type import MeetingTypeProperties
from projections.column_kinds import Column, Hidden
from projections.columns import Columns
from projections.days_off import LIMITS, LimitsRow
from projections.queries.pagination import Page, Sort
from projections.queries.query import Listing, QuerySource, WhereClause
from projections.queries.word_search import match_own_words
from projections.questions import QuestionRow
from projections.read_model import FIRST_TIME, LAST_TIME, ReadModel, select_last_payload

DEFAULT_REMINDERS = f"'{list(MeetingTypeProperties.model_fields['reminders_minutes'].default)}'::jsonb"


class FollowUpRow(TypedDict):
    """A mail to the guest, so many minutes after the end of the meeting."""

    after_minutes: int
    message: str


class MeetingTypeRow(TypedDict):
    """A meeting type, as the API answers; durations in minutes, the window in days."""

    id: Annotated[UUID, Column("stream_id", "meeting_type_id")]
    name: Annotated[str, Column("payload ->> 'name'")]
    description: Annotated[str | None, Column("payload ->> 'description'")]
    duration_minutes: Annotated[int, Column("(payload ->> 'duration_minutes')::int")]
    location: Annotated[str | None, Column("payload ->> 'location'")]
    buffer_before_minutes: Annotated[int, Column("coalesce((payload ->> 'buffer_before_minutes')::int, 0)")]
    buffer_after_minutes: Annotated[int, Column("coalesce((payload ->> 'buffer_after_minutes')::int, 0)")]
    minimum_notice_minutes: Annotated[int, Column("coalesce((payload ->> 'minimum_notice_minutes')::int, 0)")]
    booking_window_days: Annotated[int, Column("coalesce((payload ->> 'booking_window_days')::int, 60)")]
    slot_step_minutes: Annotated[
        int, Column("coalesce((payload ->> 'slot_step_minutes')::int, (payload ->> 'duration_minutes')::int)")
    ]
    reminders_minutes: Annotated[list[int], Column(f"coalesce(payload -> 'reminders_minutes', {DEFAULT_REMINDERS})")]
    follow_up: Annotated[FollowUpRow | None, Column("nullif(payload -> 'follow_up', 'null')")]
    limits: Annotated[LimitsRow, Column(LIMITS)]
    questions: Annotated[list[QuestionRow], Column("coalesce(payload -> 'questions', '[]')")]
    version: Annotated[int, Column("version")]


class FullMeetingTypeRow(MeetingTypeRow):
    """A meeting type with what the API does not show of it."""

    created_at: Annotated[datetime, Column("created_at", before="version")]
    updated_at: Annotated[datetime, Column("updated_at", before="version")]


WORDS = Hidden("words", "tsvector NOT NULL", "{schema}.words(payload ->> 'name')")
COLUMNS = Columns(FullMeetingTypeRow, alias="t", key="meeting_type_id", hidden=(WORDS,))

MEETING_TYPES = ReadModel(
    name="meeting_types",
    version=5,
    key="meeting_type_id",
    table=COLUMNS.table,
    indexes=("(created_at, meeting_type_id)", "({schema}.fold_text(name), meeting_type_id)", "USING gin (words)"),
    rows=f"""
        SELECT {COLUMNS.fold}
        FROM (
            SELECT stream_id, max(version) AS version, {FIRST_TIME} AS created_at, {LAST_TIME} AS updated_at,
                   {select_last_payload("MeetingTypeCreated", "MeetingTypeUpdated")} AS payload
            FROM {{log}} AS log
            GROUP BY stream_id
        ) AS meeting_type
    """,
    events=("MeetingTypeCreated", "MeetingTypeUpdated"),
)

LISTING = Listing(
    columns=COLUMNS.select,
    relation="meeting_types AS t",
    key="t.meeting_type_id",
    sorts={"created_at": Sort("t.created_at", "timestamptz"), "name": Sort("{schema}.fold_text(t.name)", "text")},
    to_row=COLUMNS.read_row,
)


def find_meeting_type(source: QuerySource, id: UUID) -> FullMeetingTypeRow | None:
    """A meeting type; None when there is none."""
    return LISTING.find_by_id(source, id)


def find_longest_window(source: QuerySource) -> int:
    """The longest booking window of all meeting types, in days; 0 without any."""
    [row] = source.fetch_rows("SELECT coalesce(max(booking_window_days), 0) AS days FROM meeting_types", {})
    return int(row["days"])


def list_meeting_types(
    source: QuerySource, q: str | None = None, sort: str = "-created_at", limit: int = 50, cursor: str | None = None
) -> Page[FullMeetingTypeRow]:
    """One page of meeting types, newest first; `q` is a word prefix over the name. Raises Invalid."""
    return LISTING.fetch_page(
        source, WhereClause.from_filters({"q": match_own_words("t.words")}, {"q": q}), sort, limit, cursor
    )
