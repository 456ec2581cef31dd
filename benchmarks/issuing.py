"""Measure issuing 100 single-use links in one call against one INSERT of 100 rows."""

import time
from collections.abc import Callable

import psycopg

from api.server import DATABASE
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.sizes import Sizes
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


def measure_seconds(action: Callable[[], object]) -> float:
    """Measure the seconds of an action."""
    started_at = time.perf_counter()
    action()
    return time.perf_counter() - started_at
