"""The status of each read model: its position in the log, its rows, whether it follows, and its rebuild."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.rebuild.progress import IS_HELD
from projections.table_lookup import LIVE_TABLES
from store.database import Database

ReadModelState = Literal["following", "rebuilding", "stopped"]

MAX_COUNTED = 10_000  # up to here, events and rows are counted; beyond it, they are estimated
STUCK_SECONDS = 10.0

FOLLOWER = f"""
SELECT f.position, l.head, {IS_HELD.format(name="rebuild")} AS rebuilding, {IS_HELD.format(name="follower")} AS led,
       (SELECT count(*) FROM (
           SELECT FROM {{schema}}.events WHERE position > f.position LIMIT {MAX_COUNTED}) AS beyond) AS lag_events,
       coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - recorded_at), 0)::float8
           FROM {{schema}}.events WHERE position > f.position ORDER BY position LIMIT 1), 0) AS lag_seconds
FROM {{schema}}.follower AS f, (SELECT coalesce(max(position), 0) AS head FROM {{schema}}.events) AS l
"""
MODELS = f"""
SELECT m.name, m.version, m.live_table, greatest(c.reltuples, 0)::bigint AS estimate,
       d.stream_id, d.error AS dead, d.more
FROM ({LIVE_TABLES}) AS m
LEFT JOIN pg_class AS c ON c.oid = to_regclass(format('%%I.%%I', %(schema)s::text, m.live_table))
LEFT JOIN LATERAL (
    SELECT stream_id, split_part(error, chr(10), 1) AS error, count(*) OVER () - 1 AS more
    FROM {{schema}}.dead_letters WHERE read_model = m.name ORDER BY failed_at LIMIT 1
) AS d ON true
"""
REBUILDS = """
SELECT read_model, done, total, error,
       coalesce(done / nullif(extract(epoch FROM moved_at - started_at), 0), 0)::float8 AS events_per_second,
       (extract(epoch FROM moved_at - started_at) * (1 - share) / nullif(share, 0))::float8 AS eta_seconds
FROM {schema}.rebuilds
"""
ROWS = "SELECT count(*) AS rows FROM (SELECT FROM {{schema}}.{table} LIMIT %(most)s) AS counted"


class RebuildProgress(TypedDict):
    """How far a rebuild is, in events; `eta_seconds` is null as long as nobody can know."""

    done: int
    total: int
    events_per_second: float
    eta_seconds: float | None


class ReadModelStatus(TypedDict):
    """The status of one read model. `rows` is counted up to 10,000, and PostgreSQL's estimate beyond."""

    name: str
    version: int
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    rows: int
    state: ReadModelState
    error: str | None
    rebuild: RebuildProgress | None


@dataclass(frozen=True, slots=True)
class FollowerHealth:
    """The follower of this process: whether it runs, and its last error."""

    is_alive: bool = False
    error: str | None = None


def list_read_model_statuses(
    db: Database, follower_health: FollowerHealth, catalogue: Sequence[ReadModel] = READ_MODELS
) -> list[ReadModelStatus]:
    """The status of all read models now. Raises DatabaseAway."""
    (follower,) = db.fetch_rows(FOLLOWER, {"schema": db.schema})
    live = {row["name"]: row for row in db.fetch_rows(MODELS, {"schema": db.schema})}
    rebuilds = {row["read_model"]: row for row in db.fetch_rows(REBUILDS)}
    return [
        build_read_model_status(model, follower, live.get(model.name), rebuilds.get(model.name), follower_health, db)
        for model in catalogue
    ]


def build_read_model_status(
    model: ReadModel,
    follower: DictRow,
    live_table: DictRow | None,
    rebuild: DictRow | None,
    follower_health: FollowerHealth,
    db: Database,
) -> ReadModelStatus:
    """The status of one read model."""
    error = describe_error(model, live_table, follower, follower_health)
    is_rebuilding = follower["rebuilding"] and rebuild is not None and rebuild["error"] is None
    state: ReadModelState = "rebuilding" if is_rebuilding else "stopped" if error else "following"
    lag_events = follower["lag_events"]
    return ReadModelStatus(
        name=model.name,
        version=live_table["version"] if live_table else model.version,
        position=follower["position"],
        head=follower["head"],
        lag_events=lag_events if lag_events < MAX_COUNTED else follower["head"] - follower["position"],
        lag_seconds=round(follower["lag_seconds"], 3),
        rows=count_rows(db, live_table) if live_table else 0,
        state=state,
        error=error or (None if is_rebuilding or rebuild is None else describe_failed_rebuild(rebuild)),
        rebuild=to_rebuild_progress(rebuild) if is_rebuilding and rebuild else None,
    )


def describe_error(
    model: ReadModel, live_table: DictRow | None, follower: DictRow, follower_health: FollowerHealth
) -> str | None:
    """Why the read model does not follow the log, as a sentence; None when it does."""
    if live_table is None:
        return "It has not been built yet."
    if live_table["version"] != model.version:
        return f"Version {live_table['version']} is live, and this program has version {model.version}."
    if live_table["stream_id"] is not None:
        more = f" (and {live_table['more']} more)" if live_table["more"] else ""
        return f"It cannot fold stream {live_table['stream_id']}{more}: {live_table['dead']}."
    if not follower["led"] and (not follower_health.is_alive or follower_health.error):
        return f"Nobody follows the log: {follower_health.error or 'run `oncelink serve` or `oncelink follow`'}."
    if follower["lag_seconds"] > STUCK_SECONDS and follower_health.error:
        return f"The follower fails: {follower_health.error}."
    return None


def describe_failed_rebuild(rebuild: DictRow) -> str:
    """Why the last rebuild did not finish."""
    return f"The last rebuild failed: {rebuild['error']}" if rebuild["error"] else "The last rebuild was broken off."


def to_rebuild_progress(rebuild: DictRow) -> RebuildProgress:
    """The progress of a rebuild from its record."""
    eta_seconds = rebuild["eta_seconds"]
    return RebuildProgress(
        done=rebuild["done"],
        total=rebuild["total"],
        events_per_second=round(rebuild["events_per_second"], 1),
        eta_seconds=None if eta_seconds is None else round(eta_seconds, 1),
    )


def count_rows(db: Database, live_table: dict[str, Any]) -> int:
    """The number of rows of a live table: counted up to 10,000, estimated beyond."""
    table = '"' + live_table["live_table"].replace('"', '""') + '"'
    row_count = db.fetch_rows(ROWS.format(table=table), {"most": MAX_COUNTED})[0]["rows"]
    return int(row_count) if row_count < MAX_COUNTED else max(MAX_COUNTED, int(live_table["estimate"]))
