"""Verifies the side tables against the log: reservations, claims, and personal details with their digests."""

import json
from collections.abc import Iterator
from hashlib import sha256
from uuid import UUID

from domain.email_addresses import fold_address
from domain.personal_details import encode_canonical_json
from replay.verify.problems import Problem
from replay.verify.verify_connection import VerifyConnection

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
), expected AS (
    SELECT stream_id, position, host::uuid AS host_id,
           tstzrange((data ->> 'held_from')::timestamptz, (data ->> 'held_until')::timestamptz) AS during
    FROM stands,
         jsonb_array_elements_text(coalesce(later_hosts[cardinality(later_hosts)], first_hosts)) AS host
    WHERE NOT type LIKE 'MeetingCancelled.%%'
)
SELECT coalesce(t.stream_id, r.booking_id) AS stream_id, coalesce(t.host_id, r.host_id) AS host_id,
       t.during::text AS expected, r.during::text AS actual,
       coalesce(t.position, (SELECT max(position) FROM {schema}.events e WHERE e.stream_id = r.booking_id)) AS position
FROM expected t FULL JOIN {schema}.reservations r ON r.booking_id = t.stream_id AND r.host_id = t.host_id
WHERE t.during IS DISTINCT FROM r.during ORDER BY position, host_id
"""
# one statement, so that both sides are of one snapshot
CLAIMS = """
WITH claiming AS MATERIALIZED (
    SELECT stream_id, version, position, data ->> 'slug' AS slug, data ->> 'email' AS email
    FROM {schema}.events WHERE split_part(type, '.', 1) = ANY (%(names)s)
)
SELECT true AS is_expected, stream_id, position, CASE WHEN email IS NULL THEN 'slug' ELSE 'email' END AS kind,
       coalesce(email, slug) AS value
FROM (
    SELECT DISTINCT ON (stream_id) stream_id, position, slug, email
    FROM claiming ORDER BY stream_id, version DESC
) AS stream
UNION ALL
SELECT false, stream_id, NULL, kind, value FROM {schema}.claims
"""
CLAIM_EVENTS = (
    "PersonAdded",
    "PersonUpdated",
    "LinkCreated",
    "LinkUpdated",
    "ManagedLinkCreated",
    "ManagedLinkUpdated",
)
# ids as text, and only what the digest needs: these are most of the rows of a long log
DETAILS = """
WITH expected AS (
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
FROM expected t FULL JOIN {schema}.personal_details d ON d.id = t.id LEFT JOIN erased e ON e.id = coalesce(t.id, d.id)
WHERE d.id IS NOT NULL OR e.position IS NULL
"""
DIGEST_MISMATCH = "were changed: they do not fit the digest in the event"

ClaimKey = tuple[str, str, UUID]


def check_reservations(connection: VerifyConnection) -> Iterator[Problem]:
    """The reservations are exactly the times of the meetings that are not cancelled, for each of their hosts."""
    for row in connection.fetch_rows(RESERVATIONS):
        subject = f"the reservation of host {row['host_id']}"
        if row["actual"] is None:
            message = f"{subject} for {row['expected']} is missing."
        elif row["expected"] is None:
            message = f"{subject} for {row['actual']} is left over: no such meeting stands."
        else:
            message = f"{subject} is for {row['actual']}, and the log says {row['expected']}."
        yield Problem("reservations", message, row["stream_id"], row["position"])


def check_claims(connection: VerifyConnection) -> Iterator[Problem]:
    """The claimed slugs and addresses are exactly those of links, managed links and people."""
    expected_claims: dict[ClaimKey, int] = {}
    actual_claims: set[ClaimKey] = set()
    for row in connection.stream_rows(CLAIMS, {"names": list(CLAIM_EVENTS)}):
        if row["is_expected"]:
            value = fold_address(row["value"]) if row["kind"] == "email" else row["value"]
            expected_claims[row["kind"], value, row["stream_id"]] = row["position"]
        else:
            actual_claims.add((row["kind"], row["value"], row["stream_id"]))
    for kind, value, stream_id in sorted(expected_claims.keys() - actual_claims, key=str):
        message = f"the {kind} {value!r} is not claimed."
        yield Problem("claims", message, stream_id, expected_claims[kind, value, stream_id])
    for kind, value, stream_id in sorted(actual_claims - expected_claims.keys(), key=str):
        yield Problem("claims", f"the {kind} {value!r} is claimed, and the log does not say so.", stream_id)


def check_details(connection: VerifyConnection) -> Iterator[Problem]:
    """The personal details are exactly those that events refer to, unchanged, and missing only after an erasure."""
    for position, stream_id, id, digest, salt, data, difference in connection.stream_tuples(DETAILS):
        if difference is None and sha256(salt + encode_canonical_json(json.loads(data))).hexdigest() != digest:
            difference = DIGEST_MISMATCH
        if difference is not None:
            yield Problem("personal details", f"personal details {id} {difference}.", UUID(stream_id), position)
