"""Usage: counts of what was issued and booked, by day, link, issuer, meeting type or source, over the read models.

Single-use links are counted by when they were issued (`issued`, and of these `issued_booked` and `expired_unused`,
whenever that came to be), meetings by when they were booked (`booked`, and of these `rescheduled`, `cancelled`,
`no_shows` and the median of hours from issue to booking, for those on single-use links). The source is where the
single-use link was issued, also for the meeting on it; a meeting on a core link has the source of its booking.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import DictRow
from typing_extensions import TypedDict

from domain.refusals import Invalid
from projections import links
from projections.queries.name_lookups import LINK, MEETING_TYPE, PERSON, Named, to_named_or_none
from projections.queries.pagination import MAX_ROWS, Page
from projections.queries.query import QuerySource, WhereClause

GroupBy = Literal["day", "link", "issuer", "meeting_type", "source"]
SOURCES = ("web", "api", "extension", "cli")

ISSUED = f"""SELECT s.issued_at AS at, s.link_id, s.issued_by AS issuer_id,
        coalesce(b.meeting_type_id, l.meeting_type_id) AS meeting_type_id, s.source,
        1 AS issued, (s.state = 'booked')::int AS issued_booked, 0 AS booked, 0 AS rescheduled,
        0 AS cancelled, 0 AS no_shows,
        ({links.SINGLE_USE_STATUS} = 'expired')::int AS expired_unused, NULL::float AS hours
    FROM single_use_links AS s
    LEFT JOIN links AS l ON l.link_id = s.link_id
    LEFT JOIN meeting_log AS b ON b.booking_id = s.single_use_id"""
BOOKED = """SELECT m.booked_at AS at, m.link_id, m.issued_by AS issuer_id, m.meeting_type_id,
        coalesce(i.source, m.source) AS source,
        0 AS issued, 0 AS issued_booked, 1 AS booked, (m.reschedule_count > 0)::int AS rescheduled,
        (m.status = 'cancelled')::int AS cancelled, (m.status = 'no_show')::int AS no_shows, 0 AS expired_unused,
        extract(epoch FROM m.booked_at - m.issued_at)::float / 3600 AS hours
    FROM meeting_log AS m
    LEFT JOIN single_use_links AS i ON i.single_use_id = m.booking_id"""
SUMS = """coalesce(sum(u.issued), 0)::int AS issued, coalesce(sum(u.booked), 0)::int AS booked,
    coalesce(sum(u.rescheduled), 0)::int AS rescheduled, coalesce(sum(u.cancelled), 0)::int AS cancelled,
    coalesce(sum(u.no_shows), 0)::int AS no_shows,
    coalesce(sum(u.expired_unused), 0)::int AS expired_unused,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY u.hours) AS median_hours_to_booking"""
ALL_SUMS = f"{SUMS}, coalesce(sum(u.issued_booked), 0)::int AS issued_booked"
PERIOD = "{at} >= (%(starts)s::timestamptz[])[1] AND {at} < %(until)s"
ISSUED_FILTERS = {
    "issued": PERIOD.format(at="s.issued_at"),
    "only_booked": "false",
    "source": "s.source = %(source)s",
    "visible_to": "(s.issued_by = %(visible_to)s OR s.link_id = ANY(%(owned_links)s))",
}
BOOKED_FILTERS = {
    "booked": PERIOD.format(at="m.booked_at"),
    "link_type": "m.link_type = %(link_type)s",
    "source": "coalesce(i.source, m.source) = %(source)s",
    "visible_to": "(m.host_ids @> ARRAY[%(visible_to)s::uuid] OR m.link_id = ANY(%(owned_links)s))",
}
# each group's key; days are numbered from 1, days without activity included
KEYS = {"link": "u.link_id", "issuer": "u.issuer_id", "meeting_type": "u.meeting_type_id", "source": "u.source"}
NAMES = {
    "link": LINK.look_up("g.id"),
    "issuer": PERSON.look_up("g.id"),
    "meeting_type": MEETING_TYPE.look_up("g.id"),
    "source": "to_jsonb(g.id)",
}
BY_DAY = """SELECT day.number AS rank, '' AS key, day.number, NULL::jsonb AS named, {sums}
    FROM generate_series(1, cardinality(%(starts)s::timestamptz[])) AS day(number)
    LEFT JOIN ({acts}) AS u ON width_bucket(u.at, %(starts)s::timestamptz[]) = day.number
    WHERE {beyond} GROUP BY day.number ORDER BY day.number LIMIT %(limit)s"""
# most booked first, then most issued
BY_THING = """SELECT g.rank, g.key, NULL::int AS number, {name} AS named,
        g.issued, g.issued_booked, g.booked, g.rescheduled, g.cancelled, g.no_shows, g.expired_unused,
        g.median_hours_to_booking
    FROM (
        SELECT {id} AS id, coalesce({id}::text, '') AS key,
            -(sum(u.booked) * 1000000000 + sum(u.issued)) AS rank, {sums}
        FROM ({acts}) AS u GROUP BY {id}
    ) AS g
    WHERE {beyond} ORDER BY g.rank, g.key LIMIT %(limit)s"""


class UsageRow(TypedDict):
    """The counts of one group.

    Of `day`, `link`, `issuer`, `meeting_type` and `source`, only the one grouped by is set.
    """

    day: date | None
    link: Named | None
    issuer: Named | None
    meeting_type: Named | None
    source: str | None
    issued: int
    issued_booked: int
    conversion_rate: float | None
    booked: int
    rescheduled: int
    cancelled: int
    no_shows: int
    expired_unused: int
    median_hours_to_booking: float | None


SUM_FIELDS = tuple(
    name for name in UsageRow.__annotations__ if name not in ("day", "link", "issuer", "meeting_type", "source")
)


@dataclass(frozen=True, slots=True)
class UsageFilters:
    """What is counted: the days, each with the instant at which it begins, up to an instant that is not included.

    `visible_to` keeps what that person sees in the lists: single-use links that they issued, meetings that they host
    or co-host, and everything of links that they own. Only single-use links are issued, so with another `link_type`
    the count of issued ones is 0.
    """

    days: Sequence[date]
    starts: Sequence[datetime]
    until: datetime
    link_type: str | None = None
    source: str | None = None
    visible_to: UUID | None = None


def list_usage(
    source: QuerySource,
    now: datetime,
    group_by: GroupBy,
    filters: UsageFilters,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[UsageRow]:
    """Usage by day, earliest first, or by something else, most booked first. Raises Invalid for a foreign cursor."""
    limit = max(1, min(limit, MAX_ROWS))
    params = (
        asdict(filters)
        | {"now": now, "limit": limit + 1, "starts": list(filters.starts)}
        | decode_cursor(group_by, cursor)
    )
    params["owned_links"] = links.list_owned_link_ids(source, filters.visible_to) if filters.visible_to else []
    rows = source.fetch_rows(build_usage_query(group_by, params, cursor is not None), params, prepare=False)
    next_cursor = encode_cursor(group_by, rows[limit - 1]) if len(rows) > limit else None
    return Page([to_usage_row(group_by, row, filters.days) for row in rows[:limit]], next_cursor)


def iterate_usage(source: QuerySource, now: datetime, group_by: GroupBy, filters: UsageFilters) -> Iterator[UsageRow]:
    """All rows, page by page, in the order of the list."""
    cursor = None
    while True:
        page = list_usage(source, now, group_by, filters, MAX_ROWS, cursor)
        yield from page.items
        if (cursor := page.next_cursor) is None:
            return


def build_usage_query(group_by: GroupBy, params: dict[str, Any], has_cursor: bool) -> str:
    """The query of one page; it reads one row more than the limit."""
    filter_values = params | {
        "issued": True,
        "booked": True,
        "only_booked": params["link_type"] not in (None, "single_use"),
    }
    issued_where, booked_where = (
        WhereClause.from_filters(ISSUED_FILTERS, filter_values),
        WhereClause.from_filters(BOOKED_FILTERS, filter_values),
    )
    activities = (
        f"{ISSUED} WHERE {join_conditions(issued_where)} UNION ALL {BOOKED} WHERE {join_conditions(booked_where)}"
    )
    if group_by == "day":
        return BY_DAY.format(
            sums=ALL_SUMS,
            acts=activities,
            beyond="day.number > %(after_rank)s" if has_cursor else "true",
        )
    after_condition = "(g.rank, g.key) > (%(after_rank)s, %(after_key)s)" if has_cursor else "true"
    return BY_THING.format(
        id=KEYS[group_by], name=NAMES[group_by], sums=ALL_SUMS, acts=activities, beyond=after_condition
    )


def join_conditions(where: WhereClause) -> str:
    """SQL: all conditions of a clause, joined by AND."""
    return " AND ".join(where.conditions)


def to_usage_row(group_by: GroupBy, row: DictRow, days: Sequence[date]) -> UsageRow:
    """A record as a row of the API."""
    group = {"day": None, "link": None, "issuer": None, "meeting_type": None, "source": None}
    group_value: date | str | Named | None = row["named"]
    if group_by == "day":
        group_value = days[row["number"] - 1]
    elif group_by != "source":
        group_value = to_named_or_none(row["named"])
    values = row | {"conversion_rate": compute_conversion_rate(row["issued"], row["issued_booked"])}
    sums = {name: values[name] for name in SUM_FIELDS}
    return {**group, group_by: group_value, **sums}  # type: ignore[typeddict-item]


def compute_conversion_rate(issued: int, issued_booked: int) -> float | None:
    """The share of issued single-use links that have been booked, from 0 to 1; None when none was issued."""
    return round(issued_booked / issued, 4) if issued else None


def encode_cursor(group_by: GroupBy, row: DictRow) -> str:
    """The cursor of the page after a record."""
    return urlsafe_b64encode(json.dumps([group_by, int(row["rank"]), row["key"]]).encode()).decode().rstrip("=")


def decode_cursor(group_by: GroupBy, cursor: str | None) -> dict[str, Any]:
    """The parameters of a cursor's page. Raises Invalid for a cursor that is malformed or of another grouping."""
    if cursor is None:
        return {}
    try:
        cursor_group_by, rank, key = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        if (
            cursor_group_by != group_by
            or type(rank) is not int
            or abs(rank) >= 1 << 62
            or not is_group_key(group_by, key)
        ):
            raise ValueError("of another list")
        return {"after_rank": rank, "after_key": key or ""}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid("cursor", "This cursor does not belong to this list.") from error


def is_group_key(group_by: GroupBy, key: Any) -> bool:
    """Whether a cursor's key is of this grouping.

    Raises ValueError, AttributeError or TypeError for a malformed key.
    """
    if group_by == "source":
        return key in SOURCES
    return not key or str(UUID(key)) == key


# the same, for analysts: one row for each link and day (UTC) with any activity
DAILY = f"""SELECT (u.at AT TIME ZONE 'UTC')::date AS day, u.link_id, n.name AS link_name, {SUMS},
        (sum(u.booked) FILTER (WHERE u.hours IS NOT NULL))::int AS booked_single_use,
        coalesce(sum(u.issued_booked), 0)::int AS issued_booked,
        round(sum(u.issued_booked)::numeric / nullif(sum(u.issued), 0), 4)::float AS conversion_rate
    FROM ({ISSUED.replace("%(now)s", "now()")} UNION ALL {BOOKED}) AS u
    LEFT JOIN links AS n ON n.link_id = u.link_id
    GROUP BY 1, u.link_id, n.name"""
