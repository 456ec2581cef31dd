"""Verifies meetings against the rest of the log: no host twice at a time, and booked only on versions in force."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from replay.verify.problems import Problem
from replay.verify.verify_connection import VerifyConnection

# Each stay of a meeting at a time, from the position that put it there to the one that removed it; only stays whose
# time, buffers included, overlaps another stay of the same host, whether or not both were in the log at one position.
STAYS = """
WITH changes AS (
    SELECT stream_id, position,
           (data ->> 'held_from')::timestamptz AS held_from, (data ->> 'held_until')::timestamptz AS held_until,
           lead(position) OVER token AS taken_away,
           first_value(CASE WHEN type LIKE 'MeetingBooked.%%' THEN data -> 'host_ids' END) OVER token AS first_hosts,
           array_agg(data -> 'host_ids') FILTER (WHERE type LIKE 'MeetingReassigned.%%') OVER token AS later_hosts
    FROM {schema}.events
    WHERE type LIKE 'MeetingBooked.%%' OR type LIKE 'Rescheduled.%%' OR type LIKE 'MeetingReassigned.%%'
        OR type LIKE 'MeetingCancelled.%%'
    WINDOW token AS (PARTITION BY stream_id ORDER BY version, position)
), stays AS (
    SELECT stream_id, position, taken_away, held_from, held_until, host::uuid AS host_id
    FROM changes,
         jsonb_array_elements_text(coalesce(later_hosts[cardinality(later_hosts)], first_hosts)) AS host
    WHERE held_from < held_until
), near AS (
    SELECT *, max(held_until) OVER (host ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until_before,
           lead(held_from) OVER host AS from_after
    FROM stays WINDOW host AS (PARTITION BY host_id ORDER BY held_from, position)
)
SELECT host_id, stream_id, position, taken_away, held_from, held_until FROM near
WHERE held_from < until_before OR held_until > from_after
ORDER BY host_id, held_from, position
"""
# What a booking was decided on, against the version of that stream that was in force at its position.
DECIDED_ON = """
WITH versions AS MATERIALIZED (
    SELECT stream_id, version, position, split_part(type, '.', 1) AS name,
           lead(position, 1, 9223372036854775807) OVER (PARTITION BY stream_id ORDER BY version, position) AS replaced
    FROM {schema}.events
    WHERE type ^@ 'Link' OR type ^@ 'MeetingType' OR type ^@ 'Person' AND NOT type ^@ 'PersonalDetails'
), decided AS (
    SELECT e.stream_id, e.position, 'link' AS kind,
           (data ->> 'link_id')::uuid AS on_id, (data ->> 'link_version')::int AS on_version
    FROM {schema}.events e WHERE type LIKE 'MeetingBooked.%%'
    UNION ALL
    SELECT e.stream_id, e.position, 'meeting type',
           (data ->> 'meeting_type_id')::uuid, (data ->> 'meeting_type_version')::int
    FROM {schema}.events e WHERE type LIKE 'MeetingBooked.%%'
    UNION ALL
    SELECT e.stream_id, e.position, 'host', host::uuid, (data -> 'host_versions' ->> (n::int - 1))::int
    FROM {schema}.events e, jsonb_array_elements_text(data -> 'host_ids') WITH ORDINALITY AS hosts (host, n)
    WHERE type LIKE 'MeetingBooked.%%' OR type LIKE 'MeetingReassigned.%%'
    UNION ALL
    SELECT m.stream_id, m.position, 'meeting type',
           (b.data ->> 'meeting_type_id')::uuid, (m.data ->> 'meeting_type_version')::int
    FROM {schema}.events m JOIN {schema}.events b ON b.stream_id = m.stream_id AND b.type LIKE 'MeetingBooked.%%'
    WHERE m.type LIKE 'Rescheduled.%%'
)
SELECT d.stream_id, d.position, d.kind, d.on_id, d.on_version, v.position AS made, v.replaced, v.name
FROM decided d LEFT JOIN versions v ON v.stream_id = d.on_id AND v.version = d.on_version
WHERE v.position IS NULL OR v.position > d.position OR v.replaced < d.position
    OR NOT v.name ^@ CASE d.kind WHEN 'link' THEN 'Link' WHEN 'host' THEN 'Person' ELSE 'MeetingType' END
ORDER BY d.position
"""
# Whether the link was open, by the state of its version.
CLOSED = """
WITH links AS MATERIALIZED (
    SELECT stream_id, version,
           count(*) FILTER (WHERE type LIKE 'LinkDeleted.%%') OVER link > 0 AS deleted,
           coalesce(max(version) FILTER (WHERE type LIKE 'LinkDisabled.%%') OVER link, 0)
               > coalesce(max(version) FILTER (WHERE type LIKE 'LinkEnabled.%%') OVER link, 0) AS disabled,
           max(version) FILTER (WHERE data ? 'slug') OVER link AS properties_version
    FROM {schema}.events WHERE type ^@ 'Link'
    WINDOW link AS (PARTITION BY stream_id ORDER BY version ROWS UNBOUNDED PRECEDING)
)
SELECT b.stream_id, b.position, l.stream_id AS link_id, l.deleted, l.disabled
FROM {schema}.events b
JOIN links l ON l.stream_id = (b.data ->> 'link_id')::uuid AND l.version = (b.data ->> 'link_version')::int
JOIN {schema}.events t ON t.stream_id = l.stream_id AND t.version = l.properties_version
WHERE b.type LIKE 'MeetingBooked.%%'
    AND (l.deleted OR l.disabled OR (t.data ->> 'expires_at')::timestamptz <= (b.data ->> 'occurred_at')::timestamptz)
ORDER BY b.position
"""
NO_END = 1 << 63


def check_overlaps(connection: VerifyConnection) -> Iterator[Problem]:
    """No host had two meetings at a time, at any position of the log."""
    recent_stays: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for stay in connection.stream_rows(STAYS):
        start: datetime = stay["held_from"]
        other_stays = [
            candidate for candidate in recent_stays.pop(stay["host_id"], []) if candidate["held_until"] > start
        ]
        for other_stay in other_stays:
            if other_stay["stream_id"] != stay["stream_id"] and is_concurrent(stay, other_stay):
                first, second = sorted((stay, other_stay), key=lambda candidate: candidate["position"])
                message = (
                    f"host {stay['host_id']} has this meeting at {second['held_from']:%F %R} and another one, "
                    f"{first['stream_id']}, at {first['held_from']:%F %R}."
                )
                yield Problem("overlapping meetings", message, second["stream_id"], second["position"])
        recent_stays.clear()
        recent_stays[stay["host_id"]] = [*other_stays, stay]


def is_concurrent(stay: dict[str, Any], other_stay: dict[str, Any]) -> bool:
    """Whether two stays were in the log at the same position."""
    stay_end, other_end = stay["taken_away"] or NO_END, other_stay["taken_away"] or NO_END
    return bool(stay["position"] < other_end and other_stay["position"] < stay_end)


def check_versions_in_force(connection: VerifyConnection) -> Iterator[Problem]:
    """Each booking was decided on versions of its link, meeting type and hosts that were in force at its position."""
    for row in connection.fetch_rows(DECIDED_ON):
        version = f"version {row['on_version']} of {row['kind']} {row['on_id']}"
        if row["made"] is None:
            message = f"was decided on {version}, which does not exist."
        elif row["made"] > row["position"]:
            message = f"was decided on {version}, which came later, at position {row['made']}."
        elif row["replaced"] < row["position"]:
            message = f"was decided on {version}, which was replaced before, at position {row['replaced']}."
        else:
            message = f"was decided on {version}, which is {row['name']}."
        yield Problem("versions in force", message, row["stream_id"], row["position"])


def check_links_open(connection: VerifyConnection) -> Iterator[Problem]:
    """Each booking was made on a link that was open."""
    for row in connection.fetch_rows(CLOSED):
        state = "deleted" if row["deleted"] else "disabled" if row["disabled"] else "expired"
        message = f"was booked on link {row['link_id']} when that was {state}."
        yield Problem("open links", message, row["stream_id"], row["position"])
