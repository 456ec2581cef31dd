"""How each read model stands: where it is in the log, how many rows it has, whether it follows, and its rebuild."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from psycopg.rows import DictRow

from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.rebuild.progress import IS_HELD
from store.database import Database

State = Literal["following", "rebuilding", "stopped"]

COUNTED = 10_000  # up to here, events and rows are counted; beyond it, they are estimated
STUCK_SECONDS = 10.0

FOLLOWER = f"""
SELECT f.position, l.head, {IS_HELD.format(name="rebuild")} AS rebuilding, {IS_HELD.format(name="follower")} AS led,
       (SELECT count(*) FROM (
           SELECT FROM {{schema}}.events WHERE position > f.position LIMIT {COUNTED}) AS beyond) AS lag_events,
       coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - recorded_at), 0)::float8
           FROM {{schema}}.events WHERE position > f.position ORDER BY position LIMIT 1), 0) AS lag_seconds
FROM {{schema}}.follower AS f, (SELECT coalesce(max(position), 0) AS head FROM {{schema}}.events) AS l
"""
MODELS = """
SELECT m.name, m.version, m.live_table, greatest(c.reltuples, 0)::bigint AS estimate,
       d.stream_id, d.error AS dead, d.more
FROM {schema}.read_models AS m
LEFT JOIN pg_class AS c ON c.oid = to_regclass(format('%%I.%%I', %(schema)s::text, m.live_table))
LEFT JOIN LATERAL (
    SELECT stream_id, split_part(error, chr(10), 1) AS error, count(*) OVER () - 1 AS more
    FROM {schema}.dead_letters WHERE read_model = m.name ORDER BY failed_at LIMIT 1
) AS d ON true
"""
REBUILDS = """
SELECT read_model, done, total, error,
       coalesce(done / nullif(extract(epoch FROM moved_at - started_at), 0), 0)::float8 AS events_per_second,
       (extract(epoch FROM moved_at - started_at) * (1 - share) / nullif(share, 0))::float8 AS eta_seconds
FROM {schema}.rebuilds
"""
ROWS = "SELECT count(*) AS rows FROM (SELECT FROM {{schema}}.{table} LIMIT %(most)s) AS counted"


class RebuildStanding(TypedDict):
    """How far a rebuild is; `eta_seconds` is None as long as nobody can know."""

    done: int
    total: int
    events_per_second: float
    eta_seconds: float | None


class Standing(TypedDict):
    """How one read model stands. `rows` is counted up to some thousands, and PostgreSQL's estimate beyond."""

    name: str
    version: int
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    rows: int
    state: State
    error: str | None
    rebuild: RebuildStanding | None


@dataclass(frozen=True, slots=True)
class Follows:
    """What this process knows of its own follower: whether it runs, and what went wrong."""

    alive: bool = False
    error: str | None = None


def standings(db: Database, follows: Follows, catalogue: Sequence[ReadModel] = READ_MODELS) -> list[Standing]:
    """How all read models stand now. Raises DatabaseAway."""
    (follower,) = db.rows(FOLLOWER, {"schema": db.schema})
    live = {row["name"]: row for row in db.rows(MODELS, {"schema": db.schema})}
    rebuilds = {row["read_model"]: row for row in db.rows(REBUILDS)}
    return [
        standing(model, follower, live.get(model.name), rebuilds.get(model.name), follows, db) for model in catalogue
    ]


def standing(
    model: ReadModel, follower: DictRow, live: DictRow | None, rebuild: DictRow | None, follows: Follows, db: Database
) -> Standing:
    """How one stands."""
    trouble = trouble_of(model, live, follower, follows)
    running = follower["rebuilding"] and rebuild is not None and rebuild["error"] is None
    state: State = "rebuilding" if running else "stopped" if trouble else "following"
    lag = follower["lag_events"]
    return Standing(
        name=model.name,
        version=live["version"] if live else model.version,
        position=follower["position"],
        head=follower["head"],
        lag_events=lag if lag < COUNTED else follower["head"] - follower["position"],
        lag_seconds=round(follower["lag_seconds"], 3),
        rows=rows_of(db, live) if live else 0,
        state=state,
        error=trouble or (None if running or rebuild is None else ended(rebuild)),
        rebuild=progress_of(rebuild) if running and rebuild else None,
    )


def trouble_of(model: ReadModel, live: DictRow | None, follower: DictRow, follows: Follows) -> str | None:
    """Why the read model does not follow the log, in a sentence; None when it does."""
    if live is None:
        return "It has not been built yet."
    if live["version"] != model.version:
        return f"Version {live['version']} is live, and this program has version {model.version}."
    if live["stream_id"] is not None:
        more = f" (and {live['more']} more)" if live["more"] else ""
        return f"It cannot fold stream {live['stream_id']}{more}: {live['dead']}."
    if not follower["led"] and (not follows.alive or follows.error):
        return f"Nobody follows the log: {follows.error or 'run `oncelink serve` or `oncelink follow`'}."
    if follower["lag_seconds"] > STUCK_SECONDS and follows.error:
        return f"The follower fails: {follows.error}."
    return None


def ended(rebuild: DictRow) -> str:
    """Why the last rebuild did not come to its end."""
    return f"The last rebuild failed: {rebuild['error']}" if rebuild["error"] else "The last rebuild was broken off."


def progress_of(rebuild: DictRow) -> RebuildStanding:
    """How far it is."""
    eta = rebuild["eta_seconds"]
    return RebuildStanding(
        done=rebuild["done"],
        total=rebuild["total"],
        events_per_second=round(rebuild["events_per_second"], 1),
        eta_seconds=None if eta is None else round(eta, 1),
    )


def rows_of(db: Database, live: dict[str, Any]) -> int:
    """How many rows a live table has: counted, unless that would take long."""
    table = '"' + live["live_table"].replace('"', '""') + '"'
    counted = db.rows(ROWS.format(table=table), {"most": COUNTED})[0]["rows"]
    return int(counted) if counted < COUNTED else max(COUNTED, int(live["estimate"]))
