"""The external calendars of people, and the busy times read from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.availability.hours import Interval
from store.database import Database

COLUMNS = """id, person_id, kind, of_profile, name, sealed, request_digest, created_at, etag, last_modified, checked_at,
    read_at, known_until, time_zone, soon, problem, failing_since, failures, due_at, leased_until"""
INSERT_CALENDAR = f"""
INSERT INTO {{schema}}.busy_calendars
    (id, person_id, kind, of_profile, name, sealed, request_digest, created_at, due_at, leased_until)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING {COLUMNS}
"""
SELECT_CALENDARS_OF_PERSON = (
    f"SELECT {COLUMNS} FROM {{schema}}.busy_calendars WHERE person_id = %s ORDER BY created_at, id"
)
SELECT_CALENDAR = f"SELECT {COLUMNS} FROM {{schema}}.busy_calendars WHERE id = %s AND person_id = %s"
SELECT_PROFILE_CALENDARS = f"SELECT {COLUMNS} FROM {{schema}}.busy_calendars WHERE of_profile"
DELETE_CALENDAR = "DELETE FROM {schema}.busy_calendars WHERE id = %s RETURNING id"
UPDATE_LOGIN = """
UPDATE {schema}.busy_calendars SET name = %s, sealed = %s, etag = NULL, last_modified = NULL, read_at = NULL,
    due_at = %s, leased_until = NULL WHERE id = %s RETURNING id
"""
UPDATE_ENCRYPTION = "UPDATE {schema}.busy_calendars SET sealed = %s WHERE id = %s AND sealed = %s RETURNING id"
LEASE_DUE_CALENDARS = f"""
UPDATE {{schema}}.busy_calendars SET leased_until = %(until)s WHERE id IN (
    SELECT id FROM {{schema}}.busy_calendars
    WHERE due_at <= %(now)s AND (leased_until IS NULL OR leased_until <= %(now)s)
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
) RETURNING {COLUMNS}
"""
LEASE_CALENDAR = f"""
UPDATE {{schema}}.busy_calendars SET leased_until = %(until)s
WHERE id = %(id)s AND person_id = %(person)s AND (leased_until IS NULL OR leased_until <= %(now)s) RETURNING {COLUMNS}
"""
# only the row that was fetched: its address may have been changed, or removed, while its server answered
UPDATE_AFTER_FETCH = """
UPDATE {schema}.busy_calendars SET checked_at = %(now)s, etag = %(etag)s, last_modified = %(last_modified)s,
    problem = NULL, failing_since = NULL, failures = 0, due_at = %(due)s, leased_until = NULL
WHERE id = %(id)s AND sealed = %(sealed)s RETURNING id
"""
UPDATE_AFTER_READ = """
UPDATE {schema}.busy_calendars SET read_at = %(now)s, known_until = %(known_until)s, time_zone = %(time_zone)s,
    soon = %(soon)s WHERE id = %(id)s
"""
DELETE_INTERVALS = "DELETE FROM {schema}.busy_intervals WHERE calendar_id = %s"
INSERT_INTERVALS = """
INSERT INTO {schema}.busy_intervals (calendar_id, number, person_id, during)
SELECT %(id)s, number, %(person)s, tstzrange(begin, until)
FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS piece (begin, until, number)
"""
UPDATE_AFTER_FAILURE = """
UPDATE {schema}.busy_calendars SET problem = %(problem)s, failing_since = coalesce(failing_since, %(now)s),
    failures = failures + 1, due_at = %(due)s, leased_until = NULL
WHERE id = %(id)s AND sealed = %(sealed)s RETURNING id
"""
SUSPEND_CALENDAR = """
UPDATE {schema}.busy_calendars SET due_at = %s, leased_until = NULL, time_zone = NULL WHERE id = %s RETURNING id
"""
# an interval without an end is where the calendar is not known any more: it is no conflict
SELECT_CONFLICTS = """
SELECT r.booking_id, array_agg(lower(b.during) ORDER BY b.during) AS begins,
       array_agg(upper(b.during) ORDER BY b.during) AS ends
FROM {schema}.busy_intervals b
JOIN {schema}.reservations r ON r.host_id = b.person_id AND r.during && b.during
WHERE b.person_id = %(person)s AND NOT upper_inf(b.during) AND upper(r.during) > %(now)s
GROUP BY r.booking_id
"""
SELECT_TOTALS = """
SELECT count(*)::int AS calendars, count(problem)::int AS failing,
       extract(epoch FROM %(now)s - min(coalesce(checked_at, created_at)))::float8 AS oldest_seconds
