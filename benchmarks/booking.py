"""A booking: through the domain, beside the bare SQL of the same append, in the same run."""

import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.environment import Ground
from store.recorder import arguments

BOOKINGS = 1500
THREADS = 8


def bookings_per_second(ground: Ground, threads: int = THREADS) -> float:
    """Bookings of single-use links through the domain, by so many threads."""
    work = list(zip(ground.issue(BOOKINGS), ground.starts(BOOKINGS), strict=True))
    ground.book(*work.pop())
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(lambda one: ground.book(*one), work))
    return len(work) / (time.perf_counter() - began)


def bare_per_second(ground: Ground, threads: int = THREADS) -> float:
    """The floor: the read of the token and the call of `append` with arguments made beforehand."""
    database, calls = ground.oncelink.database, prepared_calls(ground)
    append = "SELECT {schema}.append(%s, %s, %s, %s, %s, %s) AS positions"
    read = "SELECT stream_id, version, type, data FROM {schema}.events WHERE stream_id = %s ORDER BY version"

    def call(one: tuple[object, list[str]]) -> None:
        database.rows(read, (one[0],))
        database.rows(append, one[1])

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, calls))
    return len(calls) / (time.perf_counter() - began)


def prepared_calls(ground: Ground, count: int = BOOKINGS) -> list[tuple[object, list[str]]]:
    """The arguments that the domain would send, caught instead of sent."""
    scheduling = ground.oncelink.scheduling
    recorder, caught = scheduling.recorder, []
    send = recorder.insert_events

    def catch(events: object, **kwargs: object) -> list[int]:
        caught.append(arguments(events, kwargs["conditions"]))  # type: ignore[arg-type]
        return [1, *range(len(events) - 1)]  # type: ignore[arg-type]

    tokens = ground.issue(count)
    starts = ground.starts(count)
    recorder.insert_events = catch  # type: ignore[assignment, method-assign]
    try:
        for token, start in zip(tokens, starts, strict=True):
            ground.book(token, start)
    finally:
        recorder.insert_events = send  # type: ignore[method-assign]
    return list(zip(tokens, caught, strict=True))
