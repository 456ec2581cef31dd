"""A barrier inside the append: calls wait for a lock there, and continue at the same instant."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import Connection

from tests.waiting import wait_until

T = TypeVar("T")
FENCE = "SELECT pg_advisory_xact_lock(hashtextextended('{schema}.fence', 0))"
COMPETING_RESERVATION = (
    "INSERT INTO {schema}.reservations SELECT gen_random_uuid(), '{host}', tstzrange('{start}', 'infinity')"
)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
TIMEOUT_SECONDS = 3.0  # less than the service waits for a lock; on a slow machine fewer pass together


def run_simultaneously(
    superuser_url: str, application_name: str, blocking_statement: str, calls: Sequence[Callable[[], T]]
) -> list[T]:
    """Run calls whose appends wait for the lock of a statement until all of them wait. Return their results."""
    with (
        psycopg.connect(superuser_url) as holder,
        psycopg.connect(superuser_url, autocommit=True) as observer,
        ThreadPoolExecutor(len(calls)) as threads,
    ):
        holder.execute(blocking_statement)
        futures = [threads.submit(call) for call in calls]
        with suppress(AssertionError):
            wait_until(lambda: count_waiting(observer, application_name) >= len(calls), "all wait", TIMEOUT_SECONDS)
        holder.rollback()
        return [future.result() for future in futures]


def count_waiting(observer: Connection[Any], application_name: str) -> int:
    """Count the backends of an application that wait for a lock."""
    row = observer.execute(WAITING, (application_name,)).fetchone()
    return int(row[0]) if row else 0
