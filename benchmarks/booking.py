"""Measure bookings through the domain against the bare SQL of the same append, in one run."""

import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.environment import BenchmarkEnvironment
from store.recorder import build_append_arguments

BOOKINGS = 1500
THREADS = 8


def measure_bookings_per_second(environment: BenchmarkEnvironment, threads: int = THREADS) -> float:
    """Measure bookings of single-use links per second through the domain, with `threads` threads."""
    work = list(zip(environment.issue_single_use_links(BOOKINGS), environment.take_starts(BOOKINGS), strict=True))
    environment.book_meeting(*work.pop())
    started_at = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(lambda item: environment.book_meeting(*item), work))
    return len(work) / (time.perf_counter() - started_at)


def measure_appends_per_second(environment: BenchmarkEnvironment, threads: int = THREADS) -> float:
    """Measure the floor: the read of the token and the call of `append` with prepared arguments."""
    database, calls = environment.services.database, prepare_append_calls(environment)
    append = "SELECT {schema}.append(%s, %s, %s, %s, %s, %s) AS positions"
    read = "SELECT stream_id, version, type, data FROM {schema}.events WHERE stream_id = %s ORDER BY version"

    def execute_append(item: tuple[object, list[str]]) -> None:
        database.fetch_rows(read, (item[0],))
        database.fetch_rows(append, item[1])

    started_at = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(execute_append, calls))
    return len(calls) / (time.perf_counter() - started_at)


def prepare_append_calls(environment: BenchmarkEnvironment, count: int = BOOKINGS) -> list[tuple[object, list[str]]]:
    """Record the arguments of `append` that the domain would send, without sending them."""
    recorder, calls = environment.services.scheduling.application.recorder, []
    insert_events = recorder.insert_events

    def record_call(events: object, **kwargs: object) -> list[int]:
        calls.append(build_append_arguments(events, kwargs["conditions"]))  # type: ignore[arg-type]
        return [1, *range(len(events) - 1)]  # type: ignore[arg-type]

    tokens = environment.issue_single_use_links(count)
    starts = environment.take_starts(count)
    recorder.insert_events = record_call  # type: ignore[assignment, method-assign]
    try:
        for token, start in zip(tokens, starts, strict=True):
            environment.book_meeting(token, start)
    finally:
        recorder.insert_events = insert_events  # type: ignore[method-assign]
    return list(zip(tokens, calls, strict=True))
