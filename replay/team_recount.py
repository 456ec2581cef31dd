"""A team's month from the log: the events of the meetings for which a member was chosen, and their recount."""

from collections.abc import Mapping
from datetime import date, datetime, time
from uuid import UUID

from domain.availability.hours import Interval, load_zone, to_instant
from domain.choices.month_recount import Recount, Share, recount_choices
from domain.event import Event
from projections.queries.query import QuerySource

MEETINGS_OF_MONTH = """SELECT m.booking_id FROM meeting_log AS m
    WHERE m.team_id = %(team_id)s AND m.booked_at >= %(start)s AND m.booked_at < %(end)s"""
EVENTS = """SELECT stream_id, version, type, data FROM {schema}.events
    WHERE stream_id = ANY(%(ids)s) ORDER BY position"""


def build_month_interval(month: date, time_zone: str) -> Interval:
    """The month of a day in a zone, as instants."""
    zone, first = load_zone(time_zone), month.replace(day=1)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return Interval(*(to_instant(datetime.combine(day, time()), zone) for day in (first, following)))


def recount_month(
    source: QuerySource, team_id: UUID, month: date, time_zone: str, shares: Mapping[UUID, Share]
) -> Recount:
    """Recounts the meetings that were booked in a month with a member of a team, with other shares for some members."""
    within = build_month_interval(month, time_zone)
    params = {"team_id": team_id, "start": within.start, "end": within.end}
    ids = [row["booking_id"] for row in source.fetch_rows(MEETINGS_OF_MONTH, params)]
    rows = source.db.fetch_rows(EVENTS, {"ids": ids}) if ids else []
    events = (Event.from_stored(row["stream_id"], row["version"], row["type"], row["data"]) for row in rows)
    return recount_choices(team_id, events, shares)
