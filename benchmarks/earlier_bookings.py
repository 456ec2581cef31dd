"""What a booking costs with few and with many earlier bookings of its host, in a big log."""

import statistics
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import psycopg

from api.server import DATABASE
from benchmarks.environment import BenchmarkEnvironment, iterate_half_hours
from benchmarks.figure import Figure
from benchmarks.issuing import measure_seconds
from benchmarks.sizes import Sizes
from store.embedded.server import Server

# meetings of one host, one every half hour until now; the hosts of other meetings do not matter
EARLIER_BOOKINGS = """
WITH earlier AS (
    SELECT gen_random_uuid() AS token, gen_random_uuid() AS details,
        coalesce(%(host)s::uuid, gen_random_uuid()) AS host,
        date_trunc('hour', now()) - n * interval '30 minutes' AS start FROM generate_series(1, %(count)s::bigint) n
), held AS (
    INSERT INTO {schema}.reservations (booking_id, host_id, during)
    SELECT token, host, tstzrange(start, start + interval '30 minutes') FROM earlier
)
INSERT INTO {schema}.events (stream_id, version, type, data)
SELECT token, version, type, jsonb_build_object('occurred_at', start,
    'actor', jsonb_build_object('kind', 'guest', 'id', null), 'request_id', token, 'source', 'web',
    'link_id', %(link)s::uuid) || CASE version WHEN 1 THEN '{{}}' ELSE jsonb_build_object(
    'request_key', md5(token::text), 'request_digest', md5(token::text), 'details_id', details, 'details_digest', null,
    'link_kind', 'standard', 'link_version', 1, 'meeting_type_id', %(type)s::uuid, 'meeting_type_version', 1,
    'host_ids', jsonb_build_array(host), 'host_versions', jsonb_build_array(1), 'starts_at', start,
    'ends_at', start + interval '30 minutes', 'held_from', start, 'held_until', start + interval '30 minutes') END
FROM earlier, (VALUES (1, 'DirectIssued.v1'), (2, 'MeetingBooked.v1')) AS issued (version, type)
"""


class BusyHost:
    """A host with a link and a number of earlier bookings."""

    def __init__(self, environment: BenchmarkEnvironment, server: Server, bookings: int) -> None:
        self.environment = environment
        host = environment.add_host("Host")
        self.link = environment.create_link(host)
        self.half_hours: Iterator[datetime] = iterate_half_hours()
        fill_log(environment, server, bookings, host, self.link)

    def measure_seconds(self, count: int) -> float:
        """Measure the median seconds of `count` bookings."""
        tokens = self.environment.issue_single_use_links(count, self.link)
        return statistics.median(
            measure_seconds(lambda id=id: self.environment.book_meeting(id, next(self.half_hours))) for id in tokens
        )


def measure_by_earlier_bookings(
    environment: BenchmarkEnvironment, server: Server, sizes: Sizes, flush_mode: str
) -> list[Figure]:
    """Measure each number of earlier bookings against the smallest, in turns."""
    hosts = {count: BusyHost(environment, server, count) for count in sizes.earlier_bookings}
    fill_log(
        environment,
        server,
        max(0, sizes.background_events // 2 - sum(sizes.earlier_bookings)),
        None,
        environment.link_id,
    )
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE oncelink.events, oncelink.reservations")
    fewest, *larger_counts = sizes.earlier_bookings
    rounds: list[dict[int, float]] = []
    for number in range(sizes.rounds * 5 + 1):
        order = list(hosts)[:: 1 if number % 2 else -1]
        rounds.append({count: hosts[count].measure_seconds(sizes.repetitions // 5 + 1) * 1000 for count in order})
    floors = [milliseconds[fewest] for milliseconds in rounds[1:]]
    return [
        Figure(
            f"a booking with {count:,} earlier ones of the host, {sizes.background_events:,} events", "ms",
            [milliseconds[count] for milliseconds in rounds[1:]], floors, 1.2, True, f"with {fewest}", flush_mode,
        )
        for count in larger_counts
    ]  # fmt: skip


def fill_log(environment: BenchmarkEnvironment, server: Server, bookings: int, host: UUID | None, link: UUID) -> None:
    """Insert this many bookings into the log with plain SQL."""
    params = {"count": bookings, "host": host, "link": link, "type": environment.meeting_type_id}
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        connection.execute(environment.services.database.compose_query(EARLIER_BOOKINGS), params)
