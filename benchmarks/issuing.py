"""Measure issuing 100 single-use links in one call against one INSERT of 100 rows, and the slots of a month."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from api.server import DATABASE
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.sizes import Sizes
from domain.availability.hours import Interval
from domain.commands.scheduling import BookingTarget
from store.embedded.server import Server

LINKS_PER_CALL = 100
# the rows that a hundred single-use links are: an event and its personal details each
FLOOR = """
WITH wanted AS (SELECT gen_random_uuid() AS token, gen_random_uuid() AS details FROM generate_series(1, %(count)s)),
details AS (
    INSERT INTO oncelink.personal_details (id, stream_id, salt, data, words)
    SELECT details, token, decode(md5(details::text), 'hex'),
        '{"label": null, "metadata": {}, "recipient": null}', oncelink.words('') FROM wanted
)
INSERT INTO oncelink.events (stream_id, version, type, data)
SELECT token, 1, 'SingleUseIssued.v1', jsonb_build_object('occurred_at', now(), 'actor', jsonb_build_object(
    'kind', 'person', 'id', %(person)s::uuid), 'request_id', 'r', 'source', 'api', 'request_key', null,
    'request_digest', md5(token::text) || md5(details::text), 'details_id', details,
    'details_digest', md5(details::text) || md5(token::text), 'link_id', %(link)s::uuid, 'issued_by', %(person)s::uuid,
    'issue_number', 0, 'issue_count', %(count)s::int) FROM wanted
"""
INSERT_RESERVATIONS = """
INSERT INTO {schema}.reservations (booking_id, host_id, during)
SELECT gen_random_uuid(), %(host)s, tstzrange(start, start + interval '30 minutes')
FROM (SELECT %(from)s + n * interval '90 minutes' AS start FROM generate_series(0, %(count)s - 1) n) AS slot
"""


def measure_issuing(environment: BenchmarkEnvironment, server: Server, sizes: Sizes, flush_mode: str) -> Figure:
    """Measure single-use links issued per second."""
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        rows = {"count": LINKS_PER_CALL, "person": environment.julio, "link": environment.link_id}
        values, floors = measure_in_turns(
            sizes.rounds * 5,
            lambda: LINKS_PER_CALL / measure_seconds(lambda: environment.issue_single_use_links(LINKS_PER_CALL)),
            lambda: LINKS_PER_CALL / measure_seconds(lambda: connection.execute(FLOOR, rows)),
        )
    name = f"issuing {LINKS_PER_CALL} single-use links in one call"
    return Figure(name, "/s", values, floors, 0.3, floor="bare inserts in one statement", flush_mode=flush_mode)


def measure_slots_of_a_month(
    environment: BenchmarkEnvironment, server: Server, sizes: Sizes, flush_mode: str
) -> Figure:
    """Milliseconds to answer with the slots of a month, for a host with two co-hosts who all have bookings."""
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    link = environment.create_shared_link(2)
    for number, host in enumerate(environment.services.scheduling.load_offer(link, fresh=True).host_ids):
        reserve_half_hours(
            environment, server, host, first + timedelta(minutes=30 * (number % 2)), sizes.bookings_per_host
        )
    slug = environment.services.scheduling.load_offer(link, fresh=True).link.properties.slug
    interval = Interval(first, first + timedelta(days=31))

    def measure_round() -> float:
        return (
            statistics.median(
                measure_seconds(lambda: list_slots(environment, slug, interval)) for _ in range(sizes.repetitions)
            )
            * 1000
        )

    name = f"slots of a month, three hosts with {sizes.bookings_per_host} bookings each, p50"
    return Figure(name, "ms", [measure_round() for _ in range(sizes.rounds)], (), 10, True, flush_mode=flush_mode)


def reserve_half_hours(
    environment: BenchmarkEnvironment, server: Server, host: UUID, start: datetime, count: int
) -> None:
    """Reserve this many half hours of a host, one every hour and a half."""
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        text = environment.services.database.compose_query(INSERT_RESERVATIONS)
        connection.execute(text, {"host": host, "from": start, "count": count})


def list_slots(environment: BenchmarkEnvironment, slug: str, interval: Interval) -> None:
    """List the slots of an interval, as for a guest."""
    scheduling = environment.services.scheduling
    _, offer = scheduling.resolve_target(BookingTarget(slug=slug))
    assert scheduling.list_slots(offer, interval, datetime.now(UTC))


def measure_seconds(action: Callable[[], object]) -> float:
    """Measure the seconds of an action."""
    started_at = time.perf_counter()
    action()
    return time.perf_counter() - started_at
