"""Verifies the order of the log: versions, positions, instants, and which events may follow in a token's stream."""

from collections.abc import Iterator

from domain.event import Event
from replay.verify.problems import Problem
from replay.verify.verify_connection import VerifyConnection

# the events of a token, and which events may come right before each
ALLOWED_PREDECESSORS = {
    "SingleUseIssued": ("",),
    "DirectIssued": ("",),
    "SingleUseRevoked": ("SingleUseIssued",),
    "MeetingBooked": ("SingleUseIssued", "DirectIssued"),
    "Rescheduled": ("MeetingBooked", "Rescheduled", "MeetingReassigned"),
    "MeetingReassigned": ("MeetingBooked", "Rescheduled", "MeetingReassigned"),
    "MeetingCancelled": ("MeetingBooked", "Rescheduled", "MeetingReassigned"),
}
MAX_CLOCK_STEP = "60 seconds"

VERSIONS = """
SELECT stream_id, position, version, before, position_before
FROM (
    SELECT stream_id, position, version,
           lag(version, 1, 0) OVER stream AS before, lag(position, 1, 0::bigint) OVER stream AS position_before
    FROM {schema}.events WINDOW stream AS (PARTITION BY stream_id ORDER BY version, position)
) AS event
WHERE version <> before + 1 OR position <= position_before ORDER BY position
"""
EVENT_ORDER = """
SELECT stream_id, position, name, before
FROM (
    SELECT stream_id, position, split_part(type, '.', 1) AS name,
           lag(split_part(type, '.', 1), 1, '') OVER (PARTITION BY stream_id ORDER BY version, position) AS before
    FROM {schema}.events WHERE split_part(type, '.', 1) = ANY (%(names)s)
) AS event
WHERE NOT (name || ' ' || before) = ANY (%(allowed)s) ORDER BY position
"""
UNKNOWN = """
SELECT stream_id, position, type FROM {schema}.events
WHERE type IN (SELECT type FROM {schema}.events GROUP BY type HAVING NOT type = ANY (%(known)s)) ORDER BY position
"""
BACKWARDS = """
SELECT stream_id, position, recorded_at, latest
FROM (
    SELECT stream_id, position, recorded_at,
           max(recorded_at) OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
    FROM {schema}.events
) AS event
WHERE recorded_at < latest - %(most)s::interval ORDER BY position
"""


def check_versions(connection: VerifyConnection) -> Iterator[Problem]:
    """The versions of each stream are 1, 2, 3 …, in the order of their positions."""
    for row in connection.fetch_rows(VERSIONS):
        if row["version"] == row["before"]:
            message = f"version {row['version']} is there twice."
        elif row["version"] != row["before"] + 1:
            missing = describe_missing_versions(row["before"], row["version"])
            message = f"version {row['version']} follows version {row['before']}: {missing}."
        else:
            message = (
                f"version {row['version']} comes before version {row['before']}, at position {row['position_before']}."
            )
        yield Problem("versions", message, row["stream_id"], row["position"])


def describe_missing_versions(previous_version: int, version: int) -> str:
    """The versions that are missing between two."""
    return (
        f"version {previous_version + 1} is missing"
        if version == previous_version + 2
        else f"{previous_version + 1} to {version - 1} are missing"
    )


def check_event_order(connection: VerifyConnection) -> Iterator[Problem]:
    """A token is issued, then booked or revoked; a booked one may be moved or reassigned, and finally cancelled."""
    allowed = [
        f"{name} {predecessor}" for name, predecessors in ALLOWED_PREDECESSORS.items() for predecessor in predecessors
    ]
    for row in connection.fetch_rows(EVENT_ORDER, {"names": list(ALLOWED_PREDECESSORS), "allowed": allowed}):
        after = f"after {row['before']}" if row["before"] else "as the beginning"
        yield Problem("stories", f"{row['name']} {after} cannot be.", row["stream_id"], row["position"])


def check_single_booking(connection: VerifyConnection) -> Iterator[Problem]:
    """One MeetingBooked per token, ever."""
    for row in connection.fetch_rows(BOOKED_AGAIN):
        message = f"a second MeetingBooked: this token was booked at position {row['first']}."
        yield Problem("one booking per token", message, row["stream_id"], row["position"])


BOOKED_AGAIN = """
SELECT stream_id, position, first
FROM (
    SELECT stream_id, position, min(position) OVER (PARTITION BY stream_id) AS first
    FROM {schema}.events WHERE type LIKE 'MeetingBooked.%%'
) AS booked
WHERE position > first ORDER BY position
"""


def check_types(connection: VerifyConnection) -> Iterator[Problem]:
    """Every event is of a type that this version knows."""
    for row in connection.fetch_rows(UNKNOWN, {"known": list(Event.catalogue)}):
        yield Problem(
            "types", f"{row['type']} is not an event that this version knows.", row["stream_id"], row["position"]
        )


def check_instants(connection: VerifyConnection) -> Iterator[Problem]:
    """Later positions were not recorded much earlier: clocks may step back, but not by more than a minute."""
    for row in connection.fetch_rows(BACKWARDS, {"most": MAX_CLOCK_STEP}):
        message = f"recorded at {row['recorded_at']:%F %T}, after an event of {row['latest']:%F %T}."
        yield Problem("instants", message, row["stream_id"], row["position"])
