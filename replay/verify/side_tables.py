"""What is kept beside the log, against the log: reservations, claims, and personal details with their digests."""

import json
from collections.abc import Iterator
from hashlib import sha256
from uuid import UUID

from domain.commands.people import claimed_email
from domain.personal_details import canonical
from replay.verify.problems import Problem
from replay.verify.verify_connection import Ask

RESERVATIONS = """
WITH stands AS (
    SELECT DISTINCT ON (stream_id) stream_id, position, type, data,
           first_value(CASE WHEN type LIKE 'MeetingBooked.%%' THEN data -> 'host_ids' END) OVER token AS first_hosts,
           array_agg(data -> 'host_ids') FILTER (WHERE type LIKE 'MeetingReassigned.%%') OVER token AS later_hosts
    FROM {schema}.events
    WHERE type LIKE 'MeetingBooked.%%' OR type LIKE 'Rescheduled.%%' OR type LIKE 'MeetingReassigned.%%'
        OR type LIKE 'MeetingCancelled.%%'
    WINDOW token AS (PARTITION BY stream_id ORDER BY version)
    ORDER BY stream_id, version DESC
), told AS (
    SELECT stream_id, position, host::uuid AS host_id,
           tstzrange((data ->> 'held_from')::timestamptz, (data ->> 'held_until')::timestamptz) AS during
    FROM stands,
         jsonb_array_elements_text(coalesce(later_hosts[cardinality(later_hosts)], first_hosts)) AS host
    WHERE NOT type LIKE 'MeetingCancelled.%%'
)
SELECT coalesce(t.stream_id, r.booking_id) AS stream_id, coalesce(t.host_id, r.host_id) AS host_id,
       t.during::text AS told, r.during::text AS kept,
       coalesce(t.position, (SELECT max(position) FROM {schema}.events e WHERE e.stream_id = r.booking_id)) AS position
FROM told t FULL JOIN {schema}.reservations r ON r.booking_id = t.stream_id AND r.host_id = t.host_id
WHERE t.during IS DISTINCT FROM r.during ORDER BY position, host_id
"""
# one statement, so that both sides are of one snapshot
CLAIMS = """
WITH claiming AS MATERIALIZED (
    SELECT stream_id, version, position, data ->> 'slug' AS slug, data ->> 'email' AS email
    FROM {schema}.events WHERE split_part(type, '.', 1) = ANY (%(names)s)
)
SELECT true AS told, stream_id, position, CASE WHEN email IS NULL THEN 'slug' ELSE 'email' END AS kind,
       coalesce(email, slug) AS value
FROM (
    SELECT DISTINCT ON (stream_id) stream_id, position, slug, email
    FROM claiming ORDER BY stream_id, version DESC
) AS stream
UNION ALL
SELECT false, stream_id, NULL, kind, value FROM {schema}.claims
"""
CLAIMING = ("PersonAdded", "PersonUpdated", "LinkCreated", "LinkUpdated", "ManagedLinkCreated", "ManagedLinkUpdated")
# ids as texts, and only what is needed for the digest: of a long log these are most of what is read
DETAILS = """
WITH told AS (
    SELECT position, stream_id, (data ->> 'details_id')::uuid AS id, data ->> 'details_digest' AS digest
    FROM {schema}.events WHERE data ->> 'details_id' IS NOT NULL
), erased AS MATERIALIZED (
    SELECT id::uuid, min(position) AS position
    FROM {schema}.events, jsonb_array_elements_text(data -> 'details_ids') AS id
    WHERE type LIKE 'PersonalDetailsErased.%%' GROUP BY 1
)
SELECT t.position, coalesce(t.stream_id, d.stream_id)::text AS stream_id, coalesce(t.id, d.id)::text AS id,
       t.digest, d.salt, d.data::text AS data,
       CASE WHEN t.id IS NULL THEN 'are there, and no event speaks of them'
            WHEN d.id IS NULL AND e.position IS NULL THEN 'are gone, and no event says that they were erased'
            WHEN d.id IS NOT NULL AND e.position IS NOT NULL
                THEN 'are there, although they were erased at position ' || e.position
            WHEN t.stream_id <> d.stream_id THEN 'were given to another stream' END AS wrong
FROM told t FULL JOIN {schema}.personal_details d ON d.id = t.id LEFT JOIN erased e ON e.id = coalesce(t.id, d.id)
WHERE d.id IS NOT NULL OR e.position IS NULL
"""
CHANGED = "were changed: they do not fit the digest in the event"

Claimed = tuple[str, str, UUID]


def reservations(ask: Ask) -> Iterator[Problem]:
    """The time that is held is exactly that of the meetings that stand, for each of their hosts."""
    for row in ask.rows(RESERVATIONS):
        of = f"the reservation of host {row['host_id']}"
        if row["kept"] is None:
            said = f"{of} for {row['told']} is missing."
        elif row["told"] is None:
            said = f"{of} for {row['kept']} is left over: no such meeting stands."
        else:
            said = f"{of} is for {row['kept']}, and the log says {row['told']}."
        yield Problem("reservations", said, row["stream_id"], row["position"])


def claims(ask: Ask) -> Iterator[Problem]:
    """The slugs and addresses that are taken are exactly those that links, managed links and people have."""
    told: dict[Claimed, int] = {}
    kept: set[Claimed] = set()
    for row in ask.stream(CLAIMS, {"names": list(CLAIMING)}):
        if row["told"]:
            value = claimed_email(row["value"]) if row["kind"] == "email" else row["value"]
            told[row["kind"], value, row["stream_id"]] = row["position"]
        else:
            kept.add((row["kind"], row["value"], row["stream_id"]))
    for kind, value, stream in sorted(told.keys() - kept, key=str):
        said = f"the {kind} {value!r} is not claimed."
        yield Problem("claims", said, stream, told[kind, value, stream])
    for kind, value, stream in sorted(kept - told.keys(), key=str):
        yield Problem("claims", f"the {kind} {value!r} is claimed, and the log does not say so.", stream)


def details(ask: Ask) -> Iterator[Problem]:
    """Personal details are those that events speak of, unchanged, and gone only where an event says so."""
    for position, stream, id, digest, salt, data, wrong in ask.tuples(DETAILS):
        if wrong is None and sha256(salt + canonical(json.loads(data))).hexdigest() != digest:
            wrong = CHANGED
        if wrong is not None:
            yield Problem("personal details", f"personal details {id} {wrong}.", UUID(stream), position)
