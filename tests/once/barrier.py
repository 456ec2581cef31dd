"""A gate inside the append: many gather in front of it, and pass it in the same instant."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import Connection

from tests.once.server_processes import wait_until

T = TypeVar("T")
FENCE = "SELECT pg_advisory_xact_lock(hashtextextended('{schema}.fence', 0))"
RIVAL = "INSERT INTO {schema}.reservations SELECT gen_random_uuid(), '{host}', tstzrange('{start}', 'infinity')"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
PATIENCE = 3.0  # less than the service waits for a lock; on a slow machine fewer pass together


def together(superuser_url: str, application_name: str, gate: str, calls: Sequence[Callable[[], T]]) -> list[T]:
    """What each call returns, whose appends waited for what this statement holds until all of them did."""
    with (
        psycopg.connect(superuser_url) as holder,
        psycopg.connect(superuser_url, autocommit=True) as watch,
        ThreadPoolExecutor(len(calls)) as threads,
    ):
        holder.execute(gate)
        running = [threads.submit(call) for call in calls]
        with suppress(AssertionError):
            wait_until(lambda: waiting(watch, application_name) >= len(calls), "all wait", PATIENCE)
        holder.rollback()
        return [one.result() for one in running]


def waiting(watch: Connection[Any], application_name: str) -> int:
    """How many backends of an application wait for a lock."""
    row = watch.execute(WAITING, (application_name,)).fetchone()
    return int(row[0]) if row else 0
