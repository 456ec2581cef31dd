"""Queries over the log for decisions: several streams at once, claims, reservations, personal details."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import cast
from uuid import UUID

import psycopg

from domain.availability.hours import Interval
from domain.availability.limits import HostMeeting
from domain.event import Event
from domain.log import OutcomeUnknown, TeamState
from domain.organisation import ORGANISATION_ID
from domain.personal_details import PersonalDetails
from domain.tally import MemberTally, Tally
from store.database import Database
from store.pool_connection import Unreplicated

SELECT_EVENTS_AFTER = """
SELECT e.stream_id, e.version, e.type, e.data
FROM unnest(%s::uuid[], %s::int[]) AS known (id, version)
JOIN {schema}.events e ON e.stream_id = known.id AND e.version > known.version
ORDER BY e.stream_id, e.version
"""
SELECT_CLAIMS = "SELECT value, stream_id FROM {schema}.claims WHERE kind = %s AND value = ANY (%s)"
SELECT_LINKS_BY_ANY_SLUG = """
SELECT DISTINCT stream_id FROM {schema}.events
WHERE (type LIKE 'LinkCreated.%%' OR type LIKE 'LinkUpdated.%%') AND data ->> 'slug' = %s
"""
SELECT_LINKS_BY_ANY_TEAM = """
SELECT DISTINCT stream_id FROM {schema}.events
WHERE (type ^@ 'LinkCreated.' OR type ^@ 'LinkUpdated.'
    OR type ^@ 'ManagedLinkCreated.' OR type ^@ 'ManagedLinkUpdated.')
    AND data ->> 'team_id' = %s
"""
SELECT_UNAVAILABLE_INTERVALS = """
SELECT lower(piece) AS start, upper(piece) AS "end" FROM (
    SELECT unnest(range_agg(during)) AS piece FROM (
        SELECT during FROM {schema}.reservations
        WHERE host_id = ANY (%(hosts)s) AND during && tstzrange(%(start)s, %(end)s)
        AND booking_id IS DISTINCT FROM %(but)s
        UNION ALL
        SELECT during * tstzrange(%(start)s, %(end)s) FROM {schema}.busy_intervals
        WHERE person_id = ANY (%(hosts)s) AND during && tstzrange(%(start)s, %(end)s)
    ) AS taken
) AS held
"""
SELECT_UNAVAILABLE_BY_PERSON = """
SELECT host_id AS person_id, lower(during) AS start, upper(during) AS "end" FROM {schema}.reservations
WHERE host_id = ANY (%(hosts)s) AND during && tstzrange(%(start)s, %(end)s) AND booking_id IS DISTINCT FROM %(but)s
UNION ALL
SELECT person_id, lower(piece), upper(piece) FROM (
    SELECT person_id, during * tstzrange(%(start)s, %(end)s) AS piece FROM {schema}.busy_intervals
    WHERE person_id = ANY (%(hosts)s) AND during && tstzrange(%(start)s, %(end)s)
) AS busy
"""
SELECT_TEAM_STATE = """
SELECT coalesce((SELECT version FROM {schema}.tallies WHERE team_id = %(team)s), 0) AS version,
       coalesce((SELECT jsonb_agg(m) FROM {schema}.member_tallies m WHERE team_id = %(team)s), '[]') AS members,
       ARRAY(
           SELECT host_id FROM {schema}.reservations
           WHERE host_id = ANY (%(people)s) AND during && tstzrange(%(start)s, %(end)s)
               AND booking_id IS DISTINCT FROM %(but)s
           UNION
           SELECT person_id FROM {schema}.busy_intervals
           WHERE person_id = ANY (%(people)s) AND during && tstzrange(%(start)s, %(end)s)
       ) AS busy,
       ARRAY(
           SELECT jsonb_build_array(version, type, data) FROM {schema}.events
           WHERE stream_id = %(stream)s ORDER BY version
       ) AS events,
       coalesce(organisation.time_zone, 'UTC') AS time_zone,
       coalesce(organisation.version, 0) AS organisation_version
