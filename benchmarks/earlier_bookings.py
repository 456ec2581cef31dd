"""What a booking costs with few and with many earlier bookings of its host, in a big log."""

import statistics
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import psycopg

from api.server import DATABASE
from benchmarks.environment import Ground, half_hours
from benchmarks.figure import Figure
from benchmarks.issuing import timed
from benchmarks.sizes import Sizes
from store.embedded.server import Server

# meetings of one host, one every half hour until now; the hosts of other meetings are of no account
EARLIER = """
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
FROM earlier, (VALUES (1, 'DirectIssued.v1'), (2, 'MeetingBooked.v1')) AS told (version, type)
"""


class Desk:
    """A host with a link and some earlier bookings."""

    def __init__(self, ground: Ground, found: Server, bookings: int) -> None:
        self.ground = ground
        host = ground.hire("Host")
        self.link = ground.link_of(host)
        self.half_hours: Iterator[datetime] = half_hours()
        fill(ground, found, bookings, host, self.link)

    def seconds(self, count: int) -> float:
        """The median seconds of some bookings."""
        tokens = self.ground.issue(count, self.link)
        return statistics.median(timed(lambda id=id: self.ground.book(id, next(self.half_hours))) for id in tokens)


def figures(ground: Ground, found: Server, sizes: Sizes, where: str) -> list[Figure]:
    """Each number of earlier bookings beside the smallest, in turns."""
    desks = {count: Desk(ground, found, count) for count in sizes.earlier}
    fill(ground, found, max(0, sizes.log // 2 - sum(sizes.earlier)), None, ground.link_id)
    with psycopg.connect(found.url(database=DATABASE), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE oncelink.events, oncelink.reservations")
    few, *more = sizes.earlier
    rounds: list[dict[int, float]] = []
    for number in range(sizes.rounds * 5 + 1):
        order = list(desks)[:: 1 if number % 2 else -1]
        rounds.append({count: desks[count].seconds(sizes.asked // 5 + 1) * 1000 for count in order})
    floors = [found[few] for found in rounds[1:]]
    return [
        Figure(
            f"a booking with {count:,} earlier ones of the host, {sizes.log:,} events", "ms",
            [found[count] for found in rounds[1:]], floors, 1.2, True, f"with {few}", where,
        )
        for count in more
    ]  # fmt: skip


def fill(ground: Ground, found: Server, bookings: int, host: UUID | None, link: UUID) -> None:
    """So many bookings straight into the log."""
    params = {"count": bookings, "host": host, "link": link, "type": ground.meeting_type_id}
    with psycopg.connect(found.url(database=DATABASE), autocommit=True) as connection:
        connection.execute(ground.oncelink.database.text(EARLIER), params)
