"""Issuing 100 single-use links in one call, beside 100 bare inserts in one statement; and the slots of a month."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from api.server import DATABASE
from benchmarks.environment import Ground
from benchmarks.figure import Figure, in_turns
from benchmarks.sizes import Sizes
from domain.availability.hours import Interval
from domain.commands.scheduling import Door
from store.embedded.server import Server

AT_ONCE = 100
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
HELD = """
INSERT INTO {schema}.reservations (booking_id, host_id, during)
SELECT gen_random_uuid(), %(host)s, tstzrange(start, start + interval '30 minutes')
FROM (SELECT %(from)s + n * interval '90 minutes' AS start FROM generate_series(0, %(count)s - 1) n) AS slot
"""


def figure(ground: Ground, found: Server, sizes: Sizes, where: str) -> Figure:
    """Single-use links issued in a second."""
    with psycopg.connect(found.url(database=DATABASE), autocommit=True) as connection:
        rows = {"count": AT_ONCE, "person": ground.julio, "link": ground.link_id}
        values, floors = in_turns(
            sizes.rounds * 5,
            lambda: AT_ONCE / timed(lambda: ground.issue(AT_ONCE)),
            lambda: AT_ONCE / timed(lambda: connection.execute(FLOOR, rows)),
        )
    name = f"issuing {AT_ONCE} single-use links in one call"
    return Figure(name, "/s", values, floors, 0.3, floor="bare inserts in one statement", where=where)


def slots_of_a_month(ground: Ground, found: Server, sizes: Sizes, where: str) -> Figure:
    """Milliseconds to answer with the slots of a month, for a host with two co-hosts who all have bookings."""
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    link = ground.shared_link(2)
    for number, host in enumerate(ground.oncelink.scheduling.offer(link, fresh=True).host_ids):
        hold(ground, found, host, first + timedelta(minutes=30 * (number % 2)), sizes.slots_of)
    slug = ground.oncelink.scheduling.offer(link, fresh=True).link.properties.slug
    within = Interval(first, first + timedelta(days=31))

    def ask() -> float:
        return statistics.median(timed(lambda: asked(ground, slug, within)) for _ in range(sizes.asked)) * 1000

    name = f"slots of a month, three hosts with {sizes.slots_of} bookings each, p50"
    return Figure(name, "ms", [ask() for _ in range(sizes.rounds)], (), 10, True, where=where)


def hold(ground: Ground, found: Server, host: UUID, start: datetime, count: int) -> None:
    """Holds that many half hours of a host, one every hour and a half."""
    with psycopg.connect(found.url(database=DATABASE), autocommit=True) as connection:
        text = ground.oncelink.database.text(HELD)
        connection.execute(text, {"host": host, "from": start, "count": count})


def asked(ground: Ground, slug: str, within: Interval) -> None:
    """The question of a guest, answered."""
    scheduling = ground.oncelink.scheduling
    _, offer = scheduling.look(Door(slug=slug))
    assert scheduling.slots(offer, within, datetime.now(UTC))


def timed(done: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    done()
    return time.perf_counter() - began
