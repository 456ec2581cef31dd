"""Reads the log for decisions as it stood at a position: the same code then decides what it would have decided.

What stands beside the log has no past: the busy times of calendars are not among what is unavailable.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.availability.hours import Interval
from domain.availability.limits import HostMeeting
from domain.event import Event
from store.busy_pieces import BusyPiece
from store.database import Database
from store.reader import PostgresLogReader

SELECT_EVENTS_AFTER = """
SELECT e.stream_id, e.version, e.type, e.data
FROM unnest(%(ids)s::uuid[], %(versions)s::int[]) AS known (id, version)
JOIN {schema}.events e ON e.stream_id = known.id AND e.version > known.version AND e.position <= %(position)s
ORDER BY e.stream_id, e.version
"""
# as `reservations` had them: what each booking reserved by its last event until then. Cancelling is the only end.
SELECT_RESERVATIONS = """
WITH touching AS (
    SELECT DISTINCT stream_id FROM {schema}.events
    WHERE position <= %(position)s
      AND (type ^@ 'MeetingBooked.' OR type ^@ 'Rescheduled.' OR type ^@ 'MeetingReassigned.')
      AND (data ->> 'held_from')::timestamptz < %(end)s AND (data ->> 'held_until')::timestamptz > %(start)s
), last AS (
    SELECT DISTINCT ON (e.stream_id) e.stream_id, e.type, e.data,
           first_value(e.data ->> 'meeting_type_id') OVER stream AS meeting_type_id,
           first_value(e.data -> 'host_ids') OVER stream AS first_hosts,
           array_agg(e.data -> 'host_ids') FILTER (WHERE e.type ^@ 'MeetingReassigned.') OVER stream AS later_hosts
    FROM {schema}.events e JOIN touching USING (stream_id)
    WHERE e.position <= %(position)s
      AND (e.type ^@ 'MeetingBooked.' OR e.type ^@ 'Rescheduled.' OR e.type ^@ 'MeetingReassigned.'
           OR e.type ^@ 'MeetingCancelled.')
    WINDOW stream AS (PARTITION BY e.stream_id ORDER BY e.version)
    ORDER BY e.stream_id, e.version DESC
)
SELECT host::uuid AS person_id, stream_id AS booking_id, meeting_type_id::uuid AS meeting_type_id,
       (data ->> 'starts_at')::timestamptz AS starts_at,
       (data ->> 'held_from')::timestamptz AS begins, (data ->> 'held_until')::timestamptz AS ends
FROM last, jsonb_array_elements_text(coalesce(later_hosts[cardinality(later_hosts)], first_hosts)) AS host
WHERE NOT type ^@ 'MeetingCancelled.' AND host::uuid = ANY (%(people)s)
  AND (data ->> 'held_from')::timestamptz < %(end)s AND (data ->> 'held_until')::timestamptz > %(start)s
ORDER BY begins, ends
"""


class PastLogReader(PostgresLogReader):
    """The domain's LogReader as of a position. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database, position: int) -> None:
        super().__init__(database)
        self.position = position

    def read_events_after(self, known_versions: Mapping[UUID, int]) -> dict[UUID, list[Event]]:
        streams: dict[UUID, list[Event]] = defaultdict(list)
        params = {"ids": list(known_versions), "versions": list(known_versions.values()), "position": self.position}
        for row in self.database.fetch_rows(SELECT_EVENTS_AFTER, params):
            event = Event.from_stored(row["stream_id"], row["version"], row["type"], row["data"])
            streams[row["stream_id"]].append(event)
        return streams

    def find_busy_pieces(self, person_ids: Sequence[UUID], within: Interval) -> dict[UUID, list[BusyPiece]]:
        """Returns the meetings that filled the time of each of these people."""
        pieces: dict[UUID, list[BusyPiece]] = defaultdict(list)
        for row in self.list_reservations(person_ids, within):
            pieces[row["person_id"]].append(BusyPiece(row["begins"], row["ends"], row["booking_id"], None))
        return pieces

    def find_unavailable_by_person(
        self, person_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> dict[UUID, list[Interval]]:
        intervals: dict[UUID, list[Interval]] = defaultdict(list)
        for row in self.list_reservations(person_ids, within, excluding):
            intervals[row["person_id"]].append(Interval(row["begins"], row["ends"]))
        return intervals

    def find_unavailable_intervals(
        self, host_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> list[Interval]:
        rows = self.list_reservations(host_ids, within, excluding)
        return [Interval(row["begins"], row["ends"]) for row in rows]

    def find_host_meetings(
        self, host_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> dict[UUID, list[HostMeeting]]:
        meetings: dict[UUID, list[HostMeeting]] = defaultdict(list)
        for row in self.list_reservations(host_ids, within, excluding):
            if within.start <= row["starts_at"] < within.end:
                meetings[row["person_id"]].append(HostMeeting(row["starts_at"], row["meeting_type_id"]))
        return meetings

    def list_reservations(
        self, person_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> list[dict[str, Any]]:
        """Lists the reservations of these people that overlapped an interval, one row for each person of a meeting."""
        params = {"people": list(person_ids), "position": self.position, "start": within.start, "end": within.end}
        rows = self.database.fetch_rows(SELECT_RESERVATIONS, params)
        return [row for row in rows if row["booking_id"] != excluding]
