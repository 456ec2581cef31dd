"""Calendars that people have elsewhere, as they are kept, and when they say that somebody is busy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.availability.hours import Interval
from store.database import Database

COLUMNS = """id, person_id, kind, of_profile, name, sealed, request_digest, created_at, etag, last_modified, checked_at,
    read_at, known_until, time_zone, soon, problem, failing_since, failures, due_at, leased_until"""
ADD = f"""
INSERT INTO {{schema}}.busy_calendars
    (id, person_id, kind, of_profile, name, sealed, request_digest, created_at, due_at, leased_until)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING {COLUMNS}
"""
OF_PERSON = f"SELECT {COLUMNS} FROM {{schema}}.busy_calendars WHERE person_id = %s ORDER BY created_at, id"
ONE = f"SELECT {COLUMNS} FROM {{schema}}.busy_calendars WHERE id = %s AND person_id = %s"
OF_PROFILES = f"SELECT {COLUMNS} FROM {{schema}}.busy_calendars WHERE of_profile"
REMOVE = "DELETE FROM {schema}.busy_calendars WHERE id = %s RETURNING id"
RESEAL = """
UPDATE {schema}.busy_calendars SET name = %s, sealed = %s, etag = NULL, last_modified = NULL, read_at = NULL,
    due_at = %s, leased_until = NULL WHERE id = %s RETURNING id
"""
SEAL_AGAIN = "UPDATE {schema}.busy_calendars SET sealed = %s WHERE id = %s AND sealed = %s RETURNING id"
LEASE = f"""
UPDATE {{schema}}.busy_calendars SET leased_until = %(until)s WHERE id IN (
    SELECT id FROM {{schema}}.busy_calendars
    WHERE due_at <= %(now)s AND (leased_until IS NULL OR leased_until <= %(now)s)
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
) RETURNING {COLUMNS}
"""
LEASE_ONE = f"""
UPDATE {{schema}}.busy_calendars SET leased_until = %(until)s
WHERE id = %(id)s AND person_id = %(person)s AND (leased_until IS NULL OR leased_until <= %(now)s) RETURNING {COLUMNS}
"""
# only what was asked for: the address may have been changed, or removed, while its server answered
LOOKED = """
UPDATE {schema}.busy_calendars SET checked_at = %(now)s, etag = %(etag)s, last_modified = %(last_modified)s,
    problem = NULL, failing_since = NULL, failures = 0, due_at = %(due)s, leased_until = NULL
WHERE id = %(id)s AND sealed = %(sealed)s RETURNING id
"""
READ = """
UPDATE {schema}.busy_calendars SET read_at = %(now)s, known_until = %(known_until)s, time_zone = %(time_zone)s,
    soon = %(soon)s WHERE id = %(id)s
"""
CLEAR = "DELETE FROM {schema}.busy_intervals WHERE calendar_id = %s"
FILL = """
INSERT INTO {schema}.busy_intervals (calendar_id, number, person_id, during)
SELECT %(id)s, number, %(person)s, tstzrange(begin, until)
FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS piece (begin, until, number)
"""
FAILED = """
UPDATE {schema}.busy_calendars SET problem = %(problem)s, failing_since = coalesce(failing_since, %(now)s),
    failures = failures + 1, due_at = %(due)s, leased_until = NULL
WHERE id = %(id)s AND sealed = %(sealed)s RETURNING id
"""
LEFT = """
UPDATE {schema}.busy_calendars SET due_at = %s, leased_until = NULL, time_zone = NULL WHERE id = %s RETURNING id
"""
# what has no end is where a calendar is not known any further, which is no conflict
CONFLICTS = """
SELECT r.booking_id, array_agg(lower(b.during) ORDER BY b.during) AS begins,
       array_agg(upper(b.during) ORDER BY b.during) AS ends
FROM {schema}.busy_intervals b
JOIN {schema}.reservations r ON r.host_id = b.person_id AND r.during && b.during
WHERE b.person_id = %(person)s AND NOT upper_inf(b.during) AND upper(r.during) > %(now)s
GROUP BY r.booking_id
"""
TOTALS = """
SELECT count(*)::int AS calendars, count(problem)::int AS failing,
       extract(epoch FROM %(now)s - min(coalesce(checked_at, created_at)))::float8 AS oldest_seconds
