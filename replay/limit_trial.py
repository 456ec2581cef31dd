"""A month from the log under a limit that did not hold then: what it would have refused."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from domain.availability.limits import BookingLimits, HostLimit
from domain.choices.limit_trial import FindLimit, LimitTrial, Refusal
from domain.event import Event
from projections import people
from projections.queries.query import QuerySource
from replay.team_recount import build_month_interval

AROUND = timedelta(days=9)  # the weeks that the month's first and last day are in, in any zone
MEETINGS = """
WITH booked AS (
    SELECT DISTINCT stream_id FROM {schema}.events
    WHERE (type ^@ 'MeetingBooked.' OR type ^@ 'MeetingReassigned.')
      AND (%(host)s::text IS NULL OR data -> 'host_ids' ? %(host)s)
      AND (%(type)s::text IS NULL OR NOT type ^@ 'MeetingBooked.' OR data ->> 'meeting_type_id' = %(type)s)
)
SELECT DISTINCT stream_id FROM {schema}.events JOIN booked USING (stream_id)
WHERE (type ^@ 'MeetingBooked.' OR type ^@ 'Rescheduled.')
  AND (data ->> 'starts_at')::timestamptz >= %(start)s AND (data ->> 'starts_at')::timestamptz < %(end)s
"""
EVENTS = """SELECT stream_id, version, type, data FROM {schema}.events
    WHERE stream_id = ANY(%(ids)s) ORDER BY position"""


def try_limit_on_person(source: QuerySource, person_id: UUID, limits: BookingLimits, month: date) -> list[Refusal]:
    """What a limit of a person would have refused of the meetings that began in a month of their zone."""
    person = people.find_person(source, person_id)
    zone = person["time_zone"] if person else "UTC"
    limit = HostLimit(person_id, zone, limits)
    events = load_events(source, str(person_id), None, month)
    return list_of_month(events, lambda host_id: limit if host_id == person_id else None, month, zone)


def try_limit_on_type(
    source: QuerySource, meeting_type_id: UUID, limits: BookingLimits, month: date, time_zone: str
) -> list[Refusal]:
    """What a limit of a meeting type would have refused of its meetings that began in a month of a zone."""
    events = load_events(source, None, str(meeting_type_id), month)
    host_ids = {id for event in events for id in getattr(event, "host_ids", ())}
    zones = {person["id"]: person["time_zone"] for person in people.find_people(source, sorted(host_ids))}
    limit_by_host = {id: HostLimit(id, zone, limits, meeting_type_id) for id, zone in zones.items()}
    return list_of_month(events, limit_by_host.get, month, time_zone)


def load_events(source: QuerySource, host: str | None, meeting_type: str | None, month: date) -> list[Event]:
    """The events of meetings that began in a month or in the weeks at its ends, in the order of the log."""
    within = build_month_interval(month, "UTC")
    params = {"host": host, "type": meeting_type, "start": within.start - AROUND, "end": within.end + AROUND}
    ids = [row["stream_id"] for row in source.db.fetch_rows(MEETINGS, params)]
    rows = source.db.fetch_rows(EVENTS, {"ids": ids}) if ids else []
    return [Event.from_stored(row["stream_id"], row["version"], row["type"], row["data"]) for row in rows]


def list_of_month(events: Sequence[Event], find_limit: FindLimit, month: date, time_zone: str) -> list[Refusal]:
    """The refusals of meetings that would have begun in a month of a zone."""
    within = build_month_interval(month, time_zone)
    refusals = LimitTrial(find_limit).try_events(events)
    return [refusal for refusal in refusals if within.start <= refusal.starts_at < within.end]
