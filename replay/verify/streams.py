"""The log's own order: versions, positions, instants, and what may follow what in the stream of a token."""

from collections.abc import Iterator

from domain.event import Event
from replay.verify.problems import Problem
from replay.verify.verify_connection import Ask

# a token's story: each event, and what may come right before it
FOLLOWS = {
    "SingleUseIssued": ("",),
    "DirectIssued": ("",),
    "SingleUseRevoked": ("SingleUseIssued",),
    "MeetingBooked": ("SingleUseIssued", "DirectIssued"),
    "Rescheduled": ("MeetingBooked", "Rescheduled", "MeetingReassigned"),
    "MeetingReassigned": ("MeetingBooked", "Rescheduled", "MeetingReassigned"),
    "MeetingCancelled": ("MeetingBooked", "Rescheduled", "MeetingReassigned"),
}
MOST_BACKWARDS = "60 seconds"

VERSIONS = """
SELECT stream_id, position, version, before, position_before
FROM (
    SELECT stream_id, position, version,
           lag(version, 1, 0) OVER stream AS before, lag(position, 1, 0::bigint) OVER stream AS position_before
    FROM {schema}.events WINDOW stream AS (PARTITION BY stream_id ORDER BY version, position)
) AS event
WHERE version <> before + 1 OR position <= position_before ORDER BY position
"""
STORIES = """
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


def versions(ask: Ask) -> Iterator[Problem]:
    """The versions of each stream are 1, 2, 3 …, in the order of their positions."""
    for row in ask.rows(VERSIONS):
        if row["version"] == row["before"]:
            said = f"version {row['version']} is there twice."
        elif row["version"] != row["before"] + 1:
            said = (
                f"version {row['version']} follows version {row['before']}: {missing(row['before'], row['version'])}."
            )
        else:
            said = (
                f"version {row['version']} comes before version {row['before']}, at position {row['position_before']}."
            )
        yield Problem("versions", said, row["stream_id"], row["position"])


def missing(before: int, version: int) -> str:
    """The versions between two."""
    return f"version {before + 1} is missing" if version == before + 2 else f"{before + 1} to {version - 1} are missing"


def stories(ask: Ask) -> Iterator[Problem]:
    """A token is issued, then booked or revoked; a booked one may be moved or reassigned, and at last cancelled."""
    allowed = [f"{name} {before}" for name, befores in FOLLOWS.items() for before in befores]
    for row in ask.rows(STORIES, {"names": list(FOLLOWS), "allowed": allowed}):
        after = f"after {row['before']}" if row["before"] else "as the beginning"
        yield Problem("stories", f"{row['name']} {after} cannot be.", row["stream_id"], row["position"])


def bookings_once(ask: Ask) -> Iterator[Problem]:
    """One MeetingBooked per token, ever."""
    for row in ask.rows(BOOKED_AGAIN):
        said = f"a second MeetingBooked: this token was booked at position {row['first']}."
        yield Problem("one booking per token", said, row["stream_id"], row["position"])


BOOKED_AGAIN = """
SELECT stream_id, position, first
FROM (
    SELECT stream_id, position, min(position) OVER (PARTITION BY stream_id) AS first
    FROM {schema}.events WHERE type LIKE 'MeetingBooked.%%'
) AS booked
WHERE position > first ORDER BY position
"""


def types(ask: Ask) -> Iterator[Problem]:
    """Every event is one that this version knows."""
    for row in ask.rows(UNKNOWN, {"known": list(Event.catalogue)}):
        yield Problem(
            "types", f"{row['type']} is not an event that this version knows.", row["stream_id"], row["position"]
        )


def instants(ask: Ask) -> Iterator[Problem]:
    """Later positions were not recorded much earlier: clocks may step back, but not by more than a minute."""
    for row in ask.rows(BACKWARDS, {"most": MOST_BACKWARDS}):
        said = f"recorded at {row['recorded_at']:%F %T}, after an event of {row['latest']:%F %T}."
        yield Problem("instants", said, row["stream_id"], row["position"])