FROM {schema}.busy_calendars WHERE time_zone IS NOT NULL OR read_at IS NULL
"""
# events of a booking that name this person as a host: the first one, or a reassignment
SELECT_HOSTED_BOOKINGS = """
SELECT DISTINCT stream_id FROM {schema}.events
WHERE stream_id = ANY (%(ids)s) AND (data -> 'host_ids' ? %(person)s OR data ->> 'host_id' = %(person)s)
"""
# calendars read for another zone than their person has, or for none because the person had left
UPDATE_DUE_FOR_ZONES = """
UPDATE {schema}.busy_calendars c SET due_at = %(now)s
FROM unnest(%(people)s::uuid[], %(zones)s::text[]) AS person (id, zone)
WHERE c.person_id = person.id AND c.time_zone IS DISTINCT FROM person.zone AND c.read_at IS NOT NULL
AND c.due_at > %(now)s RETURNING c.id
"""
UPSERT_WRITER = """
INSERT INTO {schema}.calendar_writers (person_id, calendar_id) VALUES (%s, %s)
ON CONFLICT (person_id) DO UPDATE SET calendar_id = excluded.calendar_id RETURNING calendar_id
"""
DELETE_WRITER = "DELETE FROM {schema}.calendar_writers WHERE person_id = %s AND calendar_id = %s RETURNING calendar_id"
SELECT_WRITER = f"""
SELECT {COLUMNS} FROM {{schema}}.busy_calendars
WHERE id = (SELECT calendar_id FROM {{schema}}.calendar_writers WHERE person_id = %s)
"""
SELECT_PEOPLE = "SELECT DISTINCT person_id FROM {schema}.busy_calendars"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A row of busy_calendars; `sealed` is its address and login, encrypted."""

    id: UUID
    person_id: UUID
    kind: str
    of_profile: bool
    name: str
    sealed: bytes
    request_digest: bytes | None
    created_at: datetime
    etag: str | None
    last_modified: str | None
    checked_at: datetime | None
    read_at: datetime | None
    known_until: datetime | None
    time_zone: str | None
    soon: int
    problem: str | None
    failing_since: datetime | None
    failures: int
    due_at: datetime
    leased_until: datetime | None


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of a fetch: HTTP validators, and the busy times, or None when nothing has changed."""

    etag: str | None = None
    last_modified: str | None = None
    busy: Sequence[Interval] | None = None
    soon: int = 0
    known_until: datetime | None = None
    time_zone: str | None = None


class BusyCalendars:
    """Stores external calendars. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add_calendar(
        self,
        id: UUID,
        person_id: UUID,
        kind: str,
        name: str,
        encrypted: bytes,
        now: datetime,
        leased_until: datetime | None = None,
        of_profile: bool = False,
        request_digest: bytes | None = None,
    ) -> Calendar | None:
        """Adds a calendar that is due at once. Returns None when this id, or a profile's calendar, exists."""
        params = (id, person_id, kind, of_profile, name, encrypted, request_digest, now, now, leased_until)
        return get_first(self.fetch_calendars(INSERT_CALENDAR, params))

    def list_calendars(self, person_id: UUID) -> list[Calendar]:
        """Lists a person's calendars, oldest first."""
        return self.fetch_calendars(SELECT_CALENDARS_OF_PERSON, (person_id,))

    def find_writer(self, person_id: UUID) -> Calendar | None:
        """Returns the account that a person's meetings are written to, or None."""
        return get_first(self.fetch_calendars(SELECT_WRITER, (person_id,)))

    def set_writer(self, id: UUID, person_id: UUID, is_writer: bool) -> None:
        """Sets whether a person's meetings are written to this account."""
        self.database.fetch_rows(UPSERT_WRITER if is_writer else DELETE_WRITER, (person_id, id))

    def find_calendar(self, id: UUID, person_id: UUID) -> Calendar | None:
        """Returns a calendar of a person, or None."""
        return get_first(self.fetch_calendars(SELECT_CALENDAR, (id, person_id)))

    def list_profile_calendars(self) -> list[Calendar]:
        """Lists the calendars that come from people's busy_feed_url."""
        return self.fetch_calendars(SELECT_PROFILE_CALENDARS, ())

    def remove_calendar(self, id: UUID) -> bool:
        """Removes a calendar and its busy times. Returns False when there was none."""
        return bool(self.database.fetch_rows(DELETE_CALENDAR, (id,)))

    def replace_secret(self, id: UUID, name: str, encrypted: bytes, due_at: datetime) -> None:
        """Replaces the address or login. Known busy times hold until the new calendar was read."""
        self.database.fetch_rows(UPDATE_LOGIN, (name, encrypted, due_at, id))

    def rotate_encryption(self, calendar: Calendar, encrypted: bytes) -> None:
        """Stores the same address and login encrypted with another secret key."""
        self.database.fetch_rows(UPDATE_ENCRYPTION, (encrypted, calendar.id, calendar.sealed))

    def lease_due_calendars(self, now: datetime, until: datetime, limit: int) -> list[Calendar]:
        """Leases calendars that are due to the caller until an instant, at most `limit`."""
        return self.fetch_calendars(LEASE_DUE_CALENDARS, {"now": now, "until": until, "most": limit})

    def lease_calendar(self, id: UUID, person_id: UUID, now: datetime, until: datetime) -> Calendar | None:
        """Leases a calendar of a person until an instant. Returns None while somebody else has the lease."""
        return get_first(
            self.fetch_calendars(LEASE_CALENDAR, {"id": id, "person": person_id, "now": now, "until": until})
        )

    def record_fetch(self, calendar: Calendar, result: FetchResult, now: datetime, due_at: datetime) -> bool:
        """Stores the result of a fetch in one transaction. Returns False when the calendar changed meanwhile."""
        params = {
            "id": calendar.id,
            "sealed": calendar.sealed,
            "etag": result.etag,
            "last_modified": result.last_modified,
            "now": now,
            "due": due_at,
            "known_until": result.known_until,
            "time_zone": result.time_zone,
            "soon": result.soon,
        }
        with self.database.acquire_connection() as connection, connection.transaction():
            if not connection.execute(self.database.compose_query(UPDATE_AFTER_FETCH), params).fetchall():
                return False
            if result.busy is not None:
                connection.execute(self.database.compose_query(UPDATE_AFTER_READ), params)
                connection.execute(self.database.compose_query(DELETE_INTERVALS), (calendar.id,))
                connection.execute(
                    self.database.compose_query(INSERT_INTERVALS), build_interval_params(calendar, result)
                )
        return True

    def record_failure(self, calendar: Calendar, problem: str, now: datetime, due_at: datetime) -> None:
        """Records a failed fetch. Known busy times hold."""
        params = {"id": calendar.id, "sealed": calendar.sealed, "problem": problem, "now": now, "due": due_at}
        self.database.fetch_rows(UPDATE_AFTER_FAILURE, params)

    def suspend_calendar(self, id: UUID, due_at: datetime) -> None:
        """Postpones the next fetch for a person who left. Their return makes it due."""
        self.database.fetch_rows(SUSPEND_CALENDAR, (due_at, id))

    def find_conflicts(self, person_id: UUID, now: datetime) -> dict[UUID, list[Interval]]:
        """Returns a person's busy times during future bookings, by booking id."""
        rows = self.database.fetch_rows(SELECT_CONFLICTS, {"person": person_id, "now": now})
        return {row["booking_id"]: [Interval(*pair) for pair in zip(row["begins"], row["ends"])] for row in rows}  # noqa: B905

    def find_hosted_bookings(self, ids: Sequence[UUID], person_id: UUID) -> set[UUID]:
        """Returns which of these ids are bookings that this person hosts or hosted."""
        if not ids:
            return set()
        rows = self.database.fetch_rows(SELECT_HOSTED_BOOKINGS, {"ids": list(ids), "person": str(person_id)})
        return {row["stream_id"] for row in rows}

    def list_person_ids(self) -> list[UUID]:
        """Lists the ids of the people who have calendars."""
        return [row["person_id"] for row in self.database.fetch_rows(SELECT_PEOPLE)]

    def mark_due_for_zones(self, zones: Mapping[UUID, str], now: datetime) -> None:
        """Makes those calendars due that were last read for another time zone than their person's."""
        self.database.fetch_rows(
            UPDATE_DUE_FOR_ZONES, {"people": list(zones), "zones": list(zones.values()), "now": now}
        )

    def compute_totals(self, now: datetime) -> dict[str, Any]:
        """Returns the numbers of calendars and of failing ones, and the seconds since the oldest fetch."""
        return dict(self.database.fetch_rows(SELECT_TOTALS, {"now": now})[0])

    def fetch_calendars(self, query: str, params: Any) -> list[Calendar]:
        """Returns the calendars that a query finds."""
        return [Calendar(**row) for row in self.database.fetch_rows(query, params)]


def build_interval_params(calendar: Calendar, result: FetchResult) -> dict[str, Any]:
    """Returns the query parameters of the busy times. The last interval has no end."""
    intervals = [
        interval for interval in result.busy or () if result.known_until is None or interval.start < result.known_until
    ]
    begins: list[datetime | None] = [interval.start for interval in intervals]
    ends: list[datetime | None] = [interval.end for interval in intervals]
    if result.known_until is not None:
        begins.append(result.known_until)
        ends.append(None)
    return {"id": calendar.id, "person": calendar.person_id, "begins": begins, "ends": ends}


def get_first(calendars: list[Calendar]) -> Calendar | None:
    """Returns the first calendar, or None."""
    return calendars[0] if calendars else None