FROM {schema}.busy_calendars WHERE time_zone IS NOT NULL OR read_at IS NULL
"""
# events of a booking that name this person as a host: the first ones, or one that it was given to
HOSTED = """
SELECT DISTINCT stream_id FROM {schema}.events
WHERE stream_id = ANY (%(ids)s) AND (data -> 'host_ids' ? %(person)s OR data ->> 'host_id' = %(person)s)
"""
# what was read for another zone than its person's, or for none since they had left
DUE = """
UPDATE {schema}.busy_calendars c SET due_at = %(now)s
FROM unnest(%(people)s::uuid[], %(zones)s::text[]) AS person (id, zone)
WHERE c.person_id = person.id AND c.time_zone IS DISTINCT FROM person.zone AND c.read_at IS NOT NULL
AND c.due_at > %(now)s RETURNING c.id
"""
WRITER = """
INSERT INTO {schema}.calendar_writers (person_id, calendar_id) VALUES (%s, %s)
ON CONFLICT (person_id) DO UPDATE SET calendar_id = excluded.calendar_id RETURNING calendar_id
"""
NO_WRITER = "DELETE FROM {schema}.calendar_writers WHERE person_id = %s AND calendar_id = %s RETURNING calendar_id"
WRITER_OF = f"""
SELECT {COLUMNS} FROM {{schema}}.busy_calendars
WHERE id = (SELECT calendar_id FROM {{schema}}.calendar_writers WHERE person_id = %s)
"""
PEOPLE = "SELECT DISTINCT person_id FROM {schema}.busy_calendars"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar as it is kept; `sealed` is its address and login."""

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
class Look:
    """What a look at a calendar gave: its validators, and the busy times unless nothing has changed."""

    etag: str | None = None
    last_modified: str | None = None
    busy: Sequence[Interval] | None = None
    soon: int = 0
    known_until: datetime | None = None
    time_zone: str | None = None


