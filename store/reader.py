"""Reads of the log for deciding: several streams in one query, claims, reservations, personal details."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import cast
from uuid import UUID

from domain.availability.hours import Interval
from domain.event import Event
from domain.personal_details import Details
from store.database import Database

EVENTS_AFTER = """
SELECT e.stream_id, e.version, e.type, e.data
FROM unnest(%s::uuid[], %s::int[]) AS known (id, version)
JOIN {schema}.events e ON e.stream_id = known.id AND e.version > known.version
ORDER BY e.stream_id, e.version
"""
CLAIMED = "SELECT value, stream_id FROM {schema}.claims WHERE kind = %s AND value = ANY (%s)"
EVER_AT = """
SELECT DISTINCT stream_id FROM {schema}.events
WHERE (type LIKE 'LinkCreated.%%' OR type LIKE 'LinkUpdated.%%') AND data ->> 'slug' = %s
"""
HELD = """
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
DETAILS = "SELECT id, stream_id, salt, data FROM {schema}.personal_details WHERE id = ANY (%s)"
OF_ADDRESS = """
WITH of_address AS (
    SELECT DISTINCT stream_id FROM {schema}.personal_details
    WHERE {schema}.address_of(data) = lower(%(email)s) LIMIT %(most)s
)
SELECT stream_id, array_agg(id ORDER BY id) AS ids
FROM of_address JOIN {schema}.personal_details USING (stream_id)
WHERE coalesce({schema}.address_of(data) = lower(%(email)s), true)
GROUP BY stream_id
"""
ERASED = """
SELECT coalesce(sum(jsonb_array_length(data -> 'details_ids')), 0)::int AS erased FROM {schema}.events
WHERE type LIKE 'PersonalDetailsErased.%%' AND data ->> 'erasure_id' = %s
"""
FIRST = "SELECT stream_id, position FROM {schema}.events WHERE stream_id = ANY (%s) AND version = 1"
LAST = "SELECT max(position) AS position FROM {schema}.events WHERE stream_id = %s"
OF_REQUEST = "SELECT max(position) AS position FROM {schema}.events WHERE stream_id = %s AND data ->> 'request_id' = %s"
UNCONFIRMED = """
SELECT position <= {schema}.unconfirmed_until() AS unconfirmed FROM {schema}.events WHERE stream_id = %s AND version = 1
"""


class Reader:
    """The domain's Log over a database. Every method raises DatabaseAway when it does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def events_after(self, known: Mapping[UUID, int]) -> dict[UUID, list[Event]]:
        streams: dict[UUID, list[Event]] = defaultdict(list)
        for row in self.database.rows(EVENTS_AFTER, (list(known), list(known.values()))):
            event = Event.stored(row["stream_id"], row["version"], row["type"], row["data"])
            streams[row["stream_id"]].append(event)
        return streams

    def claimed(self, kind: str, values: Collection[str]) -> dict[str, UUID]:
        return {row["value"]: row["stream_id"] for row in self.database.rows(CLAIMED, (kind, list(values)))}

    def links_ever_at(self, slug: str) -> list[UUID]:
        return [row["stream_id"] for row in self.database.rows(EVER_AT, (slug,))]

    def held(self, host_ids: Sequence[UUID], within: Interval, but: UUID | None = None) -> list[Interval]:
        params = {"hosts": list(host_ids), "start": within.start, "end": within.end, "but": but}
        rows = self.database.rows(HELD, params)
        return [Interval(row["start"], row["end"]) for row in rows]

    def details(self, ids: Collection[UUID]) -> dict[UUID, Details]:
        rows = self.database.rows(DETAILS, (list(ids),))
        return {row["id"]: Details(row["id"], row["stream_id"], bytes(row["salt"]), row["data"]) for row in rows}

    def details_of_address(self, email: str, most: int) -> dict[UUID, list[UUID]]:
        rows = self.database.rows(OF_ADDRESS, {"email": email, "most": most})
        return {row["stream_id"]: row["ids"] for row in rows}

    def count_erased(self, erasure_id: UUID) -> int:
        return cast(int, self.database.rows(ERASED, (str(erasure_id),))[0]["erased"])

    def first_positions(self, ids: Collection[UUID]) -> dict[UUID, int]:
        return {row["stream_id"]: row["position"] for row in self.database.rows(FIRST, (list(ids),))}

    def is_unconfirmed(self, id: UUID) -> bool:
        return any(row["unconfirmed"] for row in self.database.rows(UNCONFIRMED, (id,)))

    def last_position(self, id: UUID) -> int | None:
        return cast(int | None, self.database.rows(LAST, (id,))[0]["position"])

    def await_standbys(self) -> None:
        self.database.await_standbys()

    def request_position(self, id: UUID, request_id: str) -> int | None:
        return cast(int | None, self.database.rows(OF_REQUEST, (id, request_id))[0]["position"])
