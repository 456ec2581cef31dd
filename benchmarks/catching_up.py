"""The follower catching up in batches of a thousand, beside a rebuild; a rebuild, beside one INSERT … SELECT."""

import time

import psycopg

from api.server import DATABASE
from benchmarks.figure import Figure, in_turns
from benchmarks.rebuilding import by_hand, rebuild
from benchmarks.sizes import Sizes
from projections.catalogue import READ_MODELS
from projections.following.batch_projector import Folding
from projections.following.follower import LEADER_OPTIONS
from projections.following.positions import position
from projections.meeting_log import MEETING_LOG
from projections.rebuild import job
from store.database import Database
from store.embedded.server import Server

BACK = "UPDATE {schema}.follower SET position = %s"


def figures(db: Database, found: Server, sizes: Sizes, where: str) -> list[Figure]:
    """Both, in events a second of one log."""
    job.GRACE_SECONDS = 0.0  # nobody reads here, so nobody has to be waited for
    events = position(db).head
    rebuild(db, READ_MODELS), by_hand(db, READ_MODELS)
    ours, hand = in_turns(
        sizes.rounds, lambda: events / rebuild(db, [MEETING_LOG]), lambda: events / by_hand(db, [MEETING_LOG])
    )
    caught, rebuilt = in_turns(
        sizes.rounds, lambda: caught_up(db, found, events), lambda: events / rebuild(db, READ_MODELS)
    )
    return [
        Figure(
            f"rebuild of the meeting log, {events:,} events", "events/s", ours, hand, 0.8, floor="by hand", where=where
        ),
        Figure(
            "follower catching up, batches of 1,000",
            "events/s",
            caught,
            rebuilt,
            0.2,
            floor="rebuild of all",
            where=where,
        ),
    ]


def caught_up(db: Database, found: Server, head: int) -> float:
    """Events that the follower folds in a second: the last fifth of the log, folded once more."""
    start = head - head // 5
    with psycopg.connect(found.url(database=DATABASE), autocommit=True) as connection:
        connection.execute(db.text(BACK), (start,))
    with db.connect(options=LEADER_OPTIONS) as connection:
        folding = Folding(db, connection, READ_MODELS)
        began = time.perf_counter()
        while folding.batch(head) < head:
            pass
    return (head - start) / (time.perf_counter() - began)