FROM (VALUES (1)) AS one
LEFT JOIN LATERAL (
    SELECT version, data ->> 'time_zone' AS time_zone FROM {schema}.events
    WHERE stream_id = %(organisation)s ORDER BY version DESC LIMIT 1
) AS organisation ON true
"""
LOCK_TALLY = """
SELECT pg_advisory_xact_lock(hashtextextended(%(schema)s || '.tally.' || %(team)s::uuid, 0))
"""
SELECT_HOST_MEETINGS = """
SELECT host_id, starts_at, meeting_type_id FROM {schema}.booked_meetings(%s, %s, %s) AS booked
WHERE booking_id IS DISTINCT FROM %s
"""
SELECT_PERSONAL_DETAILS = "SELECT id, stream_id, salt, data FROM {schema}.personal_details WHERE id = ANY (%s)"
SELECT_DETAILS_BY_ADDRESS = """
WITH of_address AS (
    SELECT DISTINCT stream_id FROM {schema}.personal_details
    WHERE {schema}.address_of(data) = {schema}.address_key(%(email)s) LIMIT %(most)s
)
SELECT stream_id, array_agg(id ORDER BY id) AS ids
FROM of_address JOIN {schema}.personal_details USING (stream_id)
WHERE coalesce({schema}.address_of(data) = {schema}.address_key(%(email)s), true)
GROUP BY stream_id
"""
SELECT_DETAILS_OF_STREAMS = """
SELECT stream_id, array_agg(id ORDER BY id) AS ids FROM {schema}.personal_details WHERE stream_id = ANY (%s)
GROUP BY stream_id
"""
COUNT_ERASED_DETAILS = """
SELECT coalesce(sum(jsonb_array_length(data -> 'details_ids')), 0)::int AS erased FROM {schema}.events
WHERE type LIKE 'PersonalDetailsErased.%%' AND data ->> 'erasure_id' = %s
"""
SELECT_FIRST_POSITIONS = "SELECT stream_id, position FROM {schema}.events WHERE stream_id = ANY (%s) AND version = 1"
SELECT_LAST_POSITION = "SELECT max(position) AS position FROM {schema}.events WHERE stream_id = %s"
SELECT_LAST_LOG_POSITION = "SELECT max(position) AS position FROM {schema}.events"
SELECT_REQUEST_POSITION = (
    "SELECT max(position) AS position FROM {schema}.events WHERE stream_id = %s AND data ->> 'request_id' = %s"
)
SELECT_UNCONFIRMED = """
SELECT position <= {schema}.unconfirmed_until() AS unconfirmed FROM {schema}.events WHERE stream_id = %s AND version = 1
"""


class PostgresLogReader:
    """The domain's LogReader over a database. Every method raises DatabaseAway when it does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def read_events_after(self, known_versions: Mapping[UUID, int]) -> dict[UUID, list[Event]]:
        streams: dict[UUID, list[Event]] = defaultdict(list)
        for row in self.database.fetch_rows(SELECT_EVENTS_AFTER, (list(known_versions), list(known_versions.values()))):
            event = Event.from_stored(row["stream_id"], row["version"], row["type"], row["data"])
            streams[row["stream_id"]].append(event)
        return streams

    def find_claims(self, kind: str, values: Collection[str]) -> dict[str, UUID]:
        return {row["value"]: row["stream_id"] for row in self.database.fetch_rows(SELECT_CLAIMS, (kind, list(values)))}

    def find_links_by_any_slug(self, slug: str) -> list[UUID]:
        return [row["stream_id"] for row in self.database.fetch_rows(SELECT_LINKS_BY_ANY_SLUG, (slug,))]

    def find_links_by_any_team(self, team_id: UUID) -> list[UUID]:
        return [row["stream_id"] for row in self.database.fetch_rows(SELECT_LINKS_BY_ANY_TEAM, (str(team_id),))]

    def find_unavailable_intervals(
        self, host_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> list[Interval]:
        params = {"hosts": list(host_ids), "start": within.start, "end": within.end, "but": excluding}
        rows = self.database.fetch_rows(SELECT_UNAVAILABLE_INTERVALS, params)
        return [Interval(row["start"], row["end"]) for row in rows]

    def find_unavailable_by_person(
        self, person_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> dict[UUID, list[Interval]]:
        params = {"hosts": list(person_ids), "start": within.start, "end": within.end, "but": excluding}
        intervals: dict[UUID, list[Interval]] = defaultdict(list)
        for row in self.database.fetch_rows(SELECT_UNAVAILABLE_BY_PERSON, params):
            intervals[row["person_id"]].append(Interval(row["start"], row["end"]))
        return intervals

    def read_team_state(
        self,
        team_id: UUID,
        person_ids: Sequence[UUID],
        interval: Interval | None,
        excluding: UUID | None = None,
        stream_id: UUID | None = None,
    ) -> TeamState:
        start, end = interval or (None, None)
        params = {"team": team_id, "people": list(person_ids), "start": start, "end": end, "but": excluding}
        params["stream"] = stream_id
        [row] = self.database.fetch_rows(SELECT_TEAM_STATE, {**params, "organisation": ORGANISATION_ID})
        members = {
            UUID(member["person_id"]): MemberTally(
                month=date.fromisoformat(member["month"]),
                count=member["count"],
                levelled_at=datetime.fromisoformat(member["levelled_at"]),
                chosen_at=datetime.fromisoformat(member["chosen_at"]) if member["chosen_at"] else None,
            )
            for member in row["members"]
        }
        return TeamState(
            tally=Tally(team_id, row["version"], members),
            person_ids=frozenset(person_ids),
            interval=interval,
            busy_ids=frozenset(row["busy"]),
            events=[Event.from_stored(cast(UUID, stream_id), *event) for event in row["events"]],
            time_zone=row["time_zone"],
            organisation_version=row["organisation_version"],
        )

    @contextmanager
    def hold_tally(self, team_id: UUID) -> Iterator[None]:
        lock = self.database.compose_query(LOCK_TALLY)
        with self.database.hold_connection() as connection:
            connection.execute("BEGIN")
            try:
                connection.execute(lock, {"schema": self.database.schema, "team": team_id})
                yield
            except BaseException:
                connection.rollback()
                raise
            try:
                connection.execute("COMMIT")
            except (psycopg.Error, Unreplicated) as error:
                raise OutcomeUnknown from error

    def find_host_meetings(
        self, host_ids: Sequence[UUID], within: Interval, excluding: UUID | None = None
    ) -> dict[UUID, list[HostMeeting]]:
        meetings: dict[UUID, list[HostMeeting]] = defaultdict(list)
        params = (list(host_ids), within.start, within.end, excluding)
        for row in self.database.fetch_rows(SELECT_HOST_MEETINGS, params):
            meetings[row["host_id"]].append(HostMeeting(row["starts_at"], row["meeting_type_id"]))
        return meetings

    def load_personal_details(self, ids: Collection[UUID]) -> dict[UUID, PersonalDetails]:
        rows = self.database.fetch_rows(SELECT_PERSONAL_DETAILS, (list(ids),))
        return {
            row["id"]: PersonalDetails(row["id"], row["stream_id"], bytes(row["salt"]), row["data"]) for row in rows
        }

    def find_details_by_address(self, email: str, limit: int) -> dict[UUID, list[UUID]]:
        rows = self.database.fetch_rows(SELECT_DETAILS_BY_ADDRESS, {"email": email, "most": limit})
        return {row["stream_id"]: row["ids"] for row in rows}

    def find_details_of_streams(self, ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
        rows = self.database.fetch_rows(SELECT_DETAILS_OF_STREAMS, (list(ids),)) if ids else ()
        return {row["stream_id"]: row["ids"] for row in rows}

    def count_erased_details(self, erasure_id: UUID) -> int:
        return cast(int, self.database.fetch_rows(COUNT_ERASED_DETAILS, (str(erasure_id),))[0]["erased"])

    def find_first_positions(self, ids: Collection[UUID]) -> dict[UUID, int]:
        return {
            row["stream_id"]: row["position"] for row in self.database.fetch_rows(SELECT_FIRST_POSITIONS, (list(ids),))
        }

    def is_unconfirmed(self, id: UUID) -> bool:
        return any(row["unconfirmed"] for row in self.database.fetch_rows(SELECT_UNCONFIRMED, (id,)))

    def find_last_position(self, id: UUID) -> int | None:
        return cast(int | None, self.database.fetch_rows(SELECT_LAST_POSITION, (id,))[0]["position"])

    def find_last_log_position(self) -> int | None:
        """Returns the last position of the log that is visible to this statement. It need not be settled."""
        return cast(int | None, self.database.fetch_rows(SELECT_LAST_LOG_POSITION)[0]["position"])

    def await_standbys(self) -> None:
        self.database.await_standbys()

    def find_request_position(self, id: UUID, request_id: str) -> int | None:
        return cast(int | None, self.database.fetch_rows(SELECT_REQUEST_POSITION, (id, request_id))[0]["position"])