class BusyCalendars:
    """Keeps calendars. Every method raises DatabaseAway when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        id: UUID,
        person_id: UUID,
        kind: str,
        name: str,
        sealed: bytes,
        now: datetime,
        leased_until: datetime | None = None,
        of_profile: bool = False,
        request_digest: bytes | None = None,
    ) -> Calendar | None:
        """Keeps a new calendar, due at once; None when this id, or a profile's calendar, is there already."""
        params = (id, person_id, kind, of_profile, name, sealed, request_digest, now, now, leased_until)
        return only(self.calendars(ADD, params))

    def of_person(self, person_id: UUID) -> list[Calendar]:
        """A person's calendars, oldest first."""
        return self.calendars(OF_PERSON, (person_id,))

    def writer_of(self, person_id: UUID) -> Calendar | None:
        """The account that a person's meetings are written to: the last that was chosen for it."""
        return only(self.calendars(WRITER_OF, (person_id,)))

    def writes(self, id: UUID, person_id: UUID, writes: bool) -> None:
        """Says whether a person's meetings are written to this account."""
        self.database.rows(WRITER if writes else NO_WRITER, (person_id, id))

    def one(self, id: UUID, person_id: UUID) -> Calendar | None:
        """A calendar of a person."""
        return only(self.calendars(ONE, (id, person_id)))

    def of_profiles(self) -> list[Calendar]:
        """The calendars that are the busy_feed_url of people."""
        return self.calendars(OF_PROFILES, ())

    def remove(self, id: UUID) -> bool:
        """Removes a calendar and everything that is known from it; False when it was not there."""
        return bool(self.database.rows(REMOVE, (id,)))

    def reseal(self, id: UUID, name: str, sealed: bytes, due: datetime) -> None:
        """Gives a calendar another address or login; what was known holds until the new one was read."""
        self.database.rows(RESEAL, (name, sealed, due, id))

    def seal_again(self, calendar: Calendar, sealed: bytes) -> None:
        """Keeps the same address and login under another secret key."""
        self.database.rows(SEAL_AGAIN, (sealed, calendar.id, calendar.sealed))

    def lease(self, now: datetime, until: datetime, most: int) -> list[Calendar]:
        """Some calendars that are due, for the caller alone until then."""
        return self.calendars(LEASE, {"now": now, "until": until, "most": most})

    def lease_one(self, id: UUID, person_id: UUID, now: datetime, until: datetime) -> Calendar | None:
        """A calendar of a person, for the caller alone until then; None while somebody else looks at it."""
        return only(self.calendars(LEASE_ONE, {"id": id, "person": person_id, "now": now, "until": until}))

    def looked(self, calendar: Calendar, look: Look, now: datetime, due: datetime) -> bool:
        """Keeps what a look gave, all of it or nothing; False when the calendar was changed or removed meanwhile."""
        params = {
            "id": calendar.id,
            "sealed": calendar.sealed,
            "etag": look.etag,
            "last_modified": look.last_modified,
            "now": now,
            "due": due,
            "known_until": look.known_until,
            "time_zone": look.time_zone,
            "soon": look.soon,
        }
        with self.database.connection() as connection, connection.transaction():
            if not connection.execute(self.database.text(LOOKED), params).fetchall():
                return False
            if look.busy is not None:
                connection.execute(self.database.text(READ), params)
                connection.execute(self.database.text(CLEAR), (calendar.id,))
                connection.execute(self.database.text(FILL), filled(calendar, look))
        return True

    def failed(self, calendar: Calendar, problem: str, now: datetime, due: datetime) -> None:
        """Says that a look failed; what was known holds."""
        params = {"id": calendar.id, "sealed": calendar.sealed, "problem": problem, "now": now, "due": due}
        self.database.rows(FAILED, params)

    def left(self, id: UUID, due: datetime) -> None:
        """Has nobody look at the calendar of somebody who left before then, or before they are back."""
        self.database.rows(LEFT, (due, id))

    def conflicts(self, person_id: UUID, now: datetime) -> dict[UUID, list[Interval]]:
        """What a person's calendars have at the times that future bookings hold, by booking."""
        rows = self.database.rows(CONFLICTS, {"person": person_id, "now": now})
        return {row["booking_id"]: [Interval(*pair) for pair in zip(row["begins"], row["ends"])] for row in rows}  # noqa: B905

    def hosted(self, ids: Sequence[UUID], person_id: UUID) -> set[UUID]:
        """Which of these are bookings of ours that this person hosts, or did: what they take, reservations say."""
        if not ids:
            return set()
        rows = self.database.rows(HOSTED, {"ids": list(ids), "person": str(person_id)})
        return {row["stream_id"] for row in rows}

    def people(self) -> list[UUID]:
        """Who has calendars."""
        return [row["person_id"] for row in self.database.rows(PEOPLE)]

    def due_for_zones(self, zones: Mapping[UUID, str], now: datetime) -> None:
        """Has those calendars of these people looked at that were last read for another zone."""
        self.database.rows(DUE, {"people": list(zones), "zones": list(zones.values()), "now": now})

    def totals(self, now: datetime) -> dict[str, Any]:
        """How many calendars there are, how many fail, and the seconds since the least recent answer."""
        return dict(self.database.rows(TOTALS, {"now": now})[0])

    def calendars(self, query: str, params: Any) -> list[Calendar]:
        """The calendars that a query finds."""
        return [Calendar(**row) for row in self.database.rows(query, params)]


def filled(calendar: Calendar, look: Look) -> dict[str, Any]:
    """The rows of busy times; the last one has no end."""
    pieces = [one for one in look.busy or () if look.known_until is None or one.start < look.known_until]
    begins: list[datetime | None] = [one.start for one in pieces]
    ends: list[datetime | None] = [one.end for one in pieces]
    if look.known_until is not None:
        begins.append(look.known_until)
        ends.append(None)
    return {"id": calendar.id, "person": calendar.person_id, "begins": begins, "ends": ends}


def only(found: list[Calendar]) -> Calendar | None:
    """The one that was found, if any."""
    return found[0] if found else None
