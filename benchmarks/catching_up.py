"""Measure the follower catching up in batches of 1,000 against a rebuild, and a rebuild against one INSERT … SELECT."""

import time

import psycopg

from api.server import DATABASE
from benchmarks.figure import Figure, measure_in_turns
from benchmarks.rebuilding import measure_manual_build, measure_rebuild
from benchmarks.sizes import Sizes
from projections.catalogue import READ_MODELS
from projections.following.batch_projector import BatchProjector
from projections.following.follower import LEADER_OPTIONS
from projections.following.positions import read_positions
from projections.meeting_log import MEETING_LOG
from projections.rebuild import job
from store.database import Database
from store.embedded.server import Server

SET_FOLLOWER_POSITION = "UPDATE {schema}.follower SET position = %s"


def measure_catching_up(db: Database, server: Server, sizes: Sizes, flush_mode: str) -> list[Figure]:
    """Measure both, in events per second of one log."""
    job.GRACE_SECONDS = 0.0  # nobody reads here, so nobody has to be waited for
    events = read_positions(db).head
    measure_rebuild(db, READ_MODELS), measure_manual_build(db, READ_MODELS)
    rebuild_rates, manual_rates = measure_in_turns(
        sizes.rounds,
        lambda: events / measure_rebuild(db, [MEETING_LOG]),
        lambda: events / measure_manual_build(db, [MEETING_LOG]),
    )
    follower_rates, full_rebuild_rates = measure_in_turns(
        sizes.rounds, lambda: measure_follower(db, server, events), lambda: events / measure_rebuild(db, READ_MODELS)
    )
    return [
        Figure(
            f"rebuild of the meeting log, {events:,} events",
            "events/s",
            rebuild_rates,
            manual_rates,
            0.8,
            floor="by hand",
            flush_mode=flush_mode,
        ),
        Figure(
            "follower catching up, batches of 1,000",
            "events/s",
            follower_rates,
            full_rebuild_rates,
            0.2,
            floor="rebuild of all",
            flush_mode=flush_mode,
        ),
    ]


def measure_follower(db: Database, server: Server, head: int) -> float:
    """Measure the events per second that the follower projects: the last fifth of the log again."""
    start = head - head // 5
    with psycopg.connect(server.build_url(database=DATABASE), autocommit=True) as connection:
        connection.execute(db.compose_query(SET_FOLLOWER_POSITION), (start,))
    with db.connect(options=LEADER_OPTIONS) as connection:
        projector = BatchProjector(db, connection, READ_MODELS)
        started_at = time.perf_counter()
        while projector.project_batch(head) < head:
            pass
    return (head - start) / (time.perf_counter() - started_at)
