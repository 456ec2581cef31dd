"""Guests who act at the same time, and checks of what the log then has."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import httpx2

from store.database import Database
from tests.api_driver import GUEST

T = TypeVar("T")
COUNT_BOOKINGS = "SELECT count(*) AS n FROM {schema}.events WHERE type = 'MeetingBooked.v1' AND data ->> 'link_id' = %s"
MEETINGS = """
SELECT position, stream_id, type, data FROM {schema}.events
WHERE type LIKE 'MeetingBooked.%%' OR type LIKE 'Rescheduled.%%' OR type LIKE 'MeetingReassigned.%%'
    OR type LIKE 'MeetingCancelled.%%' ORDER BY position
"""
RESERVATIONS = """
SELECT booking_id, host_id, lower(during) AS start, upper(during) AS "end" FROM {schema}.reservations
"""
EXPECTED_RESERVATIONS = """
WITH last AS (
    SELECT DISTINCT ON (stream_id) stream_id, data, type FROM {schema}.events
    WHERE type LIKE 'MeetingBooked.%%' OR type LIKE 'Rescheduled.%%' OR type LIKE 'MeetingReassigned.%%'
        OR type LIKE 'MeetingCancelled.%%'
    ORDER BY stream_id, version DESC
), hosted AS (
    SELECT DISTINCT ON (stream_id) stream_id, data FROM {schema}.events
    WHERE type LIKE 'MeetingBooked.%%' OR type LIKE 'MeetingReassigned.%%'
    ORDER BY stream_id, version DESC
)
SELECT last.stream_id AS booking_id, host::uuid AS host_id,
       (last.data ->> 'held_from')::timestamptz AS start, (last.data ->> 'held_until')::timestamptz AS "end"
FROM last
JOIN hosted USING (stream_id)
CROSS JOIN jsonb_array_elements_text(hosted.data -> 'host_ids') host
WHERE last.type NOT LIKE 'MeetingCancelled.%%'
"""


def book_slot(client: httpx2.Client, code: str, start: str, key: str | None = None) -> httpx2.Response:
    """Book a slot as a guest."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/v1/book/{code}", json={"start": start, "guest": GUEST}, headers=headers)


def run_concurrently(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run calls in threads that one barrier releases together. Return their results."""
    barrier = Barrier(len(calls))

    def run_call(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run_call, calls))


def count_outcomes(responses: Sequence[httpx2.Response]) -> Counter[str]:
    """Count the outcomes of responses."""
    return Counter(to_outcome(response) for response in responses)


def to_outcome(response: httpx2.Response) -> str:
    """The code of a refusal, else the status."""
    if response.status_code < 400:
        return str(response.status_code)
    return f"{response.status_code} {response.json()['code']}"


def count_bookings(database: Database, *links: dict[str, Any]) -> int:
    """Count the meetings in the log that were booked through these links."""
    return sum(int(database.fetch_rows(COUNT_BOOKINGS, (link["id"],))[0]["n"]) for link in links)


def check_calendar(database: Database) -> None:
    """Check that no two meetings of a host overlapped at any position, and that the reservations match the log."""
    meetings: dict[Any, tuple[set[str], str, str]] = {}
    for row in database.fetch_rows(MEETINGS):
        previous = meetings.pop(row["stream_id"], None)
        if row["type"].startswith("MeetingCancelled"):
            continue
        hosts = set(row["data"].get("host_ids", ())) or (previous[0] if previous else set())
        meeting = (hosts, row["data"]["held_from"], row["data"]["held_until"])
        overlapping = [other for other in meetings.values() if overlaps_with(meeting, other)]
        assert not overlapping, f"at position {row['position']}: {meeting} and {overlapping}"
        meetings[row["stream_id"]] = meeting
    assert to_set(database.fetch_rows(RESERVATIONS)) == to_set(database.fetch_rows(EXPECTED_RESERVATIONS))


def overlaps_with(first: tuple[set[str], str, str], second: tuple[set[str], str, str]) -> bool:
    """Whether two meetings need a host at the same time; their instants are all spelled alike."""
    return bool(first[0] & second[0]) and first[1] < second[2] and second[1] < first[2]


def to_set(rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Convert rows to a set of tuples."""
    return {tuple(row.values()) for row in rows}
