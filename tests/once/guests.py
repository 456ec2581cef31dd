"""Guests who act at the same time, and what the log says afterwards."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import httpx2

from store.database import Database
from tests.api_driver import GUEST

T = TypeVar("T")
BOOKED = "SELECT count(*) AS n FROM {schema}.events WHERE type = 'MeetingBooked.v1' AND data ->> 'link_id' = %s"
MEETINGS = """
SELECT position, stream_id, type, data FROM {schema}.events
WHERE type LIKE 'MeetingBooked.%%' OR type LIKE 'Rescheduled.%%' OR type LIKE 'MeetingReassigned.%%'
    OR type LIKE 'MeetingCancelled.%%' ORDER BY position
"""
RESERVED = """
SELECT booking_id, host_id, lower(during) AS start, upper(during) AS "end" FROM {schema}.reservations
"""
HELD = """
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


def books(client: httpx2.Client, code: str, start: str, key: str | None = None) -> httpx2.Response:
    """One guest's booking."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/v1/book/{code}", json={"start": start, "guest": GUEST}, headers=headers)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """What each call returns, all of them released by one barrier."""
    barrier = Barrier(len(calls))

    def released(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(released, calls))


def outcomes(answers: Sequence[httpx2.Response]) -> Counter[str]:
    """How often each outcome was answered: the code of a refusal, else the status."""
    return Counter(outcome(answer) for answer in answers)


def outcome(answer: httpx2.Response) -> str:
    """The code of a refusal, else the status."""
    if answer.status_code < 400:
        return str(answer.status_code)
    return f"{answer.status_code} {answer.json()['code']}"


def booked(database: Database, *links: dict[str, Any]) -> int:
    """How many meetings the log has that were booked through these links."""
    return sum(int(database.rows(BOOKED, (link["id"],))[0]["n"]) for link in links)


def check_calendar(database: Database) -> None:
    """At no position of the log did two meetings of one host overlap, and what is reserved is what the log says."""
    meetings: dict[Any, tuple[set[str], str, str]] = {}
    for row in database.rows(MEETINGS):
        before = meetings.pop(row["stream_id"], None)
        if row["type"].startswith("MeetingCancelled"):
            continue
        hosts = set(row["data"].get("host_ids", ())) or (before[0] if before else set())
        meeting = (hosts, row["data"]["held_from"], row["data"]["held_until"])
        rivals = [other for other in meetings.values() if overlap(meeting, other)]
        assert not rivals, f"at position {row['position']}: {meeting} and {rivals}"
        meetings[row["stream_id"]] = meeting
    assert as_set(database.rows(RESERVED)) == as_set(database.rows(HELD))


def overlap(one: tuple[set[str], str, str], other: tuple[set[str], str, str]) -> bool:
    """Whether two meetings need a host at the same time; their instants are all spelled alike."""
    return bool(one[0] & other[0]) and one[1] < other[2] and other[1] < one[2]


def as_set(rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Rows without an order."""
    return {tuple(row.values()) for row in rows}
